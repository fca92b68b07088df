// What staff do reaches this page within two seconds: one request waits at the server until something happens, and the
// next follows. Where the server lets nobody wait, or is away, it asks now and then; the heartbeat of the saves goes on
// beside it, so nothing depends on this. Source.

import { call, isTransient, quiet } from "../api.js";
import { jitter } from "../dom.js";

const PATIENCE = 40_000; // the server answers after 25 s at the latest
const WAITED = 5000; // an answer that brings nothing sooner than this was not allowed to wait
const NOW_AND_THEN = 10_000;
const LONGEST = 30_000;
const DEAD = 30_000; // a request as old as this, when the page wakes, is on a line that is gone

export class News {
  constructor(app) {
    Object.assign(this, { app, turn: 0, number: null, failures: 0, live: false, online: true });
  }

  /** Listen (again) under the lease that the page has just got; its start knew all up to `number`. */
  begin(number = null) {
    this.stop();
    this.failures = 0;
    this.number ??= number; // one from before goes on: what the page was told nothing of yet is still to come
    this.listen(this.turn);
  }

  stop() {
    this.turn += 1;
    this.live = false;
    this.abort?.abort();
    this.rouse?.();
  }

  /** The page came back from sleep or a cut: a line that may be dead is given up, and no pause is sat out. */
  wake() {
    if (this.sentAt && performance.now() - this.sentAt > DEAD) this.abort?.abort();
    if (this.failures) this.rouse?.();
  }

  /** The saves noticed that the line was cut, or is back: then a request that waits is on a dead one. */
  line(online) {
    if (online === this.online) return;
    this.online = online;
    if (!online) return;
    this.abort?.abort();
    this.rouse?.();
  }

  async listen(turn) {
    while (turn === this.turn) {
      if (quiet()) {
        await this.rest(quiet()); // the server said so, to whatever of this page asked
        continue;
      }
      const query = this.number === null ? "" : `?since=${this.number}`;
      this.sentAt = performance.now();
      const waits = setTimeout(() => { this.live = turn === this.turn && this.number !== null; }, WAITED); // no answer so far: it waits there
      const reply = await call(`${this.app.urls.news}${query}`, {
        method: "GET", headers: { "X-CBT-Lease": this.app.lease }, timeout: PATIENCE, begun: (abort) => { this.abort = abort; },
      });
      clearTimeout(waits);
      this.sentAt = null;
      if (turn !== this.turn) return;
      await this.rest(this.heard(reply));
    }
  }

  /** Take an answer; return how long to wait before the next request. */
  heard(reply) {
    const { status, body } = reply;
    if (status === 200) {
      this.failures = 0;
      const waited = reply.got - reply.sent > WAITED;
      if (Number.isInteger(body.number)) this.number = body.number;
      if (body.clock) this.tell(reply);
      this.live = Boolean(body.clock) || waited;
      return this.live ? jitter(20, 120) : jitter(0.8 * NOW_AND_THEN, 1.2 * NOW_AND_THEN);
    }
    this.live = false;
    if ([401, 403, 409].includes(status)) {
      if (this.app.running) this.app.lost(body);
      return LONGEST;
    }
    if (!isTransient(status)) return LONGEST;
    this.failures += 1;
    return Math.max(reply.after ?? 0, jitter(0.5, 1.5) * Math.min(LONGEST / 1.5, 1000 * 2 ** (this.failures - 1)));
  }

  /** Something happened: the page follows the clock, and says what was done. */
  tell({ body, sent, got }) {
    const { app } = this;
    const known = app.clock.facts?.now;
    if (!known || Date.parse(body.clock.now) >= Date.parse(known)) app.takeClock({ body, sent, got, timed: false });
    for (const { kind, text } of body.news ?? []) app.toast(text, kind === "grant" ? "accent" : "goes-on");
  }

  rest(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
