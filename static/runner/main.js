// The answer page: puts the parts together. One object, `app`, is handed to all of them.

import { call } from "./api.js";
import { Bar } from "./paper/bar.js";
import { Clock } from "./clock.js";
import { jitter, t } from "./dom.js";
import { flow } from "./flow.js";
import { guard } from "./guard.js";
import { Hand } from "./hand.js";
import { listenKeys } from "./paper/keys.js";
import { News } from "./news/news.js";
import { Notices } from "./news/notices.js";
import { Outbox } from "./save/outbox.js";
import { Palette } from "./paper/palette.js";
import { fetchForAway } from "./paper/ahead.js";
import { keepPerson } from "./waiting/kept.js";
import { person } from "./paper/person.js";
import { Place } from "./place.js";
import { Rescue } from "./recovery_file/rescue.js";
import { Delivery } from "./news/standing.js";
import { offerTools } from "./paper/settings.js";
import { Screens } from "./paper/screens.js";
import { Store } from "./store.js";
import { Submit } from "./close/submit.js";
import { flushTyping } from "./typing.js";
import { Units } from "./paper/units.js";
import { View } from "./paper/view.js";

const OVER = ["unit_moving", "unit_over", "units_done", "deadline_wait", "deadline", "closed", "submitting", "undelivered", "done"];
const LATE = 1500; // an answer that waits longer than this is shown as 未同步

const root = document.getElementById("runner");
const byId = (id) => document.getElementById(id);

const app = Object.assign({
  root,
  ...await person(root),
  store: new Store(),
  locked: true,
  running: false,
  shownMessages: new Set(),
  lateSince: new Map(),

  /** Take what the candidate did: into the store, the outbox, and to whoever shows it. */
  write(kind, position, value) {
    if (this.locked) return;
    this.store.lay(kind, position, value);
    this.outbox.put(kind, position, value);
    this.store.emit(kind, position);
  },

  /** Change one setting; the whole set is kept, without what was never chosen. */
  writeSetting(name, value) {
    const chosen = Object.entries({ ...this.store.settings, [name]: value }).filter(([, each]) => each !== null);
    this.write("setting", 0, Object.fromEntries(chosen));
  },

  /** Go to the item at `position` and into its heading. */
  go(position, reveal = true) {
    this.store.go(position);
    if (reveal) this.view.reveal();
  },

  /** To the next (1) or former (-1) item; false at the ends. */
  step(by) {
    const position = this.store.neighbour(by);
    if (position === null) return false;
    this.go(position);
    return true;
  },

  /** Blank the paper behind a screen; what is being typed, or composed by an input method, is taken first. */
  lock(screen, params, parts) {
    if (!this.locked) {
      this.place.cover();
      document.activeElement?.blur();
      flushTyping();
    }
    this.locked = true;
    document.querySelector(".calculator")?.remove();
    this.screens.show(screen, params, parts);
    this.bar.tick();
    this.bar.showSave(); // what can be done meanwhile is another thing now
  },

  unlock() {
    this.locked = false;
    this.screens.hide();
    this.bar.tick();
  },

  focusTop() {
    this.view.card?.heading.focus({ preventScroll: true });
    window.scrollTo({ top: 0 });
  },

  post(url, body) {
    return call(url, { body, headers: { "X-CBT-Lease": this.lease } });
  },

  /** True when the answer at `position` has been waiting so long that the palette must say so. */
  isLate(position) {
    return this.outbox.stateOf(position) !== null
      && (!this.outbox.online || performance.now() - (this.lateSince.get(position) ?? Infinity) > LATE);
  },

  /** This page came back from sleep, the background or a cut: nothing waits for a timer that stood still. */
  wake() {
    this.outbox.wake();
    this.news.wake();
    this.resync();
  },

  /** Whether nothing can be answered any more: the time is up, or the paper is handed in or closed. */
  get over() {
    return OVER.includes(this.screens.name);
  },

  announce(text) {
    byId("spoken").textContent = text;
  },

  /** Tell something beside the paper (notices.js). */
  toast(text, kind = "", options = {}) {
    this.notices.add(text, kind, options);
  },

  /** 提醒 from the proctor, each once. */
  showMessages(messages) {
    for (const { id, text } of messages) {
      if (this.shownMessages.has(id)) continue;
      this.shownMessages.add(id);
      this.toast(t("toast.from_proctor", { text }), "accent", {
        stay: true, close: () => this.post(this.urls.message.replace("/0/", `/${id}/`), {}),
      });
      this.hand.heard();
    }
  },
}, flow);

