/**
 * How the room is run, for those who may decide it: a dialog.
 */

import { attempt } from "../page/attempt.js";
import { confirmed } from "../page/confirm.js";
import { byId, closeOnClick, icon, make, setText } from "../page/dom.js";
import { toast } from "../page/toast.js";
import { text } from "../texts/texts.js";

/** The switches of the policy, by the id of their checkbox. */
const SWITCHES = { "policy-locked": "locked", "policy-mute": "mute_on_entry", "policy-ends": "ends_with_host", "policy-captions": "captions" };

/** What is chosen from a list. */
const CHOICES = { "policy-lobby": "lobby", "policy-announce": "announce" };

export class ManageView {
  #dialog = byId("manage-dialog", HTMLDialogElement);
  #music = byId("policy-music", HTMLSelectElement);
  #sound = byId("sound", HTMLSelectElement);
  #pin = byId("policy-pin", HTMLInputElement);
  #limit = byId("policy-limit", HTMLInputElement);
  /** @type {readonly import("../room/roomstate.js").Playing[] | null} */ #shown = null;
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {import("./moderation.js").Moderation | null} */ #moderation = null;

  constructor() {
    closeOnClick(this.#dialog, byId("manage-close"));
    for (const [id, field] of Object.entries(SWITCHES)) {
      const box = byId(id, HTMLInputElement);
      box.addEventListener("change", () => void this.#change({ [field]: box.checked }));
    }
    for (const [id, field] of Object.entries(CHOICES)) {
      const list = byId(id, HTMLSelectElement);
      list.addEventListener("change", () => void this.#change({ [field]: list.value }));
    }
    this.#music.addEventListener("change", () => void this.#change({ hold_music: this.#music.value || null }));
    this.#onSubmit("pin-form", () => this.#setPin());
    this.#onSubmit("limit-form", () => this.#setLimit());
    byId("mute-all").addEventListener("click", () => void this.#muteAll());
    byId("sound-play").addEventListener("click", () => void attempt(this.#do().play(this.#sound.value)));
    byId("end-all").addEventListener("click", () => void this.#end());
  }

  /**
   * @param {import("../call/session.js").Session} session
   * @param {import("./moderation.js").Moderation} moderation
   */
  async open(session, moderation) {
    this.#session = session;
    this.#moderation = moderation;
    const { policy } = session.roomState;
    this.#pin.value = policy.pin ?? "";
    this.#limit.value = String(policy.max_participants ?? "");
    this.#dialog.showModal();
    this.renew();
    const { captions } = await session.client.get("/config").catch(() => ({}));
    byId("captions-field").hidden = !captions;
    const library = await moderation.library().catch(() => []);
    this.#fillSounds(library.map((sound) => sound.name));
    this.renew();
  }

  /** Shows what has changed meanwhile; closes when it is not for us to decide any more. */
  renew() {
    const session = this.#session;
    if (!session || !this.#dialog.open) return;
    if (!session.moderates || session.waiting) return this.#dialog.close();
    const policy = /** @type {Record<string, any>} */ (session.roomState.policy);
    for (const [id, field] of Object.entries(SWITCHES)) byId(id, HTMLInputElement).checked = policy[field];
    for (const [id, field] of Object.entries(CHOICES)) byId(id, HTMLSelectElement).value = policy[field];
    this.#music.value = policy.hold_music ?? "";
    this.#showPlaying(session.roomState.sounds);
  }

  close() {
    this.#dialog.close();
  }

  #do() {
    if (!this.#moderation) throw new Error("there is no room");
    return this.#moderation;
  }

  /**
   * @param {string} id
   * @param {() => Promise<void>} act
   */
  #onSubmit(id, act) {
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      void act();
    });
  }

  /**
   * @param {object} changes
   * @returns {Promise<boolean>}
   */
  async #change(changes) {
    const done = await attempt(this.#do().changeRoom(changes));
    if (done === undefined) this.renew(); // as it was
    return done !== undefined;
  }

  async #setPin() {
    const pin = this.#pin.value.trim();
    if (pin && !/^[0-9]{4,12}$/.test(pin)) toast(text("manage.pin-wrong"));
    else if (await this.#change({ pin: pin || null })) toast(pin ? text("manage.pin-is", { pin }) : text("manage.pin-gone"));
  }

  async #setLimit() {
    const limit = this.#limit.value.trim();
    if (limit && !/^[1-9][0-9]{0,4}$/.test(limit)) toast(text("manage.limit-wrong"));
    else if (await this.#change({ max_participants: limit ? Number(limit) : null })) {
      toast(limit ? text("manage.limit-is", { count: Number(limit) }) : text("manage.limit-gone"));
    }
  }

  async #muteAll() {
    const muted = await attempt(this.#do().muteAll(this.#session?.ownId ? [this.#session.ownId] : []));
    if (muted !== undefined) toast(text("manage.muted-all", { count: muted }));
  }

  async #end() {
    if (await confirmed(text("manage.end-title"), text("manage.end-text"), text("manage.end-yes"))) await attempt(this.#do().end());
  }

  /** @param {string[]} names */
  #fillSounds(names) {
    const { hold_music: music } = this.#session?.roomState.policy ?? {};
    const known = music && !names.includes(music) ? [...names, music] : names;
    this.#music.replaceChildren(option("", text("manage.music-none")), ...known.map((name) => option(name, name)));
    this.#sound.replaceChildren(...names.map((name) => option(name, name)));
    byId("sounds-field").hidden = names.length === 0;
    byId("music-field").hidden = known.length === 0;
  }

  /** @param {readonly import("../room/roomstate.js").Playing[]} sounds */
  #showPlaying(sounds) {
    if (sounds === this.#shown) return; // or the focus would be lost
    this.#shown = sounds;
    byId("sounds-playing").replaceChildren(
      ...sounds.filter((sound) => !sound.for_absent).map((sound) => {
        const item = make("li");
        const stop = make("button", "quiet", text("manage.stop"));
        stop.type = "button";
        stop.setAttribute("aria-label", text("manage.stop-sound", { sound: sound.name }));
        stop.addEventListener("click", () => void attempt(this.#do().stop(sound.id)));
        item.append(icon("speaker"), make("span", "", sound.name), stop);
        return item;
      }),
    );
  }
}

/**
 * @param {string} value
 * @param {string} label
 */
function option(value, label) {
  const element = make("option");
  element.value = value;
  setText(element, label);
  return element;
}
