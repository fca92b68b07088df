// The place where items are read and answered: one at a time or a whole section, a case's material beside
// its parts. It keeps the cards that are on the page and tells them when something about them changed.

import { renderCard } from "../items/card.js";
import { TYPES } from "../items/registry.js";
import { alignFigures, h, icon, t } from "../dom.js";

const GOES_ON = 12; // so much (in CSS pixels) below the edge of the material is more than its margin

export class View {
  constructor(app, root) {
    Object.assign(this, { app, root, cards: new Map() });
    app.store.on((change) => this.changed(change));
  }

  changed({ type, position }) {
    if (type === "paper") this.render();
    else if (type === "current") this.follow();
    else if (["saved", "flag", "note"].includes(type)) this.cards.get(position)?.update();
    else if (type === "save") for (const card of this.cards.values()) card.update();
  }

  /** Draw what belongs on the page for the current item. */
  render() {
    const { store } = this.app;
    this.cards.clear();
    this.group = store.group;
    this.shown = store.view;
    if (!this.group) {
      this.root.replaceChildren();
      return;
    }
    const positions = store.view === "list" ? this.group.positions : [store.current];
    const cards = positions.map((position) => renderCard(store.items.get(position), this.app));
    for (const card of cards) {
      this.cards.set(card.position, card);
      card.node.addEventListener("focusin", () => store.go(card.position));
      card.node.addEventListener("pointerdown", () => store.go(card.position));
    }
    const material = this.material();
    const parts = h("div", { class: "parts" }, cards.map((card) => card.node), this.footer());
    this.root.replaceChildren(...(material ? [material, parts] : [parts]));
    this.root.classList.toggle("with-case", Boolean(material));
    this.root.classList.toggle("one", store.view === "one");
    this.mark();
  }

  material() {
    const cases = (this.app.store.paper.cases ?? []).filter((each) => each.unit === this.group.unit);
    if (!cases.length) return null;
    const more = h("button", {
      type: "button", class: "btn btn-s more", tabindex: "-1", "aria-hidden": "true", hidden: true,
      onclick: () => box.scrollBy({ top: box.clientHeight * 0.8 }),
    }, icon("down"), t("case.more"));
    const box = h("section", { class: "card stimulus", tabindex: "0", "aria-label": t("case.label"), onscroll: () => goesOn() }, cases.map((each) => [
      h("h2", {}, each.title || t("case.label")), alignFigures(h("div", { class: "prose", html: each.stimulus }))]), more);
    const goesOn = () => { more.hidden = box.scrollHeight - box.scrollTop - box.clientHeight < GOES_ON; };
    this.watch?.disconnect();
    this.watch = new ResizeObserver(goesOn);
    for (const each of [box, ...box.querySelectorAll(".prose")]) this.watch.observe(each);
    return box;
  }

  footer() {
    const { store, app } = { store: this.app.store, app: this.app };
    const step = (by, key, mark) => h("button", {
      type: "button", class: `btn ${by > 0 ? "btn-main" : ""}`, onclick: () => app.step(by),
      "aria-disabled": store.neighbour(by) === null ? "true" : null,
    }, by < 0 ? icon(mark) : null, t(key), by > 0 ? icon(mark) : null);
    if (store.view === "list") return h("div", { class: "unit-end" }, app.units.endOfList());
    return h("footer", { class: "item-foot" }, step(-1, "item.previous", "left"), step(1, "item.next", "right"),
      app.units.endOfItem(), this.keyHint());
  }

  keyHint() {
    const { store } = this.app;
    if (!store.settings.keys) return null;
    const item = store.items.get(store.current);
    const letters = TYPES[item.type].keys?.(item);
    return h("span", { class: "hint keys push" },
      letters ? [h("kbd", {}, "A"), "–", h("kbd", {}, letters.last), ` ${t(letters.hint)}\u3000`] : null,
      h("kbd", {}, "←"), " ", h("kbd", {}, "→"), ` ${t("keys.hint_move")}`);
  }

  follow() {
    const { store } = this.app;
    if (store.view === "one" || !this.cards.has(store.current)) this.render();
    this.mark();
  }

  mark() {
    for (const card of this.cards.values()) card.node.classList.toggle("is-current", card.position === this.app.store.current);
  }

  get card() {
    return this.cards.get(this.app.store.current);
  }

  /** Bring the current item before the eyes and, for keyboards and screen readers, its heading into focus. */
  reveal() {
    const card = this.card;
    if (!card) return;
    card.heading.focus({ preventScroll: true });
    card.node.scrollIntoView({ block: this.app.store.view === "list" ? "start" : "nearest" });
  }
}
