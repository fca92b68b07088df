// How an answer leaves this machine: kept here first, then sent, one request in flight, the newest entry per
// (kind, position), retried with jitter until the server acknowledges it; a receipt deletes the local copy.
// An entry is `local` until a request carries it (and `kept` once this machine has it), `sending` while one does, gone
// when it is saved. Source.

import { abortOverdue, call, isTransient, quiet } from "../api.js";
import { jitter, pause } from "../dom.js";
import { isSealed, openRecord, sealRecord } from "../recovery_file/sealing.js";
import { Shelf } from "./shelf.js";

const HEARTBEAT = 10_000;
const SUSPENDED_POLL = 2_500;
const BATCH = 100;
const MOST_CARRIED = 400;
const MOST_EVENTS = 60;
const MOST_RECEIPTS = 8;

export class Outbox {
  /**
   * `hooks`: changed() after any state moved; saved(entry, at) on a receipt; clock(reply) with every clock;
   * lost(body), stands(body), closed(code), invalid(entry, body) on the refusals; now() is the server's instant (ms), told()
   * whether the page hears at once of what staff do, at() the item the candidate is at.
   */
  constructor({ attempt, seat, url, hooks }) {
    Object.assign(this, { attempt, seat, url, hooks });
    this.shelf = new Shelf(attempt, (failed) => {
      if (!failed) for (const entry of this.entries.values()) if (!isSealed(entry)) this.keep(entry);
      hooks.changed();
    });
    this.entries = new Map();
    this.seals = new Map(); // epoch -> the secret of that lease; nowhere but here
    this.receipts = []; // the latest of this lease, the anchor of a recovery file
    this.online = true;
    this.offlineSince = null;
    this.running = false;
    this.busy = null;
    this.refusal = null; // what the server said when it had no room (413) or was asked too often (429)
    this.waits = false; // whether the server takes nothing for now (413, 423, 429): what is here is not on its way
    this.alone = false; // after a 422 that named no entry, one entry a request until it is found
    this.seq = 0;
    this.acked = 0; // the highest number this page knows the server has
  }

  /**
   * Load what waits on this machine. Another tab may have delivered some of it meanwhile, so before every
   * start the storage is the truth, unless it cannot keep anything. It waits, and is counted, sealed as it lies there
   * until a start has given the secret.
   */
  async load() {
    await this.shelf.open();
    if (!this.durable) return;
    const records = await this.shelf.records();
    this.entries.clear();
    for (const entry of records) {
      if (!entry.evidence && entry.kind !== "lease") this.entries.set(entry.key, { ...entry, state: "local", kept: true });
    }
  }

  /**
   * Take the secrets a start has given, and read what waits. What none of them opens stays on this machine as it is:
   * it is listed there as undelivered and can be saved as a file.
   */
  unseal({ epoch, seal, seals = {} }) {
    this.seals = new Map([...Object.entries(seals).map(([of, secret]) => [Number(of), secret]), [epoch, seal]]);
    for (const [key, entry] of this.entries) {
      const opened = this.opened(entry);
      if (opened) this.entries.set(key, { ...opened, state: "local", kept: true });
      else this.entries.delete(key);
    }
  }

  /** Return a record as it was written, null where it cannot be read. */
  opened(record) {
    if (!isSealed(record)) return record;
    const secret = this.seals.get(record.epoch);
    return secret ? openRecord(secret, this.attempt, record) : null;
  }

  /**
   * Take over what a former tab of this browser could not send any more: it has just been told that this page has
   * the lease. Returns the entries, for the page to show; what was written here since is newer.
   */
  async adopt() {
    const left = (await this.shelf.records()).filter(({ key, kind, epoch, evidence, late }) => (
      kind !== "lease" && !evidence && !late && epoch < this.epoch && !this.entries.has(key) && !this.written.has(key)))
      .map((record) => this.opened(record)).filter(Boolean);
    for (const { kind, position, value } of left) this.put(kind, position, value);
    return left;
  }

  /**
   * Before a start's journal is shown: an answer left here that another browser has overtaken (it held the lease
   * in between and wrote) is set aside where the server has an answer, for a stale save never beats a newer one.
   */
  settle({ epoch, seq, journal }) {
    for (const entry of [...this.entries.values()].filter(({ kind }) => kind === "answer")) {
      const overtaken = epoch > entry.epoch + 1 && seq > entry.acked;
      if (overtaken && entry.position in (journal.answers ?? {})) this.setAside(entry);
    }
  }

  get durable() {
    return this.shelf.durable;
  }

