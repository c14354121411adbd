/**
 * The page: from the form to the room and back.
 */

import { Interruptions } from "./audio/interruptions.js";
import { capabilities } from "./audio/microphone.js";
import { keepSeat, takeSeat } from "./call/keptseat.js";
import { Session } from "./call/session.js";
import { Devices } from "./devices/devices.js";
import { play, resume } from "./devices/playback.js";
import { microphoneProblem, missingCapability } from "./devices/problems.js";
import { readInvitation, shownAddress } from "./page/address.js";
import { attempt } from "./page/attempt.js";
import { keepToken, tokenOf } from "./page/credentials.js";
import { byId } from "./page/dom.js";
import { ParentPage } from "./page/parentpage.js";
import { joinProblem, pinProblem, pinQuestion } from "./page/problems.js";
import { formatDuration } from "./page/time.js";
import { toast } from "./page/toast.js";
import "./page/toplayer.js";
import { translatePage } from "./page/translate.js";
import { publicPeople, talkingChanges } from "./room/publicpeople.js";
import { may } from "./room/rights.js";
import { accessAnywhere, accessTo, tokenFor } from "./signalling/access.js";
import { Client } from "./signalling/client.js";
import { isPinWanted, isTurnedDown } from "./signalling/errors.js";
import { text } from "./texts/texts.js";
import { FrontView } from "./views/frontview.js";
import { JoinView } from "./views/joinview.js";
import { RoomView } from "./views/roomview.js";
import { farewell } from "./words/departure.js";

translatePage();

const invitation = readInvitation(location.href);
/** The seat that we had in this tab before it was loaded anew; null if there is none, or we have it again. */
let kept = takeSeat(invitation.room, Date.now());

const devices = new Devices(kept?.processing ?? invitation.processing);
const joinView = new JoinView(invitation);
const roomView = new RoomView(() => devices.level());

/** What came with the link; it is tried in whatever room is typed. */
let linkToken = invitation.token;

/** @type {Session | null} */
let session = null;
let joining = false;
/** Who is getting in, and is not there yet. @type {Session | null} */
let entering = null;
/** What the page around this one has asked for while we were joining. */
let meanwhile = { muted: false, out: false };
/** The page around this one; null if there is none that may ask for anything. @type {ParentPage | null} */
let parentPage = null;

joinView.addEventListener("join", (event) => void join(/** @type {CustomEvent} */ (event).detail));
joinView.addEventListener("listen", () => devices.chooseNone());
joinView.addEventListener("explained", (event) => parentPage?.tell("error", { message: /** @type {CustomEvent} */ (event).detail }));
roomView.addEventListener("leave", leave);
roomView.addEventListener("microphone", () => void turnOnMicrophone());
roomView.addEventListener("again", goOn);
devices.addEventListener("problem", (event) => showProblem(/** @type {CustomEvent} */ (event).detail));
devices.addEventListener("interrupted", (event) => roomView.interrupted(/** @type {CustomEvent} */ (event).detail));
devices.addEventListener("track", (event) => void changeMicrophone(/** @type {CustomEvent} */ (event).detail));
const interruptions = new Interruptions(window);
interruptions.addEventListener("back", goOn);
interruptions.addEventListener("network", () => session?.suspect());
window.addEventListener("pagehide", pause);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // the seat was left with the page, and is taken by the next
});

void start();
if (!invitation.room) void showFront();

async function start() {
  const around = window.parent === window ? Promise.resolve() : listenToParent();
  const access = await readLink();
  await devices.prepare();
  if (access) showAccess(access);
  if (kept) joinView.offerSeat(kept);
  joinView.show();
  const missing = missingCapability(capabilities());
  if (missing) joinView.explain(missing.text, missing.canListen);
  byId("join-button", HTMLButtonElement).disabled = missing !== null && !missing.canListen;
  if (kept && !kept.microphone) devices.chooseNone();
  if (!access || may(access, "speak")) await devices.start();
  const asks = kept !== null && kept.microphone && !devices.allowed; // a question that nobody awaits
  await around;
  parentPage?.tell("ready");
  if (((kept && !asks) || invitation.autojoin) && !missing) joinView.submit();
}

