// The units of a skills paper: the strip that shows them, 完成本单元, and what happens at a unit's zero.
// Strict units open one after another and never again; pooled ones are open all the time. Source: R-24.

import { OTHER_MACHINE, isTransient } from "../api.js";
import { confirmDialog } from "../dialog.js";
import { h, icon, jitter, pause, span, t } from "../dom.js";
import { flushTyping } from "../typing.js";
import { unfinished } from "./palette.js";
import { preload } from "./preload.js";

export class Units {
  constructor(app, root) {
    Object.assign(this, { app, root, moving: false });
    app.store.on(({ type }) => ["paper", "answer", "current"].includes(type) && this.render());
  }

  get strict() {
    return this.app.store.paper.timing === "strict";
  }

  get isLast() {
    const { units = [] } = this.app.store.paper;
    const number = this.app.clock.facts?.unit?.number;
    return !this.strict || !number || number === units[units.length - 1]?.number;
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
    for (const step of this.steps) step.paint(step.unit.number === now);
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
      facts.textContent = this.facts(unit, past, group);
    };
    return { unit, node, paint };
  }

  facts(unit, past, group) {
    const facts = [t("units.facts", { minutes: unit.minutes, points: unit.points })];
    if (past) facts.push(t("units.past"));
    else if (group) {
      const { answered, total } = this.app.store.count(group.positions);
      facts.push(t("units.answered", { answered, total }));
    }
    return facts.join(" · ");
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
      h("span", { class: "hint" }, t("units.no_return"))];
  }

  /** 完成本单元: one confirmation. */
  ask() {
    flushTyping();
    const { store, clock } = this.app;
    const still = unfinished(store.count(store.group.positions));
    const left = clock.unitLeft();
    confirmDialog({
      title: t("units.ask_title", { name: store.group.name }),
      body: [
        h("p", { class: "strong" }, still ? t("units.ask_still", { still }) : t("units.ask_all")),
        h("p", {}, t("units.ask_text")),
        left === null ? null : h("p", { class: "hint num" }, t(
          store.paper.unused_time === "carried" ? "units.ask_carried" : "units.ask_left", { time: span(left) })),
      ],
      no: t("submit.back"), yes: t("units.ask_yes"),
      act: () => this.advance(true),
    });
  }

  /** Move on: by the candidate (`completed`) or because the unit's time is over. It retries until it is done. */
  async advance(completed) {
    if (this.moving) return;
    this.moving = true;
    const { app } = this;
    const from = app.clock.facts.unit.number;
    flushTyping();
    app.lock(completed ? "unit_moving" : "unit_over");
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
      app.unlock();
      app.store.load({ paper: body.paper ?? { ...app.store.paper, items: [], cases: [], units: closed(app.store.paper.units) } });
      preload(app.store.paper);
      app.takeClock({ body, ...times });
      app.outbox.put("event", 0, { type: "usable" });
      app.focusTop();
    } else if (status === 423) {
      app.stand(body);
      app.takeClock({ body, ...times });
    } else if ((status === 409 && body.code === "lease.lost") || body.code === OTHER_MACHINE) {
      app.lost(body.code);
    } else {
      if (body.clock) app.takeClock({ body, ...times });
      await app.restart();
    }
  }
}

const closed = (units) => units.map((unit) => ({ ...unit, state: "past" }));
