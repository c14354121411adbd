/**
 * The administrator's page: who may come in, and what is shown every couple of seconds.
 */

import { AdminView } from "./admin/adminview.js";
import { Overview } from "./admin/overview.js";
import { attempt } from "./page/attempt.js";
import { confirmed } from "./page/confirm.js";
import { keepToken, tokenOf } from "./page/credentials.js";
import { translatePage } from "./page/translate.js";
import { Client } from "./signalling/client.js";
import { text } from "./texts/texts.js";

translatePage();
document.title = text("admin.title");

/** Under which name the tab keeps what lets an administrator in: no room has it. */
const EVERYWHERE = "*";

const linked = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
if (linked) {
  keepToken(EVERYWHERE, linked);
  history.replaceState(null, "", location.pathname + location.search); // nobody is to read it over a shoulder
}

const view = new AdminView();
const overview = new Overview(new Client("", tokenOf(EVERYWHERE)));

overview.addEventListener("shown", (event) => view.show(/** @type {CustomEvent} */ (event).detail));
overview.addEventListener("refused", (event) => view.ask(/** @type {CustomEvent} */ (event).detail));
overview.addEventListener("lost", () => view.lost());
view.addEventListener("token", (event) => {
  const token = /** @type {CustomEvent} */ (event).detail;
  keepToken(EVERYWHERE, token);
  overview.use(new Client("", token));
});
view.addEventListener("open", (event) => overview.watch(/** @type {CustomEvent} */ (event).detail));
view.addEventListener("lock", (event) => {
  const { room, locked } = /** @type {CustomEvent} */ (event).detail;
  void attempt(overview.lock(room, locked));
});
view.addEventListener("end", (event) => void end(/** @type {CustomEvent} */ (event).detail));
document.addEventListener("visibilitychange", () => overview.look(!document.hidden));

overview.start();

/** @param {string} room */
async function end(room) {
  if (await confirmed(text("admin.end-title", { room }), text("admin.end-text"), text("admin.end-yes"))) await attempt(overview.end(room));
}
