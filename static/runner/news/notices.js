// What is told beside the paper: notices, of which there is one card at a time that goes by itself, and refusals, which
// stand at the button that was pressed. Neither takes the focus nor covers name, photo, clock, state of saving or an answer.

import { h, icon, t } from "../dom.js";

const SHORT = 10_000;
const LONG = 60_000; // for what one has to have read
const TONES = ["stop", "warn", "accent"];

export class Notices {
  constructor(root, announce) {
    Object.assign(this, { root, announce, lines: [], leaving: null });
    document.addEventListener("click", ({ target }) => {
      this.pressed = target.closest?.("button");
      this.refusal?.remove();
    }, true);
  }

  /** Tell `text`; what is told while something is still there joins it. `close` is called when all of it was read. */
  add(text, kind = "", { stay = false, close = () => {} } = {}) {
    this.lines = this.lines.filter((line) => line.text !== text);
    this.lines.push({ text, kind, stay, close });
    this.draw();
    this.announce(text);
  }

  /** Take back what is not so any more. */
  drop(kind) {
    this.lines = this.lines.filter((line) => line.kind !== kind);
    this.draw();
  }

  clear() {
    this.lines = [];
    this.draw();
  }

  draw() {
    clearTimeout(this.leaving);
    const { lines } = this;
    if (!lines.length) {
      this.root.replaceChildren();
      return;
    }
    const stays = lines.some(({ stay }) => stay);
    const tone = TONES.find((each) => lines.some(({ kind }) => kind === each)) ?? "";
    this.root.replaceChildren(h("div", { class: `toast card ${tone}` }, icon(stays ? "info" : "clock"),
      h("div", { class: "toast-lines", tabindex: "0" }, lines.toReversed().map(({ text }) => h("p", {}, text))),
      h("button", { type: "button", class: "btn btn-s", onclick: () => this.read() }, t("toast.read"))));
    const leave = () => {
      if (this.root.matches(":hover, :focus-within")) this.leaving = setTimeout(leave, SHORT / 4);
      else this.clear();
    };
    this.leaving = setTimeout(leave, stays ? LONG : SHORT);
  }

  read() {
    const { lines } = this;
    this.clear();
    for (const { close } of lines) close();
  }

  /** Say why what was just asked for is not done: at the button that asked, or at 交卷 where that is gone. */
  refuse(text) {
    clearTimeout(this.refusing);
    this.refusal?.remove();
    const own = this.pressed?.isConnected && this.pressed.checkVisibility() && !this.pressed.closest("dialog") ? this.pressed : null;
    const button = own ?? document.getElementById("hand-in");
    const refusal = h("p", { class: "refusal", role: "alert" }, text);
    this.refusal = refusal;
    button.after(refusal);
    this.refusing = setTimeout(() => refusal.remove(), SHORT);
  }
}
