// 荧光笔: marks on a stem or on the material of a case, by dragging or by clauses with the keyboard. They are kept with the
// attempt like notes; what is marked is shown whether the pen is in the hand or not.

import { t } from "../dom.js";
import { characterAt, clausesOf, isSkipped, paint, textOf, toggled, trimmed } from "./marks.js";

const STEM = 0;
const MATERIAL = 1;
const MOST = 60;

export const tool = (app) => new Highlighter(app);

class Highlighter {
  constructor(app) {
    Object.assign(this, { app, isOn: false, drawn: null, at: new WeakMap() });
    const { root } = app.view;
    root.addEventListener("pointerdown", (event) => this.begin(event));
    root.addEventListener("pointermove", (event) => this.go(event));
    root.addEventListener("pointerup", (event) => this.end(event));
    root.addEventListener("pointercancel", () => this.drop());
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("focusin", ({ target }) => this.isText(target) && this.show(target, this.at.get(target) ?? 0));
    root.addEventListener("focusout", ({ target }) => this.isText(target) && this.paint(target));
  }

  on() {
    this.draw();
  }

  off() {
    this.drop();
    this.draw();
  }

  get texts() {
    return [...this.app.view.root.querySelectorAll(".stem, .stimulus")];
  }

  isText(node) {
    return this.isOn && node.matches?.(".marking");
  }

  /** Whose marks a text has: an item's stem its own, material those of its unit's first item. */
  placeOf(text) {
    if (text.matches(".stimulus")) return { position: this.app.view.group.positions[0], place: MATERIAL };
    return { position: Number(text.closest("[data-position]").dataset.position), place: STEM };
  }

  rangesOf(text) {
    const { position, place } = this.placeOf(text);
    return (this.app.store.marks.get(position) ?? []).filter(([of]) => of === place).map(([, from, to]) => [from, to]);
  }

  draw(position = 0) {
    for (const text of this.texts) {
      if (position && this.placeOf(text).position !== position) continue;
      text.classList.toggle("marking", this.isOn);
      if (!text.matches(".stimulus")) {
        for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-describedby", "tool-highlighter"]]) {
          if (this.isOn) text.setAttribute(name, value);
          else text.removeAttribute(name);
        }
      }
      if (document.activeElement === text && this.isOn) this.show(text, this.at.get(text) ?? 0);
      else this.paint(text);
    }
  }

  paint(text, more = null) {
    const ranges = this.rangesOf(text);
    paint(text, more ? [...ranges, more] : ranges);
  }

  keep(text, ranges) {
    const { position, place } = this.placeOf(text);
    const others = (this.app.store.marks.get(position) ?? []).filter(([of]) => of !== place);
    const all = [...others, ...ranges.map(([from, to]) => [place, from, to])];
    if (all.length > MOST) {
      this.app.toast(t("tools.highlighter.full", { most: MOST }), "warn");
      this.paint(text);
      return;
    }
    this.app.write("mark", position, all.length ? all : null);
  }

  /** Take every mark of the current item and of its material away. */
  clear() {
    const shown = this.texts.filter((text) => text.matches(".stimulus") || this.placeOf(text).position === this.app.store.current);
    for (const text of shown) if (this.rangesOf(text).length) this.keep(text, []);
    this.app.announce(t("tools.highlighter.cleared"));
  }

  begin(event) {
    const text = this.isOn && event.button === 0 && !isSkipped(event.target) && event.target.closest(".marking");
    if (!text) return;
    const from = characterAt(text, event);
    if (from === null) return;
    event.preventDefault();
    this.drawn = { text, from, to: from };
    this.app.view.root.setPointerCapture(event.pointerId);
  }

  go(event) {
    if (!this.drawn) return;
    const { text, from } = this.drawn;
    this.drawn.to = characterAt(text, event) ?? this.drawn.to;
    this.paint(text, [Math.min(from, this.drawn.to), Math.max(from, this.drawn.to)]);
  }

  end() {
    if (!this.drawn) return;
    const { text, from, to } = this.drawn;
    this.drawn = null;
    const [start, end] = trimmed(textOf(text), [Math.min(from, to), Math.max(from, to)]);
    const ranges = this.rangesOf(text);
    if (start < end) this.keep(text, toggled(ranges, [start, end]));
    else if (from === to) this.keep(text, ranges.filter(([first, last]) => from < first || from > last));
  }

  drop() {
    if (this.drawn) this.paint(this.drawn.text);
    this.drawn = null;
  }

  /** The clause that the keyboard is at, outlined. */
  show(text, index) {
    const clauses = clausesOf(textOf(text));
    const place = Math.min(Math.max(0, index), clauses.length - 1);
    if (!clauses[place]) return null;
    this.at.set(text, place);
    paint(text, this.rangesOf(text), clauses[place]);
    text.querySelector(".hl-at")?.scrollIntoView({ block: "nearest" });
    return clauses[place];
  }

  key(event) {
    const { target, key } = event;
    if (!this.isText(target) || event.ctrlKey || event.altKey || event.metaKey) return;
    const index = this.at.get(target) ?? 0;
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const clause = this.show(target, index + (key === "ArrowRight" ? 1 : -1));
      if (clause) this.app.announce(textOf(target).slice(...clause));
    } else if (key === "Enter" || key === " ") {
      const clause = this.show(target, index);
      if (!clause) return;
      const ranges = this.rangesOf(target);
      const next = toggled(ranges, clause);
      this.keep(target, next);
      const more = next.reduce((sum, [a, b]) => sum + b - a, 0) > ranges.reduce((sum, [a, b]) => sum + b - a, 0);
      this.app.announce(t(more ? "tools.highlighter.marked" : "tools.highlighter.unmarked", { text: textOf(target).slice(...clause) }));
    } else if (key === "Delete") {
      this.clear();
    } else return;
    event.preventDefault();
  }
}