  /** Begin (again) under a lease: what waits gets fresh numbers, in its old order. */
  begin({ lease, epoch, seq, seal }) {
    Object.assign(this, { lease, epoch, running: true, alone: false, receipts: [], written: new Set() });
    this.reach(true);
    this.seq = Math.max(this.seq, seq);
    this.acked = seq;
    this.sealed = { epoch, seal };
    this.shelf.put({ key: "lease", kind: "lease", seq: 0, epoch, seat: this.seat });
    for (const entry of [...this.entries.values()]) if (entry.value?.type === "leave") this.drop(entry); // it is back
    for (const entry of this.entries.values()) {
      entry.seq = ++this.seq;
      entry.state = "local";
      entry.late = false;
      this.keep(entry);
    }
    this.plan(0);
  }

  stop() {
    this.running = false;
    clearTimeout(this.timer);
    this.mark(this.waiting(), "local");
  }

  /** Keep an entry on this machine and send it as soon as the line is free, or `within` so many milliseconds. */
  put(kind, position, value, within = 20) {
    const seq = ++this.seq;
    const key = kind === "event" ? `event:${seq}` : `${kind}:${position}`;
    if (kind === "event") this.shedEvents();
    this.entries.delete(key); // re-inserted, so that the map stays in order of writing
    const entry = { key, seq, kind, position, value, at: new Date(this.hooks.now()).toISOString(), state: "local" };
    this.entries.set(key, entry);
    this.written.add(key);
    this.keep(entry);
    this.hooks.changed();
    if (this.online) this.plan(within);
  }

  /** The page is left: say so, with what waits, in a request that outlives it. Source: R-26. */
  leave() {
    if (!this.running) return;
    this.put("event", 0, { type: "leave" });
    const batch = this.waiting();
    call(this.url, {
      body: { epoch: this.epoch, at: this.hooks.at(), entries: batch.slice(-BATCH).map(wire) }, headers: { "X-CBT-Lease": this.lease }, keepalive: true,
    });
  }

  shedEvents() {
    const events = [...this.entries.values()].filter((entry) => entry.kind === "event");
    if (events.length >= MOST_EVENTS) this.drop(events[0]);
  }

  keep(entry) {
    const anchor = this.receipts.at(-1);
    Object.assign(entry, { epoch: this.epoch, acked: this.acked, anchor: anchor && { ...anchor, epoch: this.epoch } });
    this.shelf.put(this.sealedOf(entry)).then((kept) => {
      if (entry.kept === kept) return;
      entry.kept = kept;
      this.hooks.changed();
    });
  }

  sealedOf({ state, kept, attempt, ...record }) {
    return sealRecord(this.seals.get(record.epoch), this.attempt, record);
  }

  /**
   * State of the answer at `position`: "page" until this machine's storage has it, then "local", "sending" while a
   * request carries it, null when nothing waits. Source: R-40.
   */
  stateOf(position, kind = "answer") {
    const entry = this.entries.get(`${kind}:${position}`);
    return entry?.state === "local" && !entry.kept ? "page" : entry?.state ?? null;
  }

  /** Entries that wait, oldest first; `answers` only those a candidate would call answers. */
  waiting({ answers = false } = {}) {
    return [...this.entries.values()].filter((entry) => !entry.late && (!answers || entry.kind === "answer"));
  }

  /** How many answers came too late: the server has them as evidence. Source: R-29. */
  get evidence() {
    return [...this.entries.values()].filter(({ late, kind }) => late && kind === "answer").length;
  }

  /** The page came back (from sleep, the background, a cut): what waits goes out now. */
  wake() {
    abortOverdue();
    this.flush(); // not by a timer: those of a page in the background may stand still for a minute
  }

