// How the page enters, leaves and re-enters an attempt: start, suspension, deadline, closing, taking over.

import { OTHER_MACHINE, call, isTransient, quiet } from "./api.js";
import { closeDialogs } from "./dialog.js";
import { afterFrame, h, jitter, pause, t, wall } from "./dom.js";
import { forgetPerson } from "./waiting/kept.js";
import { preload } from "./paper/preload.js";
import { countdown } from "./paper/screens.js";
import { STANDING, screenOf, wordsOf } from "./news/standing.js";
import { applySettings } from "./paper/settings.js";
import { flushTyping } from "./typing.js";

const OTHER_LOGIN = ["web.signed_out", "web.csrf"];
const SEAT_AFTER = 60_000;

export const flow = {
  /** Ask for the paper until the server gives it, or says why not. Safe to call again at any time. */
  async restart() {
    if (this.starting) return;
    this.starting = true;
    this.handedOver = false;
    flushTyping(); // under the lease it was typed under
    this.outbox.stop();
    this.news.stop();
    this.running = false;
    const ask = () => call(this.urls.start, { body: {}, headers: { "X-CSRFToken": this.csrf }, timeout: 8000 });
    let asked = ask(); // all that follows is done while the server answers
    if (!this.screens.name) this.lock("loading");
    const read = this.outbox.load(); // laid over what the server gives
    for (;;) {
      const reply = await asked;
      await read;
      const wait = this.entered(reply);
      if (!wait) break;
      await pause(wait);
      asked = ask();
    }
    this.starting = false;
  },

  /** Act on the reply to a start; return how long to wait before the next try, 0 when there is none. */
  entered(reply) {
    const { status, body } = reply;
    if (status === 200) {
      this.enter(reply);
      return 0;
    }
    if (status === 410) {
      window.location.assign(body.done_url ?? this.urls.done);
      return 0;
    }
    if (status === 423) {
      this.lock(screenOf(body.code), {}, wordsOf(this, body.standing));
      return jitter(1000, 1900);
    }
    if (status === 425) {
      this.lock("not_started");
      return jitter(1000, 3000);
    }
    if (status === 403 && body.code === OTHER_MACHINE) {
      this.lock("elsewhere", {}, { actions: [this.again()] });
      return 0;
    }
    if (status === 409) {
      this.lock("held");
      return jitter(2500, 4000);
    }
    if (isTransient(status)) {
      this.outbox.reach(false);
      this.lock("offline");
      return Math.max(reply.after ?? 0, jitter(500, 3000));
    }
    // A login that is over, or another one since: only the page itself leads back in.
    const anew = OTHER_LOGIN.includes(body.code) ? this.anew() : this.again();
    this.lock("refused", {}, { text: [body.message, body.fix].filter(Boolean).join(" ") || t("screen.refused.text"), actions: [anew] });
    return 0;
  },

  enter({ body, sent, got }) {
    const again = Boolean(this.entries);
    Object.assign(this, { epoch: body.epoch, lease: body.lease, taken: false });
    this.clock.best = Infinity;
    this.clock.update(body.clock, { sent, got });
    this.outbox.unseal(body);
    this.outbox.settle(body);
    if (!again) this.store.current = this.place.first(body);
    this.units.take(body.windows);
    this.store.load({ paper: body.paper, journal: body.journal, waiting: this.outbox.waiting() });
    preload(body.paper);
    applySettings(this);
    this.outbox.begin(body);
    this.channel?.postMessage({ attempt: this.attempt.ref, epoch: body.epoch });
    this.running = true;
    this.unlock();
    if (again) this.outbox.put("event", 0, { type: "usable" });
    else this.present();
    this.entries = (this.entries ?? 0) + 1;
    this.place.keep();
    if (!again || !this.place.back()) this.place.begin();
    this.units.arrived();
    this.takeClock({ body, sent, got });
    this.news.begin(body.number);
  },

  /** Put down that the paper is there, once it is. A hall that begins sends nothing but its starts: this goes along with the first answer. */
  present() {
    const within = () => (this.outbox.waiting().length ? 0 : jitter(2000, 6000));
    this.outbox.plan(within());
    afterFrame(() => this.outbox.put("event", 0, { type: "paper_loaded" }, within()));
  },

  /** Take the clock of any reply and follow the state it tells; `timed` is false for a reply that waited. */
  takeClock({ body, sent, got, timed = true }) {
    const facts = body.clock;
    if (!facts) return;
    const moved = this.clock.update(facts, { sent, got, timed });
    if (body.windows) this.units.take(body.windows);
    else if (moved && this.running) this.units.renew();
    this.showMessages(facts.messages ?? []);
    if (!this.running) return;
    const { name } = this.screens;
    if (facts.state === "suspended") this.stand({ code: facts.evacuated ? "attempt.evacuated" : "attempt.suspended", clock: facts });
    else if (facts.state === "closed") this.closed(facts.standing);
    else if (facts.away) this.away(facts);
    else if (facts.state === "units_done") this.unitsDone();
    else if (STANDING.includes(name)) this.resumed();
    else if (["deadline_wait", "deadline", "closed"].includes(name) && this.clock.left() > 0) this.restart();
    else if (this.unitMoved(facts)) this.restart();
    this.units.render();
  },

  /** The server opened another unit than the one on this page. */
  unitMoved(facts) {
    if (!this.units.strict || this.units.moving || !facts.unit) return false;
    return this.store.group?.unit !== facts.unit.number;
  },

  /**
   * The server takes nothing for now and says why: 暂停, 紧急疏散 or 临时离场. The paper is blanked, and what was typed
   * waits on this machine. Source.
   */
  stand({ code, clock }) {
    const screen = screenOf(code);
    if (this.screens.name === screen && this.screens.said === (clock?.standing?.text ?? "")) return;
    flushTyping();
    closeDialogs();
    this.notices.drop("goes-on"); // it does not go on any more
    this.lock(screen, {}, wordsOf(this, clock?.standing));
  },

  /** 临时离场: the clock runs, so the deadline and what was begun before it come first. Source: R-13. */
  away(facts) {
    if (["deadline_wait", "deadline", "submitting", "undelivered"].includes(this.screens.name) || this.units.moving) return;
    this.stand({ code: "attempt.away", clock: facts });
  },

  resumed() {
    if (this.unitMoved(this.clock.facts)) {
      this.restart();
      return;
    }
    this.unlock();
    if (!this.place.back()) this.place.begin();
    this.announce(t("screen.resumed"));
    this.outbox.put("event", 0, { type: "usable" });
  },

  unitsDone() {
    const { name } = this.screens;
    if (["submitting", "undelivered", "units_done"].includes(name) || this.units.moving) return;
    if (name === "deadline_wait" && this.clock.left() <= 0) return;
    this.lock("units_done", {}, { actions: [h("button", { type: "button", class: "btn btn-main", onclick: () => this.submit.ask() }, t("submit.button"))] });
  },

  /** Zero of the paper: everything typed goes out, then the server is asked until it has closed. Source: R-28. */
  async deadline() {
    if (!this.running || this.submit.pressedAt) return;
    flushTyping();
    closeDialogs();
    this.lock("deadline_wait");
    this.outbox.plan(0);
    await this.watchClosing();
  },

  /** Ask for the clock while the end is in question; a reopening (补时) brings the paper back. */
  async watchClosing() {
    if (this.watching) return;
    this.watching = true;
    while (["deadline_wait", "deadline", "closed"].includes(this.screens.name)) {
      const waits = this.screens.name === "deadline_wait";
      // A hall whose time is over: where a request waits for the closing, few ask beside it.
      await pause(this.news.live ? jitter(4000, 6000) : waits ? jitter(1000, 2000) : jitter(2500, 4000));
      if (!this.news.live || waits) await this.resync(); // else it is told
    }
    this.watching = false;
  },

  /** The attempt is closed: by the deadline (provisional, the page waits) or by a person. */
  closed(standing) {
    const { name } = this.screens;
    if (["deadline", "closed", "done"].includes(name)) return;
    flushTyping();
    closeDialogs();
    const byDeadline = name === "deadline_wait" || (this.clock.left() ?? 1) <= 0;
    this.lock(byDeadline ? "deadline" : "closed", {}, { ...wordsOf(this, standing), actions: [h("a", { class: "btn", href: this.urls.done }, t("screen.to_done"))] });
    this.watchClosing();
  },

  /** Another tab of this browser has the paper now; what could not be sent from here it takes over. Source: R-42. */
  handOver() {
    this.lost();
    this.handedOver = true;
    this.channel.postMessage({ attempt: this.attempt.ref, left: this.epoch });
    this.rescue.update();
  },

  /** A former tab has just left; show and send what it still held. */
  async adopt() {
    const left = await this.outbox.adopt();
    for (const { kind, position, value } of left) {
      this.store.lay(kind, position, value);
      this.store.emit(kind, position);
    }
    if (left.length) this.view.render();
  },

  /**
   * The lease is another window's or machine's by now, or this machine is not the one it was given to; `seat` is
   * where the paper went by 换机: this page has nothing to ask any more.
   */
  lost({ code, moved_to: seat } = {}) {
    this.outbox.stop();
    this.news.stop();
    flushTyping(); // kept on this machine, at least
    this.running = false;
    this.taken = true; // neither the time nor what is saved is this page's to tell any more
    this.lease = null; // nor to ask for
    this.bar.showSave();
    closeDialogs();
    if (code === OTHER_MACHINE) this.lock("elsewhere", {}, { actions: [this.again()] });
    else if (seat) this.lock("moved", { seat }, { actions: [h("a", { class: "btn", href: this.urls.seat }, t("done.seat"))] });
    else this.lock("lost", {}, { actions: [this.again("screen.take_back")] });
  },

  anew() {
    return h("button", { type: "button", class: "btn btn-main", onclick: () => window.location.reload() }, t("screen.sign_in"));
  },

  again(key = "screen.again") {
    return h("button", { type: "button", class: "btn btn-main", onclick: () => { this.lock("loading"); this.restart(); } }, t(key));
  },

  /** 交卷成功: the receipt, then the seat page. */
  finish({ receipt, closed_at: closedAt }) {
    this.outbox.stop();
    this.news.stop();
    this.running = false;
    this.place.forget();
    forgetPerson();
    this.clock.facts = { ...this.clock.facts, state: "closed" };
    this.notices.clear(); // nothing said about the time left holds any more
    this.lock("done", {}, {
      extra: [h("dl", { class: "facts receipt" }, h("dt", {}, t("done.receipt")), h("dd", { class: "num" }, receipt),
        h("dt", {}, t("done.closed_at")), h("dd", { class: "num" }, wall(closedAt, true))),
      countdown(SEAT_AFTER, "done.countdown", () => window.location.assign(this.urls.seat))],
      actions: [h("a", { class: "btn", href: this.urls.seat }, t("done.seat"))],
    });
  },

  /** Read the server's clock again (after sleep, in a tab that came back, while an end is awaited). */
  async resync() {
    if (!this.lease || this.syncing || quiet()) return;
    this.syncing = true;
    const reply = await call(this.urls.clock, { method: "GET", headers: { "X-CBT-Lease": this.lease } });
    this.syncing = false;
    if (!isTransient(reply.status) && !this.outbox.online) {
      this.outbox.reach(true);
      this.outbox.wake();
    }
    if (reply.status === 409 || reply.status === 403) {
      if (this.running) this.lost(reply.body);
    } else {
      this.takeClock(reply);
    }
  },
};
