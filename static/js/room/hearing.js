/**
 * Who hears whom, from the settings that the server tells. Pure.
 */

/**
 * @typedef {object} Rule
 * @property {string | null} listener  null: whoever listens
 * @property {string | null} source  null: whoever speaks
 * @property {number} gain  0 to 2
 */

/**
 * Who is meant by a whisper.
 *
 * @param {readonly Rule[]} rules
 * @param {string} source
 * @returns {string[] | null}  ids of those who alone hear somebody; null if they are not kept from others
 */
export function onlyHearers(rules, source) {
  if (set(rules, null, source) !== 0) return null;
  return rules.flatMap((rule) => (rule.source === source && rule.listener !== null && rule.gain > 0 ? [rule.listener] : []));
}

/**
 * @param {readonly Rule[]} rules
 * @param {string | null} listener
 * @param {string | null} source
 */
function set(rules, listener, source) {
  return rules.find((rule) => rule.listener === listener && rule.source === source)?.gain;
}
