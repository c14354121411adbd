// People for the tests of the page's modules.

export const person = (id, more = {}) => ({
  id, name: id.toUpperCase(), transport: "webrtc", muted: false, talking: false, level: -127, joined_at: 0,
  role: "speaker", identity: null, muted_by: null, held: false, deafened: false, waiting: false, hand_raised_at: null, ...more,
});

export const roster = (...people) => new Map(people.map((one) => [one.id, one]));