  /** Send after `delay` milliseconds, and not before the server wants to be asked again. */
  plan(delay) {
    if (!this.running || this.busy) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), Math.max(delay, quiet()));
  }

  /** Send what waits now, or a heartbeat; while the server wants to be left alone, once that is over. */
  async flush() {
    if (!this.running || this.busy) return;
    if (quiet()) {
      this.plan(0);
      return;
    }
    let done;
    this.busy = new Promise((resolve) => { done = resolve; });
    const batch = this.waiting().slice(0, this.alone ? 1 : BATCH);
    this.mark(batch, "sending");
    const reply = await call(this.url, {
      body: { epoch: this.epoch, at: this.hooks.at(), entries: batch.map(wire) },
      headers: { "X-CBT-Lease": this.lease }, // with the cookies: a lease is good on its own machine only
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
    while (this.busy || quiet()) await (this.busy ?? pause(quiet()));
    clearTimeout(this.timer);
    let done;
    this.busy = new Promise((resolve) => { done = resolve; });
    const batch = this.waiting().slice(0, MOST_CARRIED);
    this.mark(batch, "sending");
    const reply = await work(batch.map(wire));
    this.busy = null;
    done();
    if (reply.status === 422 && this.refused(reply.body, batch)) return this.carry(work);
    this.note(reply);
    if (reply.status === 200) this.receive(reply.body.receipts ?? batch.map(({ seq }) => ({ seq, at: reply.body.closed_at })), batch);
    else this.mark(batch, "local");
    this.reach(reached(reply.status));
    this.plan(Math.max(HEARTBEAT, reply.after ?? 0));
    return reply;
  }

  /** Keep why the server takes nothing more, or not so fast; what waits stays on this machine meanwhile. */
  note({ status, body }) {
    if (status === 413 || status === 429) this.refusal = { full: status === 413, why: [body.message, body.fix].filter(Boolean).join(" ") };
    else if (status === 200) this.refusal = null;
    if (status === 200 || status === 410) this.waits = false;
    else if ([413, 423, 429].includes(status)) this.waits = true;
  }

  mark(batch, state) {
    for (const entry of batch) entry.state = state;
    this.hooks.changed();
  }

  reach(online) {
    if (this.online === online) return;
    this.online = online;
    this.offlineSince = online ? null : performance.now();
    this.hooks.changed();
  }

  answered(reply, batch) {
    const { status, body } = reply;
    this.note(reply);
    if (status !== 200) this.mark(batch, "local");
    this.reach(reached(status));
    if (body.clock) this.hooks.clock(reply);
    if (body.receipts) this.receive(body.receipts, batch); // a refusal may cover only part of what was sent
    if (status === 200) {
      if (!this.entries.size) this.alone = false;
      this.plan(this.waiting().length ? 0 : body.clock?.state === "suspended" && !this.hooks.told() ? SUSPENDED_POLL : HEARTBEAT);
    } else if (status === 409 || status === 401 || status === 403) {
      this.stop();
      this.hooks.lost(body);
    } else if (status === 423) {
      this.hooks.stands(body);
      this.plan(this.hooks.told() ? HEARTBEAT : jitter(2000, 3000)); // what comes next is told, or asked for
    } else if (status === 413) {
      this.plan(HEARTBEAT);
    } else if (status === 410) {
      this.refusedLate(body, batch);
    } else if (status === 422 || status === 400) {
      this.refused(body, batch);
    } else {
      this.plan(Math.max(reply.after ?? 0, jitter(500, 3000)));
    }
  }

  receive(receipts, batch) {
    const at = new Map(receipts.map((receipt) => [receipt.seq, receipt.at]));
    for (const entry of batch) {
      if (!at.has(entry.seq)) {
        entry.state = "local";
        continue;
      }
      this.shelf.remove(entry);
      if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
      this.acked = Math.max(this.acked, entry.seq);
      this.hooks.saved(entry, at.get(entry.seq));
    }
    this.receipts = [...this.receipts, ...receipts.filter(({ at: known }) => known)].slice(-MOST_RECEIPTS);
    if (receipts.length) for (const entry of this.entries.values()) this.keep(entry);
    this.hooks.changed();
  }

  /**
   * What arrived too late is on the server's disk as evidence with this reply. Of a closed unit it is never sent
   * again; of a closed paper it waits here, for a reopening sends it under a new epoch. Source: R-29.
   */
  refusedLate({ code }, batch) {
    const mine = batch.filter((entry) => this.entries.get(entry.key) === entry);
    if (code === "unit.closed") {
      for (const entry of mine.filter((each) => each.position > 0)) this.drop(entry);
    } else {
      for (const entry of mine) {
        entry.late = true;
        this.keep(entry);
      }
    }
    if (this.waiting().length || code === "unit.closed") this.plan(200);
    else this.stop();
    this.hooks.changed();
    this.hooks.closed(code);
  }

  /** Keep an entry that a newer one has overtaken: on this machine, never sent again. */
  setAside(entry) {
    this.entries.delete(entry.key);
    this.shelf.put(this.sealedOf({ ...entry, evidence: true }));
  }

  /** Drop the entry the server named (or the only one). */
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
    this.shelf.remove(entry);
    this.hooks.changed();
  }
}

/** A server that says "not so fast" was reached: the line is not cut. */
const reached = (status) => status === 429 || !isTransient(status);
const wire = ({ seq, kind, position, value }) => ({ seq, kind, position, value });