/** Does what the page around this one asks for, if the server's operator allows its site that. */
async function listenToParent() {
  const { frameAncestors = [] } = await new Client("", "").get("/config").catch(() => ({}));
  if (frameAncestors.length === 0) return;
  parentPage = new ParentPage(window, frameAncestors);
  parentPage.addEventListener("join", (event) => joinAs(/** @type {CustomEvent} */ (event).detail));
  parentPage.addEventListener("leave", () => (session ? leave() : withdraw()));
  parentPage.addEventListener("mute", () => setMuted(true));
  parentPage.addEventListener("unmute", () => setMuted(false));
}

/** @param {{room: string, name: string, token: string}} wish  what it leaves empty is as it is */
function joinAs({ room, name, token }) {
  if (session || joining) return;
  joinView.preset(room, name);
  if (token && joinView.room) keepToken(joinView.room, token);
  else if (token) linkToken = token;
  joinView.submit();
}

/** @param {boolean} muted  also for somebody who is still joining: nobody is to hear them then */
function setMuted(muted) {
  meanwhile.muted = muted;
  (session ?? entering)?.setMuted(muted);
}

/** Nobody wants in any more. */
function withdraw() {
  meanwhile.out = joining;
  entering?.leave();
}

/**
 * Tells the page around this one what happens.
 *
 * @param {Session} from
 */
function tellParent(from) {
  if (window.parent === window) return; // or all people would be gone through with every event, for nobody
  let people = publicPeople(from.roster, from.ownId);
  parentPage?.tell("joined", { id: from.ownId, room: from.room, people });
  if (from.muted) parentPage?.tell("muted", { muted: true, byServer: false });
  from.addEventListener("muted", (event) => {
    const { muted, byServer } = /** @type {CustomEvent} */ (event).detail;
    parentPage?.tell("muted", { muted, byServer });
  });
  from.addEventListener("roster", () => {
    const now = publicPeople(from.roster, from.ownId);
    for (const change of talkingChanges(people, now)) parentPage?.tell("talking", change);
    people = now;
    parentPage?.tell("people", { people });
  });
}

/** The page was stopped for a while, by a call or by sleep; or somebody wants to be heard again: all sound is begun anew that has ended. */
function goOn() {
  if (!session) return;
  devices.back();
  resume();
  session.wake();
}

/** Nobody's link has led here: a name for a room, and those that there are, if we may know. */
async function showFront() {
  const front = new FrontView();
  front.addEventListener("room", (event) => joinView.choose(/** @type {CustomEvent} */ (event).detail));
  try {
    front.show((await new Client("", linkToken).get("/rooms")).rooms);
  } catch {
    // they are for those with a token: a room's name can be typed all the same
  }
}

/** The page is loaded anew, left or closed: who is back within a minute comes back into their seat. */
function pause() {
  const seat = session?.pause();
  if (seat) keepSeat({ ...seat, processing: devices.processing });
}

/**
 * Takes the token out of the address, where others may read it, and learns what it is for.
 *
 * @returns {Promise<import("./room/rights.js").Access | null>}  null without a token, or with one that says nothing
 */
async function readLink() {
  const token = linkToken || tokenOf(invitation.room);
  if (!token) return null;
  if (linkToken) history.replaceState(null, "", shownAddress(location.href, ""));
  try {
    const access = await accessAnywhere(new Client(invitation.room, token));
    const room = access.room ?? invitation.room;
    if (room) keepToken(room, token);
    return access;
  } catch (error) {
    joinView.explain(joinProblem(error), false);
    if (isTurnedDown(error)) {
      linkToken = "";
      keepToken(invitation.room, "");
    } else if (invitation.room) {
      keepToken(invitation.room, token); // the address has it no more
    }
    return null;
  }
}

/** @param {import("./room/rights.js").Access} access */
function showAccess(access) {
  joinView.fill(access.room ?? "", access.name ?? "");
  joinView.listenOnly(!may(access, "speak"));
}

