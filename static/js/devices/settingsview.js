/**
 * The settings in the room: devices, and what the server does to our voice.
 */

import { attempt } from "../page/attempt.js";
import { byId } from "../page/dom.js";

/** What the server can do to a voice, by the id of its checkbox. */
const STAGES = { "levelling": "levelling", "noise-suppression": "noise_suppression" };

export class SettingsView {
  #dialog = byId("settings-dialog", HTMLDialogElement);
  #voice = byId("voice-settings", HTMLFieldSetElement);
  /** @type {import("../call/session.js").Session | null} */ #session = null;

  constructor() {
    byId("settings-close").addEventListener("click", () => this.#dialog.close());
    for (const [id, field] of Object.entries(STAGES)) {
      const box = byId(id, HTMLInputElement);
      box.addEventListener("change", () => void this.#change(box, field));
    }
  }

  /** @param {import("../call/session.js").Session | null} session */
  async open(session) {
    this.#session = session;
    byId("settings-devices").append(byId("devices"));
    this.#voice.hidden = !session?.ownId || session.listens;
    this.#voice.disabled = true; // and in its place, so that nothing moves under the pointer when the server answers
    this.#dialog.showModal();
    if (!session?.ownId || session.listens) return;
    const person = await attempt(session.client.get(session.client.person(session.ownId)));
    const { available = [] } = person?.voice ?? {};
    for (const [id, field] of Object.entries(STAGES)) {
      const box = byId(id, HTMLInputElement);
      box.checked = Boolean(person?.voice?.[field]);
      this.#offer(box, available.includes(field));
    }
    this.#voice.disabled = person === undefined;
    this.#voice.hidden = person !== undefined && available.length === 0;
  }

  /**
   * Shows a stage where it can be had, and nowhere else. What was offered once keeps its place while the server is asked.
   *
   * @param {HTMLInputElement} box
   * @param {boolean} can
   */
  #offer(box, can) {
    const line = box.closest("label");
    if (line) line.hidden = !can;
  }

  /**
   * @param {HTMLInputElement} box
   * @param {string} field
   */
  async #change(box, field) {
    const done = await attempt(this.#session?.change({ [field]: box.checked }) ?? Promise.resolve());
    if (done === undefined) box.checked = !box.checked;
  }
}
