// What stands in the server's place during a 试答: it answers as the server does, out of the sample that came with the page.
// It forgets everything with the page.

const ANSWERED_AFTER = 250; // so long that one sees a save on its way
const SECRET = "00".repeat(32);
const iso = (at) => new Date(at).toISOString();

export class StandIn {
  constructor({ paper, seconds, ...warnings }) {
    Object.assign(this, { paper, warnings, length: seconds * 1000, entries: new Map(), highest: 0, unit: 1, epoch: 0 });
    this.units = paper.units.map(({ minutes }) => minutes * 60_000);
  }

  /** Answer a request as `call` of api.js does; what is none of the answer page's own is never answered. */
  async answer(url, body) {
    const sent = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ANSWERED_AFTER));
    const act = this[String(url).split("/")[0]];
    if (!act) return new Promise(() => {});
    const [status, reply] = act.call(this, body ?? {});
    return { status, body: reply, after: 0, sent, got: performance.now() };
  }

  start() {
    this.begunAt ??= Date.now();
    this.epoch += 1;
    if (this.closed) return [410, { code: "attempt.closed" }];
    return [200, {
      lease: "practice", epoch: this.epoch, seal: SECRET, seals: {}, now: iso(Date.now()), clock: this.clockFacts(),
      paper: this.shown(), journal: this.journal(), seq: this.highest,
    }];
  }

  answers({ entries = [] }) {
    if (this.closed) return [410, { code: "attempt.closed", clock: this.clockFacts(), receipts: [] }];
    return [200, { receipts: this.take(entries), clock: this.clockFacts() }];
  }

  advance({ from_unit: from, entries = [] }) {
    const receipts = this.take(entries);
    if (from === this.unit) {
      this.unit += 1;
      this.unitAt = Date.now();
    }
    return [200, { receipts, clock: this.clockFacts(), paper: this.unit > this.units.length ? null : this.shown() }];
  }

  submit({ entries = [] }) {
    const receipts = this.take(entries);
    this.closedAt ??= Date.now();
    return [200, { receipt: "0000-0000", closed_at: iso(this.closedAt), receipts }];
  }

  clock() {
    return [200, { clock: this.clockFacts() }];
  }

  message() {
    return [200, { ok: true }];
  }

  take(entries) {
    return entries.map(({ seq, kind, position, value }) => {
      this.entries.set(`${kind}:${position}`, { kind, position, value });
      this.highest = Math.max(this.highest, seq);
      return { seq, at: iso(Date.now()) };
    });
  }

  journal() {
    const journal = { answers: {}, flags: [], strikes: {}, notes: {}, marks: {}, settings: {} };
    for (const { kind, position, value } of this.entries.values()) {
      if (kind === "flag" && value) journal.flags.push(position);
      else if (kind === "setting") journal.settings = value;
      else if (`${kind}s` in journal && kind !== "flag" && value !== null) journal[`${kind}s`][position] = value;
    }
    return journal;
  }

  get strict() {
    return this.paper.timing === "strict";
  }

  /** What is open of the paper: of strict units one after another. */
  shown() {
    if (!this.strict) return this.paper;
    const open = ({ unit }) => unit === this.unit;
    const state = ({ number }) => (number < this.unit ? "past" : number === this.unit ? "open" : "locked");
    return {
      ...this.paper, items: this.paper.items.filter(open), cases: this.paper.cases.filter(open),
      units: this.paper.units.map((unit) => ({ ...unit, state: state(unit) })),
    };
  }

  /** The two minutes stand still while the tour is on. */
  hold(app) {
    const before = this.end() - Date.now();
    const unit = this.unitEnd() - Date.now();
    this.held = setInterval(() => {
      this.endsAt = Date.now() + before;
      this.unitEndsAt = Date.now() + unit;
      this.tell(app);
    }, 200);
  }

  release(app) {
    clearInterval(this.held);
    this.held = null;
    this.tell(app);
  }

  tell(app) {
    const now = performance.now();
    app.takeClock({ body: { clock: this.clockFacts() }, sent: now, got: now });
  }

  end() {
    return this.endsAt ?? this.begunAt + this.length;
  }

  /** A unit that ends early leaves its time to the next one: the last ends with the paper. */
  unitEnd() {
    if (this.unit >= this.units.length) return this.end();
    return this.unitEndsAt ?? (this.unitAt ?? this.begunAt) + (this.units[this.unit - 1] ?? 0);
  }

  get closed() {
    return Boolean(this.closedAt) || (this.begunAt && Date.now() >= this.end());
  }

  clockFacts() {
    const done = this.strict && this.unit > this.units.length;
    return {
      now: iso(Date.now()), state: this.closed ? "closed" : done ? "units_done" : "interacting", away: false, evacuated: false,
      closes_at: iso(this.end()), length: this.length, earliest_submit_at: null, submit_blocked_after: null,
      unit: this.strict && !done ? { number: this.unit, ends_at: iso(this.unitEnd()) } : null, ...this.warnings, messages: [],
    };
  }
}
