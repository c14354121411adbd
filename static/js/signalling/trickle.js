/**
 * The body that carries trickled ICE candidates (RFC 8840, as WHIP uses it in RFC 9725 section 4.3.1). Pure.
 */

/**
 * @param {string} offer  the local description
 * @param {readonly string[]} candidates  `candidate:…` lines
 * @param {boolean} complete  whether these are the last
 * @returns {string | null}  an application/trickle-ice-sdpfrag; null if the offer has no ICE credentials
 */
export function trickleFragment(offer, candidates, complete) {
  const ufrag = /^a=ice-ufrag:.*$/m.exec(offer);
  const pwd = /^a=ice-pwd:.*$/m.exec(offer);
  const media = /^m=.*$/m.exec(offer);
  const mid = /^a=mid:.*$/m.exec(offer);
  if (!ufrag || !pwd || !media || !mid) return null;
  const lines = [ufrag[0], pwd[0], media[0], mid[0], ...candidates.map((candidate) => `a=${candidate}`)];
  if (complete) lines.push("a=end-of-candidates");
  return lines.map((line) => `${line.trim()}\r\n`).join("");
}
