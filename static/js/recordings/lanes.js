/**
 * Who talked when in a recording: a lane for each person; and what they said, where that is known. Pure.
 */

/**
 * @typedef {object} Lane
 * @property {string} id  the person's
 * @property {string} name
 * @property {[number, number][]} spurts  when they talked, from and to, in seconds
 */

/**
 * @typedef {object} Said
 * @property {number} from  in seconds
 * @property {number} to
 * @property {string} name  of who said it
 * @property {string} text
 */

/**
 * @typedef {object} Timeline
 * @property {Lane[]} lanes  in the order in which people came; of those who never talked, none
 * @property {[number, number][]} pauses  when nothing was kept
 * @property {Said[]} said  in the order in which it began
 */

/** For so many seconds what was said can still be read. */
const LINGERS = 1;

/**
 * @param {string} text  lines of JSON, as `events.jsonl` has them
 * @param {number} seconds  how long the recording is
 * @returns {Timeline}
 */
export function timelineOf(text, seconds) {
  /** @type {Map<string, Lane>} */
  const lanes = new Map();
  /** @type {Map<string, number>} */
  const talking = new Map();
  /** @type {[number, number][]} */
  const pauses = [];
  /** @type {Said[]} */
  const said = [];
  let paused = -1;
  const stop = (/** @type {string} */ id, /** @type {number} */ at) => {
    const since = talking.get(id);
    talking.delete(id);
    if (since !== undefined && at > since) lanes.get(id)?.spurts.push([since, at]);
  };
  for (const { t, event, data } of eventsIn(text)) {
    switch (event) {
      case "participant.joined":
      case "participant.updated":
        nameLane(lanes, data.participant);
        break;
      case "talking.started":
        talking.set(data.id, t);
        break;
      case "talking.stopped":
        stop(data.id, t);
        break;
      case "participant.left":
        stop(data.participant.id, t);
        break;
      case "caption":
        said.push({ from: t, to: t + data.ends_at - data.begins_at, name: data.name, text: data.text });
        break;
      case "recording.paused":
        for (const id of [...talking.keys()]) stop(id, t);
        paused = t;
        break;
      case "recording.resumed":
        pauses.push([paused, t]);
        paused = -1;
        break;
    }
  }
  for (const id of [...talking.keys()]) stop(id, seconds);
  if (paused >= 0 && seconds > paused) pauses.push([paused, seconds]);
  return { lanes: [...lanes.values()].filter((lane) => lane.spurts.length > 0), pauses, said };
}

/**
 * What is being said at a time, or was last, if that is not long ago.
 *
 * @param {readonly Said[]} said
 * @param {number} seconds
 * @returns {Said[]}
 */
export function saidAt(said, seconds) {
  return said.filter((one) => one.from <= seconds && seconds < one.to + LINGERS);
}

/**
 * @param {Map<string, Lane>} lanes
 * @param {{id: string, name: string}} person
 */
function nameLane(lanes, { id, name }) {
  const lane = lanes.get(id);
  if (lane) lane.name = name;
  else lanes.set(id, { id, name, spurts: [] });
}

/**
 * @param {string} text
 * @returns {{t: number, event: string, data: any}[]}  a line that is none is left out
 */
function eventsIn(text) {
  return text.split("\n").flatMap((line) => {
    try {
      const found = JSON.parse(line);
      return typeof found.t === "number" ? [found] : [];
    } catch {
      return [];
    }
  });
}
