// The units of a skills paper: the strip that shows them, 完成本单元, and what happens at a unit's zero.
// Strict units open one after another and never again; pooled ones are open all the time. Source: R-24.

import { OTHER_MACHINE, call, isTransient, quiet } from "../api.js";
import { closeDialogs, confirmDialog } from "../dialog.js";
import { h, icon, jitter, pause, span, t, wall } from "../dom.js";
import { flushTyping } from "../typing.js";
import { unfinished } from "./palette.js";
import { preload } from "./preload.js";

export class Units {
  constructor(app, root) {
    Object.assign(this, { app, root, moving: false, windows: new Map() });
    app.store.on(({ type }) => ["paper", "answer", "current"].includes(type) && this.render());
  }

  get strict() {
    return this.app.store.paper.timing === "strict";
  }

  /** By the paper that is on the page: what stands under its items must be right at once. */
  get isLast() {
    const { units = [] } = this.app.store.paper;
    const number = this.app.store.group?.unit;
    return !this.strict || !number || number === units[units.length - 1]?.number;
  }

  /** Take when each unit is open, or will be: after a late start, an accommodation, what was given or carried. */
  take(windows = []) {
    this.windows = new Map(windows.map(({ unit, from, to }) => [unit, { from, to }]));
    this.render();
  }

  /** Ask for the windows: an end has moved. A whole room may ask at once, so not all in the same moment. */
  async renew() {
    if (!this.strict || this.renewing) return;
    this.renewing = true;
    await pause(Math.max(quiet(), jitter(0, 1500)));
    const reply = await call(`${this.app.urls.clock}?windows`, { method: "GET", headers: { "X-CBT-Lease": this.app.lease } });
    this.renewing = false;
    if (reply.status === 200) this.app.takeClock(reply);
  }

  /** What becomes of the time that is left, in the words of `units.<key>_…`; nothing after the last unit. */
  rule(key) {
    const { unused_time: unused } = this.app.store.paper;
    return this.strict && unused && !this.isLast ? t(`units.${key}_${unused}`) : null;
  }

  /** Draw the strip for a new paper; else only paint it, so that a press that begins now still lands. */
  render() {
    const { store } = this.app;
    const { units = [] } = store.paper;
    this.root.hidden = !units.length;
    if (!units.length) return;
    if (this.drawn !== units) {
      this.drawn = units;
      this.steps = units.map((unit) => this.step(unit));
      this.root.replaceChildren(...this.steps.map(({ node }) => node));
    }
    const now = this.strict ? this.app.clock.facts?.unit?.number : store.group?.unit;
    for (const step of this.steps) step.paint(step.unit.number === now && step.unit.state !== "past");
  }

  step(unit) {
    const past = this.strict && unit.state === "past";
    const group = this.app.store.groups.find((each) => each.unit === unit.number);
    const facts = h("span", {});
    const body = [h("i", { class: "mark", "aria-hidden": "true" }, past ? "✓" : String(unit.number)),
      h("span", { class: "unit-text" }, h("b", {}, unit.name), facts)];
    const open = !this.strict && group;
    const node = h("li", {}, open
      ? h("button", { type: "button", onclick: () => this.app.go(group.positions[0]) }, body) : h("div", {}, body));
    const paint = (isNow) => {
      node.className = past ? "past" : isNow ? "now" : "";
      if (isNow) node.setAttribute("aria-current", "step");
      else node.removeAttribute("aria-current");
      const rule = isNow && group ? this.rule("rule") : null;
      facts.replaceChildren(this.facts(unit, { past, isNow, group }), ...(rule ? [h("span", { class: "unit-rule" }, ` · ${rule}`)] : []));
    };
    return { unit, node, paint };
  }

  facts(unit, { past, isNow, group }) {
    if (past) return [this.length(unit), t("units.past")].filter(Boolean).join(" · ");
    const window = this.windows.get(unit.number);
    const facts = [isNow && window ? t("units.until", { time: wall(window.to, !window.to.endsWith(":00Z")) }) : this.length(unit)];
    if (group) {
      const { answered, total } = this.app.store.count(group.positions);
      facts.push(t("units.answered", { answered, total }));
    }
    return facts.filter(Boolean).join(" · ");
  }

  /** How long a unit is and what it is worth: by its window, where it has one of its own still. */
  length(unit) {
    const window = this.windows.get(unit.number);
    if (this.strict && !window) return unit.state === "past" ? null : t("units.facts", { minutes: unit.minutes, points: unit.points });
    const time = window ? lasting(Date.parse(window.to) - Date.parse(window.from)) : t("units.minutes", { n: unit.minutes });
    return t("units.lasts", { time, points: unit.points });
  }

  /** What stands below the list of items: on to the next section, unit, or 交卷. */
  endOfList() {
    const { store } = this.app;
    if (this.strict) return this.endButton();
    const next = store.groups[store.groups.indexOf(store.group) + 1];
    if (!next) return this.endButton();
    return [h("button", { type: "button", class: "btn btn-main", onclick: () => this.app.go(next.positions[0]) },
      t("units.next_group", { name: next.name }), icon("right"))];
  }

