// Why there is no paper to see: 暂停, 全场暂停, 紧急疏散, 临时离场, 中止, or closed, each in its own words, with who did it
// and why, and what of the answers has not reached the server. Source.

import { h, t } from "../dom.js";

const SCREENS = { "attempt.away": "away", "attempt.evacuated": "evacuated" };
const OWN_WORDS = {
  held: "room_held", aborted: "aborted", closed_proctor: "closed_proctor", closed_violation: "closed_violation", closed_evacuation: "closed_evacuation",
};

/** Screens behind which the paper waits to come back. */
export const STANDING = ["suspended", "evacuated", "away"];

/** Return the screen for what a refusal or a clock says stands. */
export const screenOf = (code) => SCREENS[code] ?? "suspended";

/** Return what a screen says of a standing: its words, who and why, and where the answers are. */
export function wordsOf(app, standing) {
  const { kind, text = "" } = standing ?? {};
  const own = OWN_WORDS[kind];
  return {
    title: own ? t(`screen.${own}.title`) : undefined,
    text: own ? t(`screen.${own}.text`) : undefined,
    said: text,
    extra: [app.delivery.node()],
  };
}

/** Says on a screen whether the answers have reached the server, and follows while they do. */
export class Delivery {
  constructor(app) {
    this.app = app;
  }

  node() {
    this.line = h("p", { class: "screen-delivery", "aria-live": "polite" });
    this.update();
    return this.line;
  }

  update() {
    if (!this.line) return;
    const { outbox } = this.app;
    const n = outbox.waiting({ answers: true }).length;
    const { evidence } = outbox;
    const key = n ? (outbox.durable ? "waits" : "volatile") : evidence ? "late" : "all";
    const text = t(`screen.delivery.${key}`, { n: n || evidence });
    if (this.line.textContent !== text) this.line.textContent = text;
    this.line.classList.toggle("waits", n + evidence > 0);
  }
}
