// The tools of the answer page: a menu in the bar with a switch for each tool that the server offers. What is on is kept
// with the attempt, so that it comes along to another seat. A paper without tools loads nothing of this folder.

import { h, icon, t } from "../dom.js";

const STYLE = new URL("./tools.css", import.meta.url).href;
const KINDS = {
  highlighter: { mark: "marker", load: () => import("./highlighter.js") },
  ruler: { mark: "ruler", load: () => import("./ruler.js") },
  magnifier: { mark: "search", load: () => import("./magnifier.js") },
  speech: { mark: "speaker", load: () => import("./speech.js") },
  masking: { mark: "eye-off", load: () => import("./masking.js") },
};
const AGAIN = 5000;

let menu;

/** Offer the tools `names`; those that were on before a reload are on again. Safe to call again. */
export async function offer(app, names) {
  menu ??= new Menu(app);
  await menu.take(names.filter((name) => name in KINDS));
}

class Menu {
  constructor(app) {
    Object.assign(this, { app, tools: new Map(), rows: new Map(), awaited: new Set() });
    document.head.append(h("link", { rel: "stylesheet", href: STYLE }));
    this.button = h("button", {
      type: "button", class: "btn btn-quiet", id: "tools", "aria-expanded": "false", "aria-controls": "tools-menu",
      onclick: () => this.fold(!this.panel.hidden),
    }, icon("tools"), h("span", {}, t("tools.menu")));
    this.panel = h("div", { class: "tool-menu card", id: "tools-menu", role: "group", "aria-label": t("tools.menu"), hidden: true });
    this.node = h("div", { class: "tool-place", onkeydown: (event) => this.key(event) }, this.button, this.panel);
    document.querySelector(".bar .tools").prepend(this.node);
    document.addEventListener("pointerdown", (event) => this.node.contains(event.target) || this.fold(true));
    this.node.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !this.node.contains(relatedTarget) && this.fold(true));
    app.store.on(({ type, position }) => type === "mark" && this.draw(position));
    new MutationObserver(() => this.draw()).observe(app.view.root, { childList: true });
    const paper = document.getElementById("paper");
    new MutationObserver(() => this.covered(paper.hidden)).observe(paper, { attributeFilter: ["hidden"] });
    this.covered(paper.hidden);
  }

  async take(names) {
    for (const name of names) if (!this.rows.has(name)) this.rows.set(name, this.row(name));
    this.panel.replaceChildren(...names.map((name) => this.rows.get(name).node));
    await Promise.all(names.map((name) => this.load(name)));
    for (const [name, tool] of this.tools) this.turn(name, tool, Boolean(this.app.store.settings[name]));
    this.draw();
  }

  /** Load a tool; where the network was away just then, it is asked for again. */
  async load(name) {
    if (this.tools.has(name) || this.awaited.has(name)) return;
    this.awaited.add(name);
    try {
      const { tool } = await KINDS[name].load();
      this.tools.set(name, tool(this.app));
      this.rows.get(name).press.disabled = false;
    } catch {
      setTimeout(() => this.load(name), AGAIN);
    }
    this.awaited.delete(name);
  }

  row(name) {
    const state = h("span", { class: "tool-state", "aria-hidden": "true" });
    const press = h("button", {
      type: "button", class: "tool", role: "switch", "aria-checked": "false", "aria-describedby": `tool-${name}`, disabled: true,
      onclick: () => this.set(name),
    }, icon(KINDS[name].mark), h("b", {}, t(`tools.${name}.name`)), state);
    const more = name === "highlighter" ? h("button", {
      type: "button", class: "btn btn-quiet btn-s", onclick: () => this.tools.get(name)?.clear(),
    }, t("tools.highlighter.clear")) : null;
    const node = h("div", { class: "tool-row" }, press, h("p", { class: "hint", id: `tool-${name}` }, t(`tools.${name}.hint`)), more);
    return { node, press, state };
  }

  set(name) {
    const on = !this.app.store.settings[name];
    this.app.writeSetting(name, on);
    this.turn(name, this.tools.get(name), on);
  }

  turn(name, tool, on) {
    const { press, state } = this.rows.get(name);
    press.setAttribute("aria-checked", String(on));
    state.textContent = t(on ? "tools.on" : "tools.off");
    if (tool.isOn === on) return;
    tool.isOn = on;
    if (on) tool.on();
    else tool.off();
    this.button.classList.toggle("tool-used", [...this.tools.values()].some(({ isOn }) => isOn));
  }

  draw(position = 0) {
    for (const tool of this.tools.values()) tool.draw?.(position);
  }

  /** A screen lies over the paper, or has gone. */
  covered(away) {
    this.button.disabled = away;
    if (!away) return;
    this.fold(true);
    for (const tool of this.tools.values()) tool.rest?.();
  }

  fold(away) {
    this.panel.hidden = away;
    this.button.setAttribute("aria-expanded", String(!away));
  }

  key(event) {
    if (event.key !== "Escape" || this.panel.hidden) return;
    event.stopPropagation();
    this.fold(true);
    this.button.focus();
  }
}
