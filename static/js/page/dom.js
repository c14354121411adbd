/**
 * Small helpers for the page's elements.
 */

/**
 * The element with this id; it must exist.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!element || (kind && !(element instanceof kind))) throw new Error(`the page has no such element: ${id}`);
  return /** @type {T} */ (element);
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/**
 * An icon from the sprite in index.html.
 *
 * @param {string} name  e.g. `mic-off`
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/**
 * Changes an element's text only when it differs: less layout, and nothing said twice.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Has an element stand at a place of a list. One that stands there is not touched: it would lose the focus, or a pointer on it.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} element
 * @param {number} place  from 0
 */
export function putAt(list, element, place) {
  const there = list.children[place];
  if (there !== element) list.insertBefore(element, there ?? null);
}

/**
 * Has a dialog closed by its button, and by a click beside it.
 *
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} button
 */
export function closeOnClick(dialog, button) {
  button.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
