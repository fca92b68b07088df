// A short tour of the answer page: five places, each pointed at and told. It can be left at any step and called again.

import { h, icon, t } from "../dom.js";

const STEPS = [["save", "#save"], ["numbers", "#side"], ["flag", ".item .flag"], ["clock", "#clock"], ["hand_in", "#hand-in"]];
const GAP = 14;

export class Tour {
  /** `begun` and `ended` are told, so that the time can stand still meanwhile. */
  constructor(app, { begun, ended }) {
    Object.assign(this, { app, begun, ended, node: null });
    document.addEventListener("scroll", () => this.node && this.place(), { capture: true, passive: true });
  }

  open() {
    if (this.node) return this.node.focus();
    this.from = document.activeElement;
    this.text = h("p", { id: "tour-text" });
    this.name = h("h2", { id: "tour-name" });
    this.count = h("span", { class: "hint num" });
    const button = (key, act, kind = "") => h("button", { type: "button", class: `btn btn-s ${kind}`, onclick: act }, t(`practice.tour.${key}`));
    this.back = button("back", () => this.go(-1));
    this.next = button("next", () => this.go(1), "btn-main");
    this.node = h("section", {
      class: "tour card", role: "dialog", tabindex: "-1", "aria-labelledby": "tour-name", "aria-describedby": "tour-text",
      onkeydown: (event) => this.key(event),
    }, h("div", { class: "tour-head" }, this.name, this.count), this.text,
    h("div", { class: "btn-row" }, button("skip", () => this.close(), "btn-quiet"), h("span", { class: "push" }), this.back, this.next));
    this.ring = h("div", { class: "tour-ring", "aria-hidden": "true" });
    document.body.append(this.ring, this.node);
    this.begun();
    this.timer = setInterval(() => this.place(), 250); // the page may still be moving
    this.step = 0;
    return this.show();
  }

  go(by) {
    this.step += by;
    if (this.step >= STEPS.length) this.close();
    else this.show();
  }

  show() {
    const [name, selector] = STEPS[this.step];
    this.name.textContent = t(`practice.tour.${name}`);
    this.text.textContent = t(`practice.tour.${name}_text`);
    this.count.textContent = t("practice.tour.count", { n: this.step + 1, total: STEPS.length });
    this.back.disabled = this.step === 0;
    this.next.replaceChildren(t(this.step === STEPS.length - 1 ? "practice.tour.end" : "practice.tour.next"), icon("right"));
    this.target = document.querySelector(selector);
    this.target?.scrollIntoView({ block: "nearest" });
    this.place();
    this.node.focus({ preventScroll: true });
  }

  /** Beside what it is about, never over it where there is room. */
  place() {
    const box = this.target?.getBoundingClientRect() ?? new DOMRect(window.innerWidth / 2, window.innerHeight / 3, 0, 0);
    const bottom = Math.min(box.bottom, window.innerHeight - 8);
    Object.assign(this.ring.style, { left: `${box.left - 5}px`, top: `${box.top - 5}px`, width: `${box.width + 10}px`, height: `${bottom - box.top + 10}px` });
    const { width, height } = this.node.getBoundingClientRect();
    const room = { below: window.innerHeight - bottom, right: window.innerWidth - box.right };
    let [left, top] = [box.left, bottom + GAP];
    if (room.below < height + 2 * GAP) {
      if (room.right > width + 2 * GAP) [left, top] = [box.right + GAP, box.top];
      else top = box.top - height - GAP;
    }
    this.node.style.left = `${Math.max(12, Math.min(window.innerWidth - width - 12, left))}px`;
    this.node.style.top = `${Math.max(12, Math.min(window.innerHeight - height - 12, top))}px`;
  }

  key(event) {
    const act = { Escape: () => this.close(), ArrowRight: () => this.go(1), ArrowLeft: () => this.step && this.go(-1) }[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  close() {
    if (!this.node) return;
    clearInterval(this.timer);
    this.node.remove();
    this.ring.remove();
    this.node = null;
    this.ended();
    if (this.from?.isConnected && this.from !== document.body) this.from.focus({ preventScroll: true });
    else this.app.focusTop();
  }
}
