/**
 * Puts texts into HTML that has none: `data-text` names what stands in an element, `data-label`, `data-title` and
 * `data-placeholder` what its attributes say.
 */

import { parts, text } from "../texts/texts.js";

const ATTRIBUTES = { label: "aria-label", title: "title", placeholder: "placeholder" };

/** @param {ParentNode} root */
export function translate(root) {
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
