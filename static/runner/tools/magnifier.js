// 放大镜: a lens over the items that follows the mouse and the focus, and is moved by the arrow keys on its grip. What is
// seen in it is a copy of the page: nothing in the copy can be reached, named or read out.

import { h, icon, t } from "../dom.js";

const ZOOM = { least: 1.5, most: 4, step: 0.5 };
const STEP = 40;
const FINE = 8;
const UNSEEN = ["id", "name", "for", "autofocus", "data-position"]; // by what a copy could be taken for what it shows
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FIELDS = "input:not([type=radio]):not([type=checkbox]), textarea, select";

export const tool = (app) => new Magnifier(app);

class Magnifier {
  constructor(app) {
    Object.assign(this, { app, isOn: false, zoom: 2, at: null, due: false });
    this.sheet = h("div", { class: "lens-sheet", "aria-hidden": "true", inert: "" });
    this.grip = h("button", {
      type: "button", class: "lens-grip", "aria-label": t("tools.magnifier.grip"),
      onpointerdown: (event) => this.drag(event), onkeydown: (event) => this.key(event),
    }, icon("search"));
    this.node = h("div", { class: "lens" }, this.sheet, this.grip);
    const { root } = app.view;
    const seen = new MutationObserver(() => this.plan());
    seen.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    for (const type of ["input", "change"]) root.addEventListener(type, () => this.plan());
    document.addEventListener("scroll", () => this.isOn && this.plan(), { capture: true, passive: true });
    window.addEventListener("resize", () => this.plan());
    document.addEventListener("pointermove", (event) => this.follow(event));
    document.addEventListener("focusin", ({ target }) => this.isOn && root.contains(target) && this.over(target));
    document.addEventListener("keydown", (event) => this.far(event));
  }

  on() {
    document.getElementById("paper").append(this.node);
    const card = this.app.view.card?.node.getBoundingClientRect();
    this.at ??= card ? [card.left + Math.min(card.width / 2, 260), card.top + 120] : [window.innerWidth / 2, window.innerHeight / 2];
    this.copy();
  }

  off() {
    this.node.remove();
    this.sheet.replaceChildren();
  }

  draw() {
    this.plan();
  }

  /** Copy what is there once the page has come to rest. */
  plan() {
    if (!this.isOn || this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (this.isOn) this.copy();
    });
  }

  copy() {
    const { root } = this.app.view;
    const copy = root.cloneNode(true);
    for (const node of [copy, ...copy.querySelectorAll("*")]) for (const name of UNSEEN) node.removeAttribute(name);
    for (const node of copy.querySelectorAll("audio")) node.removeAttribute("src");
    const pairs = (selector) => [...copy.querySelectorAll(selector)].map((node, index) => [node, root.querySelectorAll(selector)[index]]);
    for (const [node, from] of pairs("select")) node.selectedIndex = from.selectedIndex;
    copy.style.width = `${root.getBoundingClientRect().width}px`;
    this.sheet.replaceChildren(copy);
    for (const [node, from] of pairs(".stimulus")) node.scrollTop = from.scrollTop;
    this.place();
  }

  place([x, y] = this.at) {
    this.at = [Math.max(0, Math.min(window.innerWidth, x)), Math.max(0, Math.min(window.innerHeight, y))];
    const { width, height } = this.node.getBoundingClientRect();
    const box = this.app.view.root.getBoundingClientRect();
    const [left, top] = [this.at[0] - width / 2, this.at[1] - height / 2];
    this.node.style.left = `${Math.max(0, Math.min(window.innerWidth - width, left))}px`;
    this.node.style.top = `${Math.max(0, Math.min(window.innerHeight - height, top))}px`;
    const [over, down] = [width / 2 - this.zoom * (this.at[0] - box.left), height / 2 - this.zoom * (this.at[1] - box.top)];
    this.sheet.style.transform = `translate(${over}px, ${down}px) scale(${this.zoom})`;
  }

  follow({ clientX, clientY, pointerType, target }) {
    if (!this.isOn || pointerType !== "mouse" || this.held || !this.app.view.root.contains(target)) return;
    this.place([clientX, clientY]);
  }

  over(node) {
    const box = (node.closest("label") ?? node).getBoundingClientRect();
    if (!node.matches(":hover")) this.place([box.left + Math.min(box.width / 2, 200), box.top + Math.min(box.height / 2, 60)]);
  }

  drag(event) {
    if (event.button !== 0) return;
    this.held = true;
    const [x, y] = [event.clientX - this.at[0], event.clientY - this.at[1]];
    const move = ({ clientX, clientY }) => this.place([clientX - x, clientY - y]);
    const stop = () => {
      this.held = false;
      this.grip.removeEventListener("pointermove", move);
    };
    this.grip.setPointerCapture(event.pointerId);
    this.grip.addEventListener("pointermove", move);
    this.grip.addEventListener("pointerup", stop, { once: true });
    this.grip.addEventListener("pointercancel", stop, { once: true });
  }

  key(event) {
    const way = MOVES[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const step = event.shiftKey ? FINE : STEP;
    this.place([this.at[0] + way[0] * step, this.at[1] + way[1] * step]);
  }

  /** + and − change how much it enlarges, wherever nothing is typed. */
  far(event) {
    if (!this.isOn || !["+", "=", "-"].includes(event.key) || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.matches?.(FIELDS) || event.target.closest?.(".calculator, .ruler")) return;
    event.preventDefault();
    const by = event.key === "-" ? -ZOOM.step : ZOOM.step;
    this.zoom = Math.max(ZOOM.least, Math.min(ZOOM.most, this.zoom + by));
    this.place();
    this.app.announce(t("tools.magnifier.zoom", { zoom: this.zoom }));
  }
}