app.outbox = new Outbox({
  attempt: app.attempt.ref,
  seat: app.attempt.seat_number,
  url: app.urls.answers,
  hooks: {
    told: () => app.news.live,
    at: () => app.store.current || undefined,
    now: () => (app.clock.facts ? app.clock.now() : Date.now()),
    changed: () => {
      for (const { kind, position } of app.outbox.waiting()) {
        if (kind === "answer" && !app.lateSince.has(position)) app.lateSince.set(position, performance.now());
      }
      app.bar.showSave();
      app.rescue.update();
      app.delivery.update();
      app.news.line(app.outbox.online);
      app.store.emit("save");
    },
    saved: ({ kind, position }, at) => {
      if (kind !== "answer") return;
      app.lateSince.delete(position);
      app.store.savedAt.set(position, at);
      app.store.emit("saved", position);
    },
    clock: (reply) => app.takeClock(reply),
    lost: (body) => app.lost(body),
    stands: (body) => app.stand(body),
    closed: (code) => (code === "unit.closed" ? app.resync() : app.closed()),
    invalid: ({ kind, position }, body) => {
      if (kind !== "answer") return;
      app.toast(t("save.invalid", { n: app.store.numberOf(position), why: body.message ?? "" }), "stop", { stay: true });
      app.store.lay("answer", position, null); // nothing that the server refused may look saved
      app.store.emit("answer", position);
      app.view.render();
    },
  },
});

const { clock: kept } = app; // as it stood when this tab was loaded again while the server is away
app.clock = new Clock({
  tick: () => app.bar.tick(),
  warn: (seconds, ofUnit) => app.toast(t(ofUnit ? "clock.warn_unit" : "clock.warn", { n: seconds / 60 }), "warn"),
  // At the last unit the paper usually ends too; then the deadline does everything.
  unitZero: () => app.running && app.units.strict && (!app.units.isLast || app.clock.left() > 1000) && app.units.advance(false),
  zero: () => app.deadline(),
  drifted: () => app.wake(),
});

app.notices = new Notices(byId("toasts"), (text) => app.announce(text));
if (kept) app.clock.recall(kept);
app.screens = new Screens(byId("screen"), [byId("paper")]);
app.submit = new Submit(app);
app.units = new Units(app, byId("units"));
app.view = new View(app, byId("view"));
app.palette = new Palette(app, byId("side"));
app.bar = new Bar(app);
app.hand = new Hand(app);
app.rescue = new Rescue(app, byId("rescue"));
app.delivery = new Delivery(app);
app.news = new News(app);
app.place = new Place(app);

app.store.on(({ type }) => {
  if (type !== "paper") return;
  root.classList.toggle("has-units", Boolean(app.store.paper.units?.length));
  offerTools(app);
});
setInterval(() => app.lateSince.size && app.palette.refresh(), 1000);

// Another tab of this browser that opened the same attempt has the lease now.
if ("BroadcastChannel" in window) {
  app.channel = new BroadcastChannel("cbt-attempt");
  app.channel.addEventListener("message", ({ data }) => {
    if (data.attempt !== app.attempt.ref || !app.running) return;
    if (data.epoch > app.epoch) app.handOver();
    else if (data.left < app.epoch) app.adopt();
  });
}
for (const [target, type] of [
  [document, "visibilitychange"], [document, "resume"], [window, "focus"], [window, "online"], [window, "pageshow"],
]) target.addEventListener(type, () => document.visibilityState === "visible" && app.wake());
window.addEventListener("offline", () => app.outbox.reach(false));
window.addEventListener("pagehide", () => {
  if (!app.running || !app.urls.ahead) return;
  keepPerson(app);
  app.outbox.leave(); // after what was typed is taken (typing.js)
});
window.addEventListener("beforeunload", (event) => {
  if (app.running && (!app.outbox.online || app.outbox.waiting({ answers: true }).length)) event.preventDefault();
});

const begun = app.restart(); // the server is asked first: all else is done while it answers
listenKeys(app);
guard(app);
app.clock.start();
await begun;
setTimeout(() => fetchForAway(app.urls), jitter(20_000, 60_000)); // a hall that begins sends nothing but its starts

export { app };
