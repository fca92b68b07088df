// Whole-page states: what happened and what to do, in place of the paper. The paper under it is blanked.

import { h, icon, span, t } from "../dom.js";

const ICONS = {
  loading: "clock", offline: "wifi-off", not_started: "clock", held: "lock", suspended: "pause", evacuated: "alert", away: "user", lost: "lock", elsewhere: "lock", moved: "right",
  unit_moving: "clock", unit_over: "clock", units_done: "check", deadline_wait: "clock", deadline: "clock",
  closed: "lock", submitting: "upload", undelivered: "wifi-off", done: "check", refused: "alert",
};
const TONES = { undelivered: "warn", offline: "warn", held: "warn", lost: "stop", elsewhere: "stop", refused: "stop", suspended: "warn", evacuated: "stop leave", away: "warn", done: "ok", units_done: "ok" };

export class Screens {
  constructor(root, paper) {
    Object.assign(this, { root, paper, name: null });
  }

  /** Show the screen `name`; `params` fill its sentences, `said` is who did what, `actions` are its buttons, `extra` comes between. */
  show(name, params = {}, { actions = [], extra = [], title, text, said = "" } = {}) {
    const again = this.name === name && this.said === said;
    Object.assign(this, { name, said });
    for (const part of this.paper) part.hidden = true;
    const alone = TONES[name]?.includes("leave"); // the bar with the page's heading is gone
    const heading = h("h2", { tabindex: "-1", "aria-level": alone ? "1" : null }, title ?? t(`screen.${name}.title`, params));
    this.root.hidden = false;
    this.root.replaceChildren(h("div", { class: `card screen ${TONES[name] ?? ""}`, role: again ? null : "alert" },
      h("span", { class: "screen-icon" }, icon(ICONS[name] ?? "info")), heading,
      h("p", {}, text ?? t(`screen.${name}.text`, params)),
      said ? h("p", { class: "screen-said" }, said) : null, extra,
      actions.length ? h("div", { class: "btn-row" }, actions) : null));
    if (!again) heading.focus({ preventScroll: true });
  }

  hide() {
    Object.assign(this, { name: null, said: "" });
    this.root.hidden = true;
    this.root.replaceChildren();
    for (const part of this.paper) part.hidden = false;
  }
}

/** A count-down that ends in `then()`: returns its element. */
export function countdown(ms, key, then) {
  const end = performance.now() + ms;
  const node = h("p", { class: "hint num" });
  const tick = () => {
    const left = end - performance.now();
    node.textContent = t(key, { time: span(left), seconds: Math.max(0, Math.ceil(left / 1000)) });
    if (left > 0) setTimeout(tick, 250);
    else then();
  };
  tick();
  return node;
}
