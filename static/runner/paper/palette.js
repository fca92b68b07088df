// 答题卡: section tabs, progress, one button for each item of the section, and the legend of its states.
// Every state is told by shape as well as colour, and in words to a screen reader.

import { h, icon, rove, say, stopAt, t } from "../dom.js";
import { TYPES } from "../items/registry.js";

/** What is not answered of a `count`, in words: 3 题未答、1 题待更正; "" when all is. */
export const unfinished = (count) => ["open", "part", "wrong"].filter((name) => count[name].length)
  .map((name) => t(`palette.still_${name}`, { n: count[name].length })).join(t("list.comma"));

export class Palette {
  constructor(app, root) {
    Object.assign(this, { app, root, buttons: new Map(), painted: new Map() });
    app.store.on(({ type, position }) => {
      if (type === "paper") this.render();
      else if (type === "current" && this.group !== app.store.group) this.render();
      else if (type === "current" || type === "save") this.refresh();
      else if (type === "answer" || type === "flag") this.refresh(position);
    });
  }

  render() {
    const { store } = this.app;
    this.group = store.group;
    this.buttons.clear();
    this.painted.clear();
    if (!this.group) return this.root.replaceChildren();
    const inUnit = Boolean(this.group.unit);
    this.list = rove(h("ol", { class: "palette" }, this.group.positions.map((position) => {
      const button = h("button", { type: "button", class: "num", onclick: () => this.app.go(position) }, store.numberOf(position));
      this.buttons.set(position, button);
      return h("li", {}, button);
    })));
    this.answered = h("span", {}, t("palette.done"), " ", h("b", {}), h("span", {}));
    this.wrong = h("span", { class: "warn" });
    this.flagged = h("span", {}, t("palette.flagged"), " ", h("b", {}));
    this.meter = h("progress", { class: "meter", "aria-label": t("palette.progress"), max: 1 });
    this.toggle = h("button", {
      type: "button", class: "btn btn-quiet palette-toggle", "aria-expanded": "false", onclick: () => this.fold(),
    }, icon("list"), h("span", {}, t("palette.title")), h("b", { class: "num" }), icon("down"));
    this.root.replaceChildren(h("div", { class: "palette-head" }, h("b", { class: "palette-title" }, t("palette.title")), this.toggle, this.views()),
      h("div", { class: "palette-body" },
        inUnit ? null : this.tabs(),
        h("div", { class: "progress num" }, this.answered, this.wrong, this.flagged), this.meter, this.list, this.legend()));
    this.refresh();
    return undefined;
  }

  fold() {
    const open = this.toggle.getAttribute("aria-expanded") !== "true";
    this.toggle.setAttribute("aria-expanded", String(open));
  }

  /** 一次一题 or 整组显示, in the open. */
  views() {
    const { app } = this;
    const button = (view) => h("button", {
      type: "button", "aria-pressed": String(app.store.view === view), onclick: ({ currentTarget }) => {
        app.writeSetting("view", view);
        for (const each of currentTarget.parentElement.children) each.setAttribute("aria-pressed", String(each === currentTarget));
        app.view.render();
        app.view.card?.node.scrollIntoView({ block: view === "list" ? "start" : "nearest" });
      },
    }, t(`settings.view_${view}`));
    return h("div", { class: "segments", role: "group", "aria-label": t("settings.view") }, button("one"), button("list"));
  }

  tabs() {
    const { store } = this.app;
    if (store.groups.length < 2) return null;
    this.tabCounts = new Map();
    const tabs = rove(h("div", { class: "sections", role: "group", "aria-label": t("palette.sections") }, store.groups.map((group) => {
      const count = h("span", { class: "num" });
      this.tabCounts.set(group, count);
      return h("button", {
        type: "button", "aria-pressed": String(group === this.group), onclick: () => this.app.go(this.firstOpen(group)),
      }, h("b", {}, group.name), count);
    })));
    stopAt(tabs, tabs.querySelector("[aria-pressed=true]"));
    return tabs;
  }

  firstOpen(group) {
    const { open, wrong, part } = this.app.store.count(group.positions);
    return [...open, ...wrong, ...part, ...group.positions][0];
  }

  legend() {
    const types = this.group.positions.map((position) => TYPES[this.app.store.items.get(position).type]);
    const names = ["open", types.some((type) => type.asked) && "part", types.some((type) => type.readable) && "wrong",
      "answered", "current", "flagged", "waiting"].filter(Boolean);
    return h("ul", { class: "legend", "aria-label": t("palette.legend") },
      names.map((name) => h("li", { class: name }, h("i", { "aria-hidden": "true" }), t(`palette.${name}`))));
  }

  refresh(position = 0) {
    const { store } = this.app;
    if (position && this.buttons.has(position)) this.paint(position);
    else for (const each of this.buttons.keys()) this.paint(each);
    if (this.buttons.has(store.current)) stopAt(this.list, this.buttons.get(store.current));
    const all = store.count(this.group?.unit ? this.group.positions : undefined);
    if (!this.meter) return;
    say(this.answered.querySelector("b"), String(all.answered));
    say(this.answered.lastElementChild, ` / ${all.total}`);
    say(this.wrong, all.wrong.length ? t("palette.to_correct", { n: all.wrong.length }) : "");
    say(this.flagged.querySelector("b"), String(all.flagged.length));
    this.meter.max = all.total || 1;
    this.meter.value = all.answered;
    say(this.toggle.querySelector("b"), `${all.answered} / ${all.total}`);
    for (const [group, count] of this.tabCounts ?? []) {
      const part = store.count(group.positions);
      say(count, `${part.answered}/${part.total}`);
    }
  }

  /** Show the states of one item; where they are those that are shown, nothing is touched. */
  paint(position) {
    const { store } = this.app;
    const progress = store.progressOf(position);
    const waits = this.app.isLate(position);
    const current = position === store.current;
    const flagged = store.flags.has(position);
    const button = this.buttons.get(position);
    const states = [{ full: "answered", none: "open" }[progress] ?? progress,
      waits && "waiting", current && "current", flagged && "flagged"].filter(Boolean);
    const shown = `num ${states.join(" ")}`;
    if (this.painted.get(position) === shown) return;
    this.painted.set(position, shown);
    button.className = shown;
    button.setAttribute("aria-label", t("palette.item", {
      n: store.numberOf(position), states: states.map((state) => t(`palette.${state}`)).join(t("list.comma")),
    }));
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