  /** Beside 下一题 at a strict unit's last item. */
  endOfItem() {
    return this.strict && this.app.store.neighbour(1) === null ? this.endButton() : null;
  }

  endButton() {
    const { submit } = this.app;
    if (this.isLast) {
      return [h("button", { type: "button", class: "btn btn-main", onclick: () => submit.ask() }, t("submit.button"))];
    }
    return [h("button", { type: "button", class: "btn btn-main", onclick: () => this.ask() }, t("units.complete"), icon("right")),
      h("span", { class: "hint" }, [t("units.no_return"), this.rule("left")].filter(Boolean).join(" "))];
  }

  /** 完成本单元: one confirmation, about this unit and no other. */
  ask() {
    flushTyping();
    const { store, clock } = this.app;
    const { group } = store;
    const still = unfinished(store.count(group.positions));
    const next = store.paper.units.find(({ number }) => number === group.unit + 1);
    const left = h("p", { class: "num" });
    const after = h("p", { class: "hint num" });
    const tell = () => {
      left.textContent = clock.unitLeft() === null ? "" : t(`units.ask_${store.paper.unused_time}`, { time: span(clock.unitLeft()) });
      const window = this.windows.get(next?.number);
      const carried = store.paper.unused_time === "carried";
      if (window) after.textContent = t("units.ask_next", { name: next.name, time: lasting(Date.parse(window.to) - (carried ? clock.now() : Date.parse(window.from))) });
    };
    tell();
    const timer = setInterval(tell, 500);
    const dialog = confirmDialog({
      title: t("units.ask_title", { name: group.name }),
      body: [h("p", { class: "strong" }, still ? t("units.ask_still", { still }) : t("units.ask_all")), h("p", {}, t("units.ask_text")), left, after],
      no: t("submit.back"), yes: t("units.ask_yes"),
      act: () => store.group?.unit === group.unit && this.advance(true),
    });
    dialog.node.addEventListener("close", () => clearInterval(timer));
  }

  /** A paper was taken: when time has moved it on, say so, and go on saying it until that is read. */
  arrived() {
    const { app } = this;
    const { group, items } = app.store;
    const was = this.shown;
    this.shown = this.strict ? { unit: group?.unit ?? Infinity, name: group?.name } : null;
    if (!was || !this.shown || this.shown.unit <= was.unit || this.completed === was.unit) return;
    const late = new Set(app.outbox.waiting().map(({ position }) => position).filter((at) => at && !items.has(at))).size;
    app.notices.drop("warn"); // what they announced has come
    const said = group ? t("units.over", { name: was.name, next: group.name }) : t("units.all_over", { name: was.name });
    app.toast(late ? `${said} ${t("units.over_late", { n: late })}` : `${said} ${t("units.over_kept")}`, late ? "stop" : "accent", { stay: true });
  }

  /** Move on: by the candidate (`completed`) or because the unit's time is over. It retries until it is done. */
  async advance(completed) {
    if (this.moving) return;
    this.moving = true;
    const { app } = this;
    const from = app.clock.facts.unit.number;
    flushTyping();
    closeDialogs(); // one that asked about this unit asks about no other
    app.lock(completed ? "unit_moving" : "unit_over");
    this.completed = completed ? from : null;
    if (!completed) await pause(jitter(0, 1000));
    for (;;) {
      const reply = await app.outbox.carry((entries) => app.post(app.urls.advance, {
        epoch: app.epoch, from_unit: from, completed, entries,
      }));
      if (!completed && reply.body.code === "unit.moved" && await this.notYet(from)) {
        await pause(jitter(300, 800));
      } else if (!isTransient(reply.status)) {
        this.moving = false;
        return this.moved(reply);
      } else {
        await pause(Math.max(reply.after ?? 0, jitter(500, completed ? 3000 : 1500)));
      }
    }
  }

  /** True when the server still holds this unit open: the two clocks differ by a moment. */
  async notYet(from) {
    await this.app.resync();
    return this.app.clock.facts.unit?.number === from;
  }

  async moved({ status, body, ...times }) {
    const { app } = this;
    if (status === 200) {
      app.clock.update(body.clock, times); // what is drawn for the new unit follows from it
      this.take(body.windows);
      app.unlock();
      app.store.load({ paper: body.paper ?? { ...app.store.paper, items: [], cases: [], units: closed(app.store.paper.units) } });
      preload(app.store.paper);
      app.takeClock({ body, ...times });
      app.outbox.put("event", 0, { type: "usable" });
      app.place.keep();
      app.focusTop();
      this.arrived();
    } else if (status === 423) {
      app.stand(body);
      app.takeClock({ body, ...times });
    } else if ((status === 409 && body.code === "lease.lost") || body.code === OTHER_MACHINE) {
      app.lost(body);
    } else {
      if (body.clock) app.takeClock({ body, ...times });
      await app.restart();
    }
  }
}

/** A span in words: whole minutes, with the seconds where there are any. */
function lasting(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const n = Math.floor(seconds / 60);
  return seconds % 60 ? t("units.minutes_seconds", { n, s: seconds % 60 }) : t("units.minutes", { n });
}

const closed = (units) => units.map((unit) => ({ ...unit, state: "past" }));
