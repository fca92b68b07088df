// How an answer leaves this machine: kept here first, then sent, one request in flight, the newest entry per
// (kind, position), retried with jitter until the server acknowledges it; a receipt deletes the local copy.
// An entry is `local` until a request carries it, `sending` while one does, gone when it is saved. Source.

import { call, isTransient } from "./api.js";
import { jitter } from "./dom.js";
import { openStorage } from "./storage.js";

const HEARTBEAT = 10_000;
const SUSPENDED_POLL = 2_500;
const BATCH = 100;
const MOST_CARRIED = 400;
const MOST_EVENTS = 60;

/** Return `[{attempt, count}]` for answers of any attempt that wait on this machine (for the seat page). Source: R-16. */
export async function listUndelivered() {
  const counts = new Map();
  for (const record of await (await openStorage()).every()) {
    if (record.kind === "answer") counts.set(record.attempt, (counts.get(record.attempt) ?? 0) + 1);
  }
  return [...counts].map(([attempt, count]) => ({ attempt, count }));
}

export class Outbox {
  /**
   * `hooks`: changed() after any state moved; saved(entry, at) on a receipt; clock(reply) with every clock;
   * lost(), suspended(), closed(code), invalid(entry, body) on the refusals.
   */
  constructor({ attempt, url, hooks }) {
    Object.assign(this, { attempt, url, hooks });
    this.entries = new Map();
    this.online = true;
    this.running = false;
    this.busy = null;
    this.alone = false; // after a 422 that named no entry, one entry a request until it is found
    this.seq = 0;
    this.acked = 0; // the highest number this page knows the server has
  }

  /**
   * Load what waits on this machine. Another tab may have delivered some of it meanwhile, so before every
   * start the storage is the truth, unless it cannot keep anything.
   */
  async load() {
    this.storage ??= await openStorage();
    if (!this.durable) return;
    const records = await this.storage.all(this.attempt).catch(() => []);
    this.entries.clear();
    for (const { key, seq, kind, position, value, epoch, acked, evidence } of records.sort((a, b) => a.seq - b.seq)) {
      if (!evidence) this.entries.set(key, { key, seq, kind, position, value, epoch, acked, state: "local" });
    }
  }

  /**
   * Before a start's journal is shown: an answer left here that another browser has overtaken (it held the lease
   * in between and wrote) is set aside where the server has an answer, for a stale save never beats a newer one.
   */
  settle({ epoch, seq, journal }) {
    for (const entry of this.waiting({ answers: true })) {
      const overtaken = epoch > entry.epoch + 1 && seq > entry.acked;
      if (overtaken && entry.position in (journal.answers ?? {})) this.setAside(entry);
    }
  }

  get durable() {
    return this.storage.durable && !this.failed;
  }

