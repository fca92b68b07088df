// 试答: the answer page itself, with something in this page in the server's place. Nothing typed here leaves the page, nothing
// is kept, and the start of the room ends it at once.

import { answerBy } from "../api.js";
import { t } from "../dom.js";
import { keepNothing } from "../save/storage.js";
import { StandIn } from "./stand_in.js";
import { awaitStart } from "./start.js";
import { Tour } from "./tour.js";

const box = document.getElementById("practice");
const waiting = JSON.parse(box.dataset.waiting);
const server = new StandIn(JSON.parse(box.dataset.sample));

keepNothing();
answerBy((url, body) => server.answer(url, body));
const { app } = await import("../main.js");

const tour = new Tour(app, { begun: () => server.hold(app), ended: () => server.release(app) });
if (waiting.state) awaitStart(waiting, app);
document.getElementById("practice-tour").addEventListener("click", () => (app.locked ? app.announce(t("practice.tour.later")) : tour.open()));
document.getElementById("practice-again").addEventListener("click", () => {
  app.running = false;
  window.location.reload();
});
document.getElementById("practice-leave").addEventListener("click", () => { app.running = false; });
const told = `cbt-tour:${app.attempt.ticket_number}`; // the next person at this machine is shown around, too
if (!sessionStorage.getItem(told)) {
  sessionStorage.setItem(told, "1");
  tour.open();
}
