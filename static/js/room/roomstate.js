/**
 * How the room is run: its policy, what it plays, who hears whom. Kept up by the server's events. Pure.
 */

/**
 * @typedef {object} Policy
 * @property {boolean} locked
 * @property {number | null} max_participants
 * @property {"off" | "host" | "admit"} lobby
 * @property {boolean} ends_with_host
 * @property {boolean} mute_on_entry
 * @property {"off" | "tones" | "names"} announce
 * @property {string | null} hold_music
 * @property {boolean} captions  what is said is shown as text
 * @property {boolean} has_pin
 * @property {string | null} [pin]  told to those who may set it
 */

/**
 * @typedef {object} Playing  a sound that is being played
 * @property {string} id
 * @property {string} name
 * @property {boolean} [for_absent]  it is music for those on hold and in the lobby
 */

/**
 * @typedef {object} Recording
 * @property {string} id
 * @property {"recording" | "paused"} state
 * @property {string | null} started_by  null: the server records every room
 */

/**
 * @typedef {object} RoomState
 * @property {Policy} policy
 * @property {readonly Playing[]} sounds
 * @property {readonly import("./hearing.js").Rule[]} rules
 * @property {Recording | null} recording  of the room, while it goes on
 */

/** @type {RoomState} */
export const EMPTY_ROOM_STATE = {
  policy: {
    locked: false, max_participants: null, lobby: "off", ends_with_host: false, mute_on_entry: false,
    announce: "off", hold_music: null, captions: false, has_pin: false,
  },
  sounds: [],
  rules: [],
  recording: null,
};

/**
 * @param {RoomState} state
 * @param {string} type  an event's name
 * @param {any} data  its data
 * @returns {RoomState}  the same object if nothing changed
 */
export function applyToRoomState(state, type, data) {
  switch (type) {
    case "room":
      return {
        policy: { ...EMPTY_ROOM_STATE.policy, ...data.policy },
        sounds: data.sounds ?? [],
        rules: data.hearing ?? [],
        recording: data.recording ?? null,
      };
    case "room.updated":
      return { ...state, policy: { ...state.policy, ...data.policy } };
    case "hearing.changed":
      return { ...state, rules: data.rules };
    case "sound.started":
      return { ...state, sounds: [...without(state.sounds, data.sound.id), data.sound] };
    case "sound.stopped":
      return { ...state, sounds: without(state.sounds, data.sound.id) };
    case "recording.started":
    case "recording.paused":
    case "recording.resumed":
      return { ...state, recording: data.recording };
    case "recording.stopped":
      return { ...state, recording: null };
    default:
      return state;
  }
}

/**
 * @param {readonly Playing[]} sounds
 * @param {string} id
 */
function without(sounds, id) {
  return sounds.filter((sound) => sound.id !== id);
}