  /** Begin (again) under a lease: what waits gets fresh numbers, in its old order. */
  begin({ lease, epoch, seq }) {
    Object.assign(this, { lease, epoch, running: true, online: true, alone: false });
    this.seq = Math.max(this.seq, seq);
    this.acked = seq;
    for (const entry of this.entries.values()) {
      entry.seq = ++this.seq;
      entry.state = "local";
      this.keep(entry);
    }
    this.plan(0);
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** Keep an entry on this machine and send it as soon as the line is free. */
  put(kind, position, value) {
    const seq = ++this.seq;
    const key = kind === "event" ? `event:${seq}` : `${kind}:${position}`;
    if (kind === "event") this.shedEvents();
    this.entries.delete(key); // re-inserted, so that the map stays in order of writing
    const entry = { key, seq, kind, position, value, state: "local" };
    this.entries.set(key, entry);
    this.keep(entry);
    this.hooks.changed();
    if (this.online) this.plan(20);
  }

  shedEvents() {
    const events = [...this.entries.values()].filter((entry) => entry.kind === "event");
    if (events.length >= MOST_EVENTS) this.drop(events[0]);
  }

  keep(entry) {
    Object.assign(entry, { epoch: this.epoch, acked: this.acked });
    const { key, seq, kind, position, value, epoch, acked } = entry;
    const record = { attempt: this.attempt, key, seq, kind, position, value, epoch, acked, at: Date.now() };
    this.storage.put(record).catch(() => {
      this.failed = true;
      this.hooks.changed();
    });
  }

  /** State of the answer at `position`: "local", "sending" or null (nothing waits). */
  stateOf(position, kind = "answer") {
    return this.entries.get(`${kind}:${position}`)?.state ?? null;
  }

  /** Entries that wait, oldest first; `answers` only those a candidate would call answers. */
  waiting({ answers = false } = {}) {
    return [...this.entries.values()].filter((entry) => !answers || entry.kind === "answer");
  }

  plan(delay) {
    if (!this.running || this.busy) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), delay);
  }

  /** Send what waits now, or a heartbeat. */
  async flush() {
    if (!this.running || this.busy) return;
    let done;
    this.busy = new Promise((resolve) => { done = resolve; });
    const batch = this.waiting().slice(0, this.alone ? 1 : BATCH);
    this.mark(batch, "sending");
    const reply = await call(this.url, {
      body: { epoch: this.epoch, entries: batch.map(wire) },
      headers: { "X-CBT-Lease": this.lease }, credentials: "omit",
    });
    this.busy = null;
    done();
    if (this.running) this.answered(reply, batch);
  }

  /**
   * Carry what waits inside another request (advance, submit): `work(entries)` returns its reply. Its success
   * covers every entry it carried. No save is in flight meanwhile.
   */
  async carry(work) {
    while (this.busy) await this.busy;
    clearTimeout(this.timer);
    let done;
    this.busy = new Promise((resolve) => { done = resolve; });
    const batch = this.waiting().slice(0, MOST_CARRIED);
    this.mark(batch, "sending");
    const reply = await work(batch.map(wire));
    this.busy = null;
    done();
    if (reply.status === 422 && this.refused(reply.body, batch)) return this.carry(work);
    if (reply.status === 200) this.receive(reply.body.receipts ?? batch.map(({ seq }) => ({ seq, at: reply.body.closed_at })), batch);
    else this.mark(batch, "local");
    this.reach(!isTransient(reply.status));
    this.plan(HEARTBEAT);
    return reply;
  }

  mark(batch, state) {
    for (const entry of batch) entry.state = state;
    this.hooks.changed();
  }

  reach(online) {
    if (this.online === online) return;
    this.online = online;
    this.hooks.changed();
  }

  answered(reply, batch) {
    const { status, body } = reply;
    if (status !== 200) this.mark(batch, "local");
    this.reach(!isTransient(status));
    if (body.clock) this.hooks.clock(reply);
    if (body.receipts) this.receive(body.receipts, batch); // a refusal may cover only part of what was sent
    if (status === 200) {
      if (!this.entries.size) this.alone = false;
      this.plan(this.entries.size ? 0 : body.clock?.state === "suspended" ? SUSPENDED_POLL : HEARTBEAT);
    } else if (status === 409 || status === 401 || status === 403) {
      this.stop();
      this.hooks.lost();
    } else if (status === 423) {
      this.hooks.suspended();
      this.plan(jitter(2000, 3000));
    } else if (status === 410) {
      this.refusedLate(body.code, batch);
    } else if (status === 422 || status === 400) {
      this.refused(body, batch);
    } else {
      this.plan(jitter(500, 3000));
    }
  }

  receive(receipts, batch) {
    const at = new Map(receipts.map((receipt) => [receipt.seq, receipt.at]));
    for (const entry of batch) {
      if (!at.has(entry.seq)) {
        entry.state = "local";
        continue;
      }
      this.storage.remove(this.attempt, entry.key, entry.seq).catch(() => {});
      if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
      this.acked = Math.max(this.acked, entry.seq);
      this.hooks.saved(entry, at.get(entry.seq));
    }
    if (receipts.length) for (const entry of this.entries.values()) this.keep(entry);
    this.hooks.changed();
  }

  refusedLate(code, batch) {
    if (code === "unit.closed") {
      for (const entry of batch.filter((each) => each.position > 0 && this.entries.get(each.key) === each)) this.setAside(entry);
      this.plan(200);
    } else {
      this.stop(); // what waits stays here; a reopening sends it under a new epoch
    }
    this.hooks.closed(code);
  }

  /** Keep an entry of a closed unit as evidence: on this machine, never sent again. Source: R-29. */
  setAside(entry) {
    this.entries.delete(entry.key);
    const { key, seq, kind, position, value } = entry;
    this.storage.put({ attempt: this.attempt, key, seq, kind, position, value, at: Date.now(), evidence: true }).catch(() => {});
  }

  /** Drop the entry the server named (or the only one); return whether there was one. */
  refused(body, batch) {
    this.mark(batch, "local");
    const named = batch.find((entry) => entry.seq === body.seq) ?? (batch.length === 1 ? batch[0] : null);
    if (named) {
      this.drop(named);
      this.hooks.invalid(named, body);
    } else {
      this.alone = true;
    }
    this.plan(batch.length ? 0 : HEARTBEAT);
    return Boolean(named);
  }

  drop(entry) {
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
    this.storage.remove(this.attempt, entry.key, entry.seq).catch(() => {});
    this.hooks.changed();
  }
}

const wire = ({ seq, kind, position, value }) => ({ seq, kind, position, value });