/** @param {import("./views/joinview.js").Wish} wish */
async function join({ room, name, pin }) {
  if (joining || session) return;
  joining = true;
  meanwhile = { muted: false, out: false };
  joinView.busy(true);
  try {
    const token = pin ? await exchange(room, pin) : tokenOf(room) || linkToken;
    const access = token === null ? null : await permission(room, token);
    if (token === null || !access) return;
    if (!may(access, "speak")) devices.release(); // it may have been turned on before we knew
    const track = may(access, "speak") ? await microphone() : null;
    const seat = kept?.room === room ? kept : null;
    if (track === undefined || meanwhile.out) return;
    const role = seat?.role ?? invitation.role;
    await enter(seat ? { room, name, token, role, proof: seat.proof } : { room, name, token, role, access }, track);
  } finally {
    joining = false;
    joinView.busy(false);
    if (meanwhile.out) goBack("left", text("left.title"), text("left.waited"));
  }
}

/**
 * A token for a PIN.
 *
 * @param {string} room
 * @param {string} pin
 * @returns {Promise<string | null>}  null if it is not the PIN, which was then explained
 */
async function exchange(room, pin) {
  try {
    const token = await tokenFor(new Client(room, ""), pin);
    keepToken(room, token);
    return token;
  } catch (error) {
    joinView.askPin(pinProblem(error), true);
    return null;
  }
}

/**
 * @param {string} room
 * @param {string} token
 * @returns {Promise<import("./room/rights.js").Access | null>}  null if we may not in, which was then explained
 */
async function permission(room, token) {
  try {
    return await accessTo(new Client(room, token));
  } catch (error) {
    if (isTurnedDown(error)) keepToken(room, "");
    if (isPinWanted(error)) joinView.askPin(pinQuestion(error, token !== ""), false);
    else joinView.explain(joinProblem(error), false);
    return null;
  }
}

/** @returns {Promise<MediaStreamTrack | null | undefined>}  undefined if it failed, which was then explained */
async function microphone() {
  try {
    return await devices.open();
  } catch (error) {
    joinView.explain(microphoneProblem(error), true);
    return undefined;
  }
}

/**
 * @param {import("./call/reconnecting.js").Wish} wish
 * @param {MediaStreamTrack | null} track
 */
async function enter(wish, track) {
  const candidate = new Session(wish, track);
  candidate.addEventListener("remote", (event) => play(/** @type {CustomEvent} */ (event).detail), { once: true });
  candidate.addEventListener("dismissed", (event) => dismissed(candidate, /** @type {CustomEvent} */ (event).detail));
  if ((wish.proof && kept?.muted) || meanwhile.muted) candidate.setMuted(true);
  entering = candidate;
  try {
    await candidate.join();
  } catch (error) {
    play(null);
    if (!meanwhile.out) joinView.explain(joinProblem(error), false);
    return;
  } finally {
    entering = null;
  }
  if (candidate.state === "left") return; // and was told why
  session = candidate;
  kept = null;
  joinView.withdrawSeat();
  history.replaceState(null, "", shownAddress(location.href, wish.room));
  joinView.hide();
  roomView.show(candidate);
  tellParent(candidate);
  if (devices.track !== track) await changeMicrophone(devices.track); // chosen while joining
}

function leave() {
  if (!session) return;
  const stayed = formatDuration(roomView.seconds);
  const waited = session.waiting;
  session.leave();
  goBack("left", text("left.title"), waited ? text("left.waited") : text("left.stayed", { time: stayed }));
}

/**
 * @param {Session} from
 * @param {import("./room/roster.js").Departure} departure
 */
function dismissed(from, departure) {
  if (session && session !== from) return;
  const { title, lead } = farewell(departure, from.roster);
  goBack(departure.departure, title, lead);
}

/**
 * @param {"left" | "removed" | "ended"} reason
 * @param {string} title
 * @param {string} lead
 */
function goBack(reason, title, lead) {
  session = null;
  parentPage?.tell("left", { reason });
  play(null);
  roomView.hide();
  devices.release();
  joinView.showAfter(title, lead);
}

async function turnOnMicrophone() {
  try {
    joinView.listenOnly(false);
    devices.chooseAny();
    await devices.open(); // fires `track`
  } catch (error) {
    toast(microphoneProblem(error));
  }
}

/** @param {MediaStreamTrack | null} track */
async function changeMicrophone(track) {
  if (!session) return;
  const original = session.original;
  await session.replaceTrack(track);
  if (track && session.original !== original) await attempt(session.change({ original_sound: session.original }));
  roomView.microphoneChanged();
}

/** @param {string} sentence */
function showProblem(sentence) {
  if (session) toast(sentence);
  else joinView.explain(sentence, true);
}
