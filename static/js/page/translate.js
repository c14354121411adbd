/**
 * The language of a page: puts texts into HTML that has none: `data-text` names what stands in an element, `data-label`, `data-title` and
 * `data-placeholder` what its attributes say.
 */

import { chooseLanguage, parts, text, useLanguage } from "../texts/texts.js";

const ATTRIBUTES = { label: "aria-label", title: "title", placeholder: "placeholder" };

/** Has the page speak the language that its address or the browser asks for. */
export function translatePage() {
  const chosen = chooseLanguage(location.href, navigator.languages);
  useLanguage(chosen);
  document.documentElement.lang = chosen.language;
  translate(document);
}

/** @param {ParentNode} root */
function translate(root) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-text]"))) fill(element);
  for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(`[data-${name}]`))) {
      element.setAttribute(attribute, text(/** @type {import("../texts/texts.js").Key} */ (element.dataset[name])));
    }
  }
}

/**
 * What a text names in braces is the child of that name (`data-part`).
 *
 * @param {HTMLElement} element
 */
function fill(element) {
  const key = /** @type {import("../texts/texts.js").Key} */ (element.dataset.text);
  element.replaceChildren(...parts(key).map(({ said, name }) => (name && element.querySelector(`[data-part="${name}"]`)) || said));
}
