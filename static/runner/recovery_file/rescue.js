// The strip above the paper, when answers are in danger: what is the matter, what to do, and the work as a sealed
// file where it cannot be delivered. It blocks nothing. Source.

import { h, icon, t } from "../dom.js";
import { download, fileName, recordsFile, sealFile } from "./recovery.js";
import { isSealed } from "./sealing.js";

const CUT_LONG = 60_000;
const TONES = { full: "stop", slow: "warn", volatile: "warn", volatile_cut: "stop", cut: "warn", cut_over: "warn", lost: "warn", evidence: "" };

export class Rescue {
  constructor(app, root) {
    Object.assign(this, { app, root, shown: "" });
    setInterval(() => this.update(), 1000);
  }

  /** What is to be said now: `{key, params, file}`, or null while nothing is wrong. */
  state() {
    const { outbox, screens, handedOver } = this.app;
    if (handedOver || screens.name === "done") return null;
    const n = outbox.waiting({ answers: true }).length;
    const away = outbox.offlineSince === null ? 0 : performance.now() - outbox.offlineSince;
    const cut = n > 0 && !outbox.online;
    const { refusal } = outbox;
    if (refusal?.full && outbox.waiting().length) return { key: "full", params: { n, why: refusal.why }, file: n > 0 };
    if (refusal && outbox.waiting().length) return { key: "slow", params: { n, why: refusal.why }, file: false };
    if (n > 0 && ["lost", "elsewhere", "moved"].includes(screens.name)) return { key: "lost", params: { n }, file: true };
    if (cut && !outbox.durable) return { key: "volatile_cut", params: { n }, file: true };
    if (cut && (away >= CUT_LONG || screens.name === "undelivered")) {
      return { key: this.app.over ? "cut_over" : "cut", params: { n, minutes: Math.max(1, Math.floor(away / 60_000)) }, file: true };
    }
    if (!outbox.durable) return { key: "volatile", params: {}, file: false };
    return outbox.evidence ? { key: "evidence", params: { n: outbox.evidence }, file: false } : null;
  }

  update() {
    const { app, root } = this;
    const state = app.outbox.shelf.storage ? this.state() : null;
    const said = state ? t(`rescue.${state.key}`, state.params) : "";
    if (said === this.shown) return;
    this.shown = said;
    root.hidden = !state;
    root.className = `rescue notice ${state ? TONES[state.key] : ""}`;
    root.replaceChildren(...(state ? [icon(state.key === "evidence" ? "info" : "alert"), h("div", {}, h("p", {}, said),
      state.file ? this.button() : null)] : []));
  }

  button() {
    return h("button", { type: "button", class: "btn btn-s", onclick: () => this.save() }, icon("download"), t("rescue.save"));
  }

  save() {
    const { app, app: { outbox } } = this;
    const now = new Date(outbox.hooks.now());
    const [{ attempt, sealed, receipts }, entries, madeAt] = [outbox, outbox.waiting({ answers: true }), now.toISOString()];
    // A page that was loaded again and has no paper yet cannot read what waits; it hands it out as it lies here.
    const text = entries.some(isSealed)
      ? recordsFile({ attempt, records: entries.filter(isSealed), madeAt })
      : sealFile({ attempt, ...sealed, receipts, entries, madeAt });
    download(text, fileName(app.attempt.seat_number, now));
    app.toast(t("rescue.saved"), "accent", { stay: true });
  }
}
