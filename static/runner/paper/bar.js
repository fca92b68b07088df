// The top bar: time left, what is saved, 交卷 or 完成本单元, and the tools.

import { openCalculator } from "./calculator.js";
import { openDialog } from "../dialog.js";
import { h, icon, say, span, t, wall } from "../dom.js";
import { openSettings } from "./settings.js";

const LOW = 5 * 60_000;
const LAST = 60_000;
const PART = 6; // what is short is not in its last minutes from the first second
const SAVE_MARKS = {
  offline: ["warn", "▲"], stopped: ["warn", "▲"], volatile: ["warn", "▲"], sending: ["", "◌"], waits: ["warn", "◌"], late: ["warn", "▲"], saved: ["ok", "✓"],
};

export class Bar {
  constructor(app) {
    this.app = app;
    this.parts = Object.fromEntries(["save", "clock", "clock-hide", "hand-in", "hand-in-note", "calculator", "settings", "fullscreen", "photo"]
      .map((name) => [name, document.getElementById(name)]));
    this.wire();
    this.measure();
  }

  wire() {
    const { app, parts } = this;
    parts.settings.addEventListener("click", () => openSettings(app));
    parts.calculator.addEventListener("click", () => openCalculator(parts.calculator));
    parts["hand-in"].addEventListener("click", () => (app.units.isLast ? app.submit.ask() : app.units.ask()));
    parts["clock-hide"].addEventListener("click", () => {
      app.writeSetting("clock_hidden", !app.store.settings.clock_hidden);
      this.tick();
    });
    parts.photo.addEventListener("click", () => this.enlarge());
    const image = parts.photo.querySelector("img");
    const missing = () => {
      app.attempt.photo_url = null;
      image.replaceWith(icon("user"));
    };
    image?.addEventListener("error", missing);
    if (image?.complete && !image.naturalWidth) missing();
    parts.fullscreen.hidden = !document.fullscreenEnabled;
    parts.fullscreen.addEventListener("click", () => (document.fullscreenElement
      ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}));
    document.addEventListener("fullscreenchange", () => {
      parts.fullscreen.setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
    });
  }

  /** Tell the style sheet how high what stays in sight is by now: the rest begins below it. */
  measure() {
    const { style } = document.documentElement;
    const parts = { bar: this.parts.photo.parentElement, units: document.getElementById("units"), side: document.getElementById("side") };
    const told = new ResizeObserver(() => {
      const heights = Object.entries(parts).map(([name, node]) => [`--${name}`, `${node.offsetHeight}px`]); // all are read before one is written
      for (const [name, height] of heights) if (style.getPropertyValue(name) !== height) style.setProperty(name, height);
    });
    for (const node of Object.values(parts)) told.observe(node);
  }

  /** The photo at full size beside the name, for a proctor who compares. */
  enlarge() {
    const { attempt } = this.app;
    openDialog({
      title: t("photo.title"),
      body: h("div", { class: "photo-large" },
        attempt.photo_url ? h("img", { src: attempt.photo_url, alt: t("photo.alt", { name: attempt.candidate_name }) })
          : h("p", { class: "hint" }, t("photo.missing")),
        h("dl", { class: "facts" }, h("dt", {}, t("photo.name")), h("dd", {}, attempt.candidate_name),
          h("dt", {}, t("photo.ticket")), h("dd", { class: "num" }, attempt.ticket_number),
          h("dt", {}, t("photo.seat")), h("dd", { class: "num" }, attempt.seat_number))),
    });
  }

  /** Four times a second: the figures. */
  tick() {
    const { app: { clock, store }, parts } = this;
    if (!clock.facts) return;
    const over = clock.facts.state === "closed" || this.app.taken;
    parts.clock.parentElement.hidden = parts["hand-in"].parentElement.hidden = over;
    if (over) return;
    this.showClock(clock, store);
    this.showHandIn();
  }

  showClock(clock, store) {
    const { parts } = this;
    const paused = clock.facts.state === "suspended";
    const unitLeft = clock.unitLeft();
    const left = unitLeft ?? clock.left();
    const length = this.length(unitLeft !== null);
    const low = Math.min(LOW, (2 * length) / PART);
    const last = Math.min(LAST, length / PART);
    const hidden = store.settings.clock_hidden && left !== null && left > low;
    const [figure, note] = [parts.clock.firstElementChild, parts.clock.lastElementChild];
    let under = t("clock.left");
    if (paused) under = t("clock.paused");
    else if (hidden) under = t("clock.hidden");
    else if (unitLeft !== null) under = t("clock.unit_left", { time: span(clock.left() ?? 0) });
    else if (clock.facts.closes_at) under = t("clock.ends", { time: wall(clock.facts.closes_at) });
    say(figure, paused || left === null ? "--:--" : hidden ? "· · ·" : span(left));
    say(note, under);
    const urgent = !paused && left !== null && left <= low ? (left <= last ? "last" : "low") : "";
    parts.clock.dataset.urgent = urgent;
    parts["clock-hide"].hidden = Boolean(urgent) || paused;
    parts["clock-hide"].setAttribute("aria-pressed", String(store.settings.clock_hidden));
  }

  /** How long the present unit is, or the paper, in milliseconds; Infinity where this page is not told. */
  length(ofUnit) {
    const { app: { store, clock } } = this;
    if (!ofUnit) return clock.facts.length ?? Infinity;
    const unit = store.paper.units.find(({ number }) => number === clock.facts.unit.number);
    return unit ? unit.minutes * 60_000 : Infinity;
  }

  showHandIn() {
    const { app, parts } = this;
    const { units, submit, clock } = app;
    const off = app.locked && clock.facts.state !== "units_done";
    const reason = units.isLast ? submit.reason() : null;
    say(parts["hand-in"], t(units.isLast ? "submit.button" : "units.complete"));
    parts["hand-in"].classList.toggle("btn-main", !reason && !off);
    parts["hand-in"].setAttribute("aria-disabled", String(Boolean(reason) || off));
    parts["hand-in"].disabled = off;
    say(parts["hand-in-note"], reason ? t(`submit.${reason}`, { time: span(clock.untilSubmit()) }) : "");
    parts.calculator.hidden = !app.store.paper.calculator || app.locked;
    parts.settings.disabled = app.locked;
  }

  /** What is saved, in words and shape; only going off and on line is spoken. */
  showSave() {
    const { outbox, taken } = this.app;
    const waiting = outbox.waiting({ answers: true }).length;
    const pill = this.parts.save;
    if ((taken || (!this.app.entries && outbox.online)) && !waiting) { // another page tells it now, or nobody yet
      pill.className = "pill num push";
      pill.replaceChildren();
      return;
    }
    const stopped = waiting && !outbox.running && this.app.entries;
    // Where another machine has the paper nothing is sent any more, whether the line was back for a save or for news.
    const state = stopped && taken ? "stopped" : !outbox.online ? "offline" : stopped ? "stopped" : !outbox.durable ? "volatile"
      : waiting ? (outbox.waits ? "waits" : "sending") : outbox.evidence ? "late" : "saved";
    const [kind, mark] = SAVE_MARKS[state];
    pill.className = `pill num push ${kind}`;
    const { over } = this.app;
    const cut = waiting ? (outbox.durable ? (over ? "offline_over" : "offline") : "offline_volatile") : over ? "offline_over_none" : "offline_none";
    const key = `save.${state === "offline" ? cut : state}`;
    pill.replaceChildren(h("span", { "aria-hidden": "true" }, mark), t(key, { n: state === "late" ? outbox.evidence : waiting }));
    if (this.saveState && this.saveState !== state && (state === "offline" || this.saveState === "offline")) {
      this.app.announce(t(state !== "offline" ? "save.said_online" : over ? "save.said_offline_over" : "save.said_offline", { n: waiting }));
    }
    this.saveState = state;
  }
}
