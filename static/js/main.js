/**
 * The page: from the form to the room and back.
 */

import { readInvitation } from "./address.js";
import { Devices } from "./devices.js";
import { byId } from "./dom.js";
import { formatDuration } from "./duration.js";
import { JoinView } from "./join.js";
import { capabilities } from "./microphone.js";
import { joinProblem, microphoneProblem, missingCapability } from "./problems.js";
import { play } from "./playback.js";
import { RoomView } from "./room.js";
import { Session } from "./session.js";
import { toast } from "./toast.js";

const invitation = readInvitation(location.href);
const devices = new Devices(invitation.processing);
const joinView = new JoinView(invitation);
const roomView = new RoomView(() => devices.level());

/** @type {Session | null} */
let session = null;
let joining = false;

joinView.addEventListener("join", (event) => void join(/** @type {CustomEvent} */ (event).detail));
joinView.addEventListener("listen", () => devices.chooseNone());
roomView.addEventListener("leave", leave);
devices.addEventListener("problem", (event) => showProblem(/** @type {CustomEvent} */ (event).detail));
devices.addEventListener("track", (event) => void changeMicrophone(/** @type {CustomEvent} */ (event).detail));
window.addEventListener("pagehide", () => session?.leave());
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // the seat was given up when the page was left
});

void start();

async function start() {
  await devices.prepare();
  joinView.show();
  const missing = missingCapability(capabilities());
  if (missing) joinView.explain(missing.text, missing.canListen);
  byId("join-button", HTMLButtonElement).disabled = missing !== null && !missing.canListen;
  await devices.start();
  if (invitation.autojoin && !missing) joinView.submit();
}

/** @param {import("./join.js").Wish} wish */
async function join({ room, name }) {
  if (joining || session) return;
  joining = true;
  joinView.busy(true);
  try {
    const track = await microphone();
    if (track !== undefined) await enter(room, name, track);
  } finally {
    joining = false;
    joinView.busy(false);
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
 * @param {string} room
 * @param {string} name
 * @param {MediaStreamTrack | null} track
 */
async function enter(room, name, track) {
  const candidate = new Session(room, name, track);
  candidate.addEventListener("remote", (event) => play(/** @type {CustomEvent} */ (event).detail), { once: true });
  try {
    await candidate.join();
  } catch (error) {
    play(null);
    joinView.explain(joinProblem(error), false);
    return;
  }
  session = candidate;
  history.replaceState(null, "", `/join/${encodeURIComponent(room)}${location.search}`);
  joinView.hide();
  roomView.show(candidate, room);
  if (devices.track !== track) await changeMicrophone(devices.track); // chosen while joining
}

function leave() {
  if (!session) return;
  const stayed = formatDuration(roomView.seconds);
  session.leave();
  session = null;
  roomView.hide();
  devices.release();
  joinView.showAfter("You left the room", `You were there for ${stayed}. You can join again at any time.`);
}

/** @param {MediaStreamTrack | null} track */
async function changeMicrophone(track) {
  if (!session) return;
  await session.replaceTrack(track);
  roomView.microphoneChanged();
}

/** @param {string} sentence */
function showProblem(sentence) {
  if (session) toast(sentence);
  else joinView.explain(sentence, true);
}
