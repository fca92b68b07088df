// 答题卡: section tabs, progress, one button for each item of the section, and the legend of its states.
// Every state is told by shape as well as colour, and in words to a screen reader.

import { h, icon, t } from "../dom.js";
import { TYPES } from "../items/registry.js";

const LEGEND = ["open", "answered", "current", "flagged", "waiting"];

export class Palette {
  constructor(app, root) {
    Object.assign(this, { app, root, buttons: new Map() });
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
    if (!this.group) return this.root.replaceChildren();
    const inUnit = Boolean(this.group.unit);
    const list = h("ol", { class: "palette" }, this.group.positions.map((position) => {
      const button = h("button", { type: "button", class: "num", onclick: () => this.app.go(position) }, store.numberOf(position));
      this.buttons.set(position, button);
      return h("li", {}, button);
    }));
    this.answered = h("span", {});
    this.flagged = h("span", {});
    this.meter = h("progress", { class: "meter", "aria-label": t("palette.progress"), max: 1 });
    this.toggle = h("button", {
      type: "button", class: "btn btn-quiet palette-toggle", "aria-expanded": "false", onclick: () => this.fold(),
    }, icon("list"), h("span", {}, t("palette.title")), h("b", { class: "num" }), icon("down"));
    this.root.replaceChildren(this.toggle, h("div", { class: "palette-body" },
      inUnit ? null : this.tabs(),
      h("div", { class: "progress num" }, this.answered, this.flagged), this.meter, list, this.legend()));
    this.refresh();
    return undefined;
  }

  fold() {
    const open = this.toggle.getAttribute("aria-expanded") !== "true";
    this.toggle.setAttribute("aria-expanded", String(open));
  }

  tabs() {
    const { store } = this.app;
    if (store.groups.length < 2) return null;
    this.tabCounts = new Map();
    return h("div", { class: "sections", role: "group", "aria-label": t("palette.sections") }, store.groups.map((group) => {
      const count = h("span", { class: "num" });
      this.tabCounts.set(group, count);
      return h("button", {
        type: "button", "aria-pressed": String(group === this.group), onclick: () => this.app.go(this.firstOpen(group)),
      }, h("b", {}, group.name), count);
    }));
  }

  firstOpen(group) {
    return this.app.store.count(group.positions).open[0] ?? group.positions[0];
  }

  legend() {
    const partial = this.group.positions.some((position) => TYPES[this.app.store.items.get(position).type].asked);
    const names = partial ? ["open", "part", ...LEGEND.slice(1)] : LEGEND;
    return h("ul", { class: "legend", "aria-label": t("palette.legend") },
      names.map((name) => h("li", { class: name }, h("i", { "aria-hidden": "true" }), t(`palette.${name}`))));
  }

  refresh(position = 0) {
    const { store } = this.app;
    if (position && this.buttons.has(position)) this.paint(position);
    else for (const each of this.buttons.keys()) this.paint(each);
    const all = store.count(this.group?.unit ? this.group.positions : undefined);
    if (!this.meter) return;
    this.answered.replaceChildren(t("palette.done"), " ", h("b", {}, all.answered), ` / ${all.total}`);
    this.flagged.replaceChildren(t("palette.flagged"), " ", h("b", {}, all.flagged.length));
    this.meter.max = all.total || 1;
    this.meter.value = all.answered;
    this.toggle.querySelector("b").textContent = `${all.answered} / ${all.total}`;
    for (const [group, count] of this.tabCounts ?? []) {
      const part = store.count(group.positions);
      count.textContent = `${part.answered}/${part.total}`;
    }
  }

  paint(position) {
    const { store } = this.app;
    const progress = store.progressOf(position);
    const waits = this.app.isLate(position);
    const current = position === store.current;
    const flagged = store.flags.has(position);
    const button = this.buttons.get(position);
    const states = [progress === "full" ? "answered" : progress === "part" ? "part" : "open",
      waits && "waiting", current && "current", flagged && "flagged"].filter(Boolean);
    button.className = `num ${states.join(" ")}`;
    button.setAttribute("aria-label", t("palette.item", {
      n: store.numberOf(position), states: states.map((state) => t(`palette.${state}`)).join(t("list.comma")),
    }));
    if (current) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
