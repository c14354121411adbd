/**
 * The view in the room: shows a session, and hands it what the person does.
 */

import { CaptionsView } from "../captions/captionsview.js";
import { CallView } from "../calls/callview.js";
import { ChatView } from "../chat/chatview.js";
import { MuteButton } from "../devices/mutebutton.js";
import { play } from "../devices/playback.js";
import { SettingsView } from "../devices/settingsview.js";
import { LobbyView } from "../moderation/lobbyview.js";
import { ManageView } from "../moderation/manageview.js";
import { Moderation } from "../moderation/moderation.js";
import { PersonView } from "../moderation/personview.js";
import { entryNeeds, invitationAddress } from "../page/address.js";
import { announce } from "../page/announce.js";
import { attempt } from "../page/attempt.js";
import { copy } from "../page/clipboard.js";
import { byId, setText } from "../page/dom.js";
import { joinProblem } from "../page/problems.js";
import { formatDuration } from "../page/time.js";
import { toast } from "../page/toast.js";
import { shownNames } from "../people/displaynames.js";
import { aloneRemark, headCount } from "../people/headcount.js";
import { announceJoined, announceLeft } from "../people/presence.js";
import { Stage } from "../people/stage.js";
import { TalkersView } from "../people/talkersview.js";
import { Tiles } from "../people/tiles.js";
import { recordingMark } from "../recordings/mark.js";
import { RecordingsView } from "../recordings/recordingsview.js";
import { wasUs, whoDid } from "../words/actors.js";
import { inVain, isBeingCalled } from "../words/callstate.js";
import { changeToUs, ownStatus } from "../words/ownstatus.js";
import { EMPTY_ROSTER, split } from "../room/roster.js";
import { text } from "../texts/texts.js";
import { Banners } from "./banners.js";
import { listenForKeys } from "./keys.js";
import { QualityView } from "./qualityview.js";

/** How often our own meter moves, in milliseconds. */
const OWN_METER = 80;

/** Fires `leave`, `microphone` when the person wants to speak and has none yet, and `again` when it was taken away and they want it back. */
export class RoomView extends EventTarget {
  #view = byId("room-view");
  #title = byId("room-title");
  #hand = byId("hand", HTMLButtonElement);
  #banners = new Banners();
  #captions = new CaptionsView();
  #calls = new CallView();
  #chat = new ChatView();
  #lobby = new LobbyView();
  #manage = new ManageView();
  #mute = new MuteButton();
  #person = new PersonView(() => this.#calls.handsOver);
  #quality = new QualityView();
  #recordings = new RecordingsView();
  #settings = new SettingsView();
  #stage = new Stage();
  #talkers = new TalkersView();
  #tiles = new Tiles(byId("people"));
  #since = 0;
  #recorded = "";
  #clock = 0;
  #ownMeter = 0;
  /** @type {() => void} */ #stopKeys = () => undefined;
  /** @type {import("../call/session.js").Session | null} */ #session = null;
  /** @type {Moderation | null} */ #moderation = null;

