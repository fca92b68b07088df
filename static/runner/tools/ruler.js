// 阅读尺: a band of a few lines stays clear, what is above and below it steps back. It is moved by its grip, by the arrow
// keys on it, or by Alt with them from anywhere, so that the focus may stay with the answer.

import { h, icon, t } from "../dom.js";

const LINES = { least: 1, most: 6 };

export const tool = (app) => new Ruler(app);

class Ruler {
  constructor(app) {
    Object.assign(this, { app, isOn: false, lines: 2, top: null });
    this.grip = h("button", {
      type: "button", class: "ruler-grip", role: "slider", "aria-orientation": "vertical", "aria-valuemin": "0", "aria-valuemax": "100",
      "aria-label": t("tools.ruler.grip"), onpointerdown: (event) => this.drag(event), onkeydown: (event) => this.key(event),
    }, icon("up"), icon("down"));
    this.band = h("div", { class: "ruler-band" }, this.grip);
    this.above = h("div", { class: "ruler-shade" });
    this.below = h("div", { class: "ruler-shade" });
    this.node = h("div", { class: "ruler" }, this.above, this.band, this.below);
    document.addEventListener("keydown", (event) => this.far(event));
    window.addEventListener("resize", () => this.isOn && this.place());
  }

  on() {
    document.getElementById("paper").append(this.node);
    this.place();
  }

  off() {
    this.node.remove();
  }

  get step() {
    const text = this.app.view.root.querySelector(".stem, .prose") ?? this.app.view.root;
    return parseFloat(getComputedStyle(text).lineHeight) || 32;
  }

  /** Put the band at `top`, in pixels of the window; it stays in it. */
  place(top = this.top ?? this.firstTop()) {
    const height = this.lines * this.step + 8;
    this.top = Math.max(0, Math.min(window.innerHeight - height, top));
    this.above.style.height = `${this.top}px`;
    this.band.style.height = `${height}px`;
    this.grip.setAttribute("aria-valuenow", String(Math.round((100 * this.top) / Math.max(1, window.innerHeight - height))));
  }

  firstTop() {
    const stem = this.app.view.card?.node.querySelector(".stem");
    return stem ? stem.getBoundingClientRect().top - 4 : window.innerHeight / 3;
  }

  drag(event) {
    if (event.button !== 0) return;
    const offset = event.clientY - this.top;
    const move = ({ clientY }) => this.place(clientY - offset);
    this.grip.setPointerCapture(event.pointerId);
    this.grip.addEventListener("pointermove", move);
    const stop = () => this.grip.removeEventListener("pointermove", move);
    this.grip.addEventListener("pointerup", stop, { once: true });
    this.grip.addEventListener("pointercancel", stop, { once: true });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.place(this.top + (event.key === "ArrowDown" ? 1 : -1) * this.step);
    else if (event.key === "+" || event.key === "=") this.widen(1);
    else if (event.key === "-") this.widen(-1);
    else return;
    event.preventDefault();
  }

  widen(by) {
    this.lines = Math.max(LINES.least, Math.min(LINES.most, this.lines + by));
    this.place();
  }

  far(event) {
    if (!this.isOn || !event.altKey || !["ArrowDown", "ArrowUp"].includes(event.key) || event.target.matches?.("select")) return;
    event.preventDefault();
    this.place(this.top + (event.key === "ArrowDown" ? 1 : -1) * this.step);
  }
}
