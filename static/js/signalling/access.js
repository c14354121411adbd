/**
 * What we may do here, as the server says; and getting in with a PIN.
 */

/** @typedef {import("./client.js").Client} Client */

/**
 * What a person may do in a room.
 *
 * @param {Client} client
 * @returns {Promise<import("../room/rights.js").Access>}
 */
export function accessTo(client) {
  return client.get(`${client.room}/access`);
}

/**
 * What a token is for, whatever the room.
 *
 * @param {Client} client
 * @returns {Promise<import("../room/rights.js").Access>}
 */
export function accessAnywhere(client) {
  return client.get("/access");
}

/**
 * @param {Client} client
 * @param {string} pin
 * @returns {Promise<string>}  a token
 */
export async function tokenFor(client, pin) {
  const response = await client.send("POST", `${client.room}/tokens`, { pin });
  return (await response.json()).token;
}