  /**
   * @param {() => number} ownLevel  our own level in dBFS
   */
  constructor(ownLevel) {
    super();
    this.ownLevel = ownLevel;
    byId("leave").addEventListener("click", () => this.dispatchEvent(new Event("leave")));
    byId("invite").addEventListener("click", () => void this.#invite());
    byId("settings").addEventListener("click", () => void this.#settings.open(this.#session));
    byId("manage").addEventListener("click", () => this.#with((session, moderation) => this.#manage.open(session, moderation)));
    byId("more-controls").addEventListener("click", () => byId("more-controls").hidePopover?.());
    this.#hand.addEventListener("click", () => void this.#raiseHand());
    this.#tiles.addEventListener("open", (event) => {
      const { id } = /** @type {CustomEvent} */ (event).detail;
      this.#with((session, moderation) => this.#person.open(session, moderation, id));
    });
    this.#person.addEventListener("transfer", (event) => this.#calls.handOver(/** @type {CustomEvent} */ (event).detail.id));
    this.#banners.addEventListener("retry", () => this.#session?.retry());
    this.#banners.addEventListener("hear", () => void attempt(this.#session?.change({ deafened: false }) ?? Promise.resolve()));
    this.#banners.addEventListener("speak", () => this.#with((session, moderation) => attempt(moderation.endWhisper(session.ownId ?? ""))));
    this.#banners.addEventListener("yes", () => this.#speakUp());
    this.#banners.addEventListener("again", () => this.dispatchEvent(new Event("again")));
    document.addEventListener("visibilitychange", () => this.#session?.look(!document.hidden));
  }

  /** Seconds since the room was entered. */
  get seconds() {
    return (Date.now() - this.#since) / 1000;
  }

  /** @param {import("../call/session.js").Session} session */
  show(session) {
    const moderation = new Moderation(session.client);
    this.#session = session;
    this.#moderation = moderation;
    this.#since = Date.now();
    setText(this.#title, session.room);
    this.#banners.clear();
    this.#mute.start(session);
    this.#chat.start((text) => moderation.write(text));
    this.#lobby.start(session, moderation);
    this.#recordings.start(session);
    this.#calls.start(session);
    this.#captions.start(session);
    this.#recorded = "";
    this.#listen(session);
    session.look(!document.hidden);
    this.#showRoster();
    this.#view.hidden = false;
    (session.waiting ? byId("waiting-title") : this.#title).focus();
    this.#clock = setInterval(() => this.#tickClock(), 1000);
    this.#tickClock();
    this.#ownMeter = setInterval(() => this.#showOwnLevel(), OWN_METER);
    this.#quality.watch(() => session.connection);
    this.#stopKeys = listenForKeys({
      toggleMute: () => this.#mute.toggle(),
      talk: () => this.#mute.talk(),
      hush: () => this.#mute.hush(),
    });
  }

  hide() {
    this.#stopKeys();
    this.#session = null;
    this.#moderation = null;
    clearInterval(this.#clock);
    clearInterval(this.#ownMeter);
    this.#quality.stop();
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    this.#mute.start(null);
    play(null);
    this.#tiles.clear();
    this.#view.hidden = true;
  }

  /** @param {import("../call/session.js").Session} session */
  #listen(session) {
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      session.addEventListener(type, (event) => {
        if (this.#session === session) act(/** @type {CustomEvent} */ (event).detail);
      });
    on("roster", ({ type, data, before, concerned }) => {
      this.#showRoster();
      if (type === "room") this.#banners.hideDraining(); // it may be another server's
      if (type === "room" || (before?.waiting && !session.waiting)) void this.#captions.catchUp();
      this.#tell(type, data.by, before, concerned);
    });
    on("roomstate", () => {
      this.#showRoster();
      this.#tellOfRecording();
    });
    on("caption", (caption) => this.#captions.show(caption));
    on("access", () => this.#showRoster());
    on("levels", (levels) => this.#tiles.showLevels(levels, session.canSpeak ? session.ownId : null));
    on("muted", ({ muted, byServer }) => {
      if (!muted) this.#banners.hideAsked();
      this.#mute.changed(muted, byServer);
    });
    on("state", ({ state, before }) => this.#onState(state, before));
    on("remote", (stream) => play(stream));
    on("expired", () => this.#banners.expired());
    on("message", (message) => this.#chat.show(message, message.id !== null && message.id === session.ownId));
    on("draining", ({ ends_at: endsAt }) => this.#banners.draining(endsAt));
    on("asked", ({ by }) => this.#banners.ask(text("asked.unmute", { who: whoDid(by, session.roster, session.ownId) }), text("asked.yes"), text("asked.no")));
  }

  /** Shows everything that depends on who is here and what was decided about them. */
  #showRoster() {
    const session = this.#session;
    if (!session) return;
    const { own } = session;
    const { here, waiting } = split(session.roster);
    const names = shownNames(session.roster);
    this.#tiles.show(here, names, session.ownId, session.access);
    const count = session.waiting ? 0 : here.size;
    setText(byId("head-count"), session.waiting ? text("waiting.room") : count === 0 ? "" : headCount(count));
    byId("alone").hidden = count !== 1;
    setText(byId("alone"), aloneRemark(waiting.length, session.moderates));
    this.#talkers.show(session.waiting ? EMPTY_ROSTER : here, names, session.ownId);
    byId("locked").hidden = !session.roomState.policy.locked;
    this.#showRecording();
    this.#captions.renew();
    byId("manage").hidden = !session.moderates || session.waiting;
    byId("chat-open").hidden = session.waiting;
    if (session.waiting) this.#chat.hide();
    this.#hand.hidden = session.waiting;
    this.#hand.setAttribute("aria-pressed", String(Boolean(own?.hand_raised_at)));
    const hand = own?.hand_raised_at ? "lower" : "raise";
    setText(byId("hand-label"), text(`hand.${hand}`));
    setText(byId("hand-rest"), text(`hand.${hand}-rest`));
    document.title = text(session.waiting ? "room.title-waiting" : "room.title", { room: session.room, count });
    this.#calls.renew();
    const rules = this.#calls.transferring ? [] : session.roomState.rules; // who hears us is said there
    this.#banners.showOwnStatus(own ? ownStatus(own, session.roster, rules) : null);
    this.#mute.show();
    this.#lobby.renew(names);
    this.#stage.show(count); // when all that stands above it is in its place
    this.#person.renew();
    this.#manage.renew();
  }

  /** The mark, for as long as what is said is kept, with who wanted that. */
  #showRecording() {
    const session = this.#session;
    if (!session) return;
    const { recording } = session.roomState;
    byId("recording").hidden = recording === null;
    byId("recording").classList.toggle("is-paused", recording?.state === "paused");
    setText(byId("recording-text"), recordingMark(recording, session.roster, session.ownId));
    this.#recordings.renew();
  }

  /** Says aloud that what is said is kept from now on, or is not any more. */
  #tellOfRecording() {
    const session = this.#session;
    if (!session) return;
    const mark = recordingMark(session.roomState.recording, session.roster, session.ownId);
    if (mark !== this.#recorded) toast(mark ? `${mark}.` : text("recording.over"));
    this.#recorded = mark;
  }

  /**
   * Says what happened.
   *
   * @param {string} type
   * @param {string | null | undefined} by
   * @param {import("../room/roster.js").Person | null} before  we, before it
   * @param {{person: import("../room/roster.js").Person, was: import("../room/roster.js").Person | null}[]} concerned
   */
  #tell(type, by, before, concerned) {
    const session = this.#session;
    if (!session) return;
    if (before?.waiting && !session.waiting) this.#letIn();
    const updated = type === "participant.updated" || type === "participants.updated";
    const left = type === "participant.left" || type === "participants.left";
    for (const { person, was } of concerned) {
      if (person.id === session.ownId) {
        if (updated && before) this.#tellOfUs(before, person, by);
      } else if (!person.waiting && !isBeingCalled(person) && (type === "participant.joined" || (updated && was && (was.waiting || isBeingCalled(was))))) {
        announceJoined(person.name);
      } else if (left && inVain(person)) {
        toast(inVain(person));
      } else if (type === "participant.joined" && person.waiting && session.moderates) {
        toast(text("people.waits", { name: person.name }));
      } else if (left && !person.waiting) {
        announceLeft(person.name);
      }
    }
  }

  #letIn() {
    toast(text("waiting.in"));
    this.#title.focus();
  }

  /**
   * @param {import("../room/roster.js").Person} before
   * @param {import("../room/roster.js").Person} after
   * @param {string | null | undefined} by
   */
  #tellOfUs(before, after, by) {
    const session = this.#session;
    const silenced = after.muted_by !== null && before.muted_by === null;
    if (silenced || after.role === "listener") this.#banners.hideAsked(); // it is not to be had any more
    if (!session || !by || wasUs(by, session.roster, session.ownId)) return;
    const sentence = changeToUs(before, after, whoDid(by, session.roster, session.ownId));
    if (before.role === "listener" && after.role !== "listener") this.#banners.ask(sentence, text("asked.turn-on"), text("asked.listen"));
    else if (sentence) toast(sentence);
  }

  /**
   * @param {import("../call/session.js").State} state
   * @param {import("../call/session.js").State} before
   */
  #onState(state, before) {
    this.#quality.setLost(state !== "here");
    if (state === "reconnecting") {
      this.#banners.reconnecting();
    } else if (state === "here" && before === "reconnecting") {
      this.#banners.hideConnection();
      toast(text("banner.back"));
    } else if (state === "gone") {
      const trouble = this.#session?.trouble;
      this.#banners.gone(trouble ? joinProblem(trouble) : "");
    }
  }

  /** We were asked to speak, and want to. */
  #speakUp() {
    const session = this.#session;
    if (!session) return;
    session.setMuted(false);
    if (!session.hasMicrophone) this.dispatchEvent(new Event("microphone"));
    byId("mute").focus();
  }

  async #raiseHand() {
    const session = this.#session;
    if (!session) return;
    const raised = !session.own?.hand_raised_at;
    if ((await attempt(session.change({ hand_raised: raised }))) !== undefined) announce(text(raised ? "hand.raised" : "hand.lowered"));
  }

  /** @param {boolean} interrupted  whether the system has taken the microphone away */
  interrupted(interrupted) {
    const shown = !byId("interrupted").hidden;
    this.#banners.interrupted(interrupted && this.#session !== null);
    if (shown && !interrupted && this.#session) toast(text("banner.microphone-back"));
  }

  /** Called when a microphone was plugged into somebody who only listened. */
  microphoneChanged() {
    this.#mute.show();
  }

  #showOwnLevel() {
    const session = this.#session;
    if (!session?.ownId || !session.canSpeak || document.hidden) return;
    this.#tiles.showLevel(session.ownId, session.muted ? -127 : this.ownLevel());
  }

  #tickClock() {
    setText(byId("duration"), formatDuration(this.seconds));
  }

  async #invite() {
    const session = this.#session;
    if (!session) return;
    const address = invitationAddress(location.origin, session.room);
    const needs = entryNeeds(session.roomState.policy.has_pin, session.client.token !== "");
    const done = (await copy(address)) ? text("invite.copied") : text("invite.address", { address });
    toast(needs ? `${done} ${needs}` : done);
  }

  /** @param {(session: import("../call/session.js").Session, moderation: Moderation) => unknown} act */
  #with(act) {
    if (this.#session && this.#moderation) void act(this.#session, this.#moderation);
  }
}
