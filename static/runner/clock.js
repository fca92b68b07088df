// The server's clock, shown. It is read with every reply and carried on by the monotonic clock of this machine;
// after sleep or in a tab that comes back it is read again. Nothing is decided here but when to ask. Source: R-20.

const TICK = 250;
const DRIFT = 1500;
const OFF = 1000; // more than the clocks of two nodes may differ by

export class Clock {
  /** `hooks`: tick(), warn(seconds, ofUnit), unitZero(number), zero(), drifted(). */
  constructor(hooks) {
    this.hooks = hooks;
    this.facts = null;
    this.offset = 0;
    this.best = Infinity;
    this.before = { paper: null, unit: null };
    this.wallGap = Date.now() - performance.now();
  }

  start() {
    setInterval(() => this.tick(), TICK);
  }

  /**
   * Take the facts of a reply; `sent` and `got` bound the moment the server spoke, unless it let the request wait.
   * True when an end has moved.
   */
  update(facts, { sent, got, timed = true }) {
    const trip = got - sent;
    const told = Date.parse(facts.now) - (sent + got) / 2;
    // A slow reply says little about the time, but enough where ours lies outside of it: after a machine's sleep.
    const wrong = Math.abs(told - this.offset) > trip / 2 + OFF;
    if (timed && (wrong || trip <= this.best * 1.5 + 100)) {
      this.offset = told;
      this.best = wrong ? trip : Math.min(this.best, trip);
    }
    const ends = ({ closes_at: closes, unit } = {}) => [closes, unit?.ends_at];
    const unlike = this.facts && this.facts.unit?.number === facts.unit?.number && String(ends(this.facts)) !== String(ends(facts));
    const moved = this.facts?.closes_at !== facts.closes_at || this.facts?.unit?.number !== facts.unit?.number
      || this.facts?.unit?.ends_at !== facts.unit?.ends_at;
    this.facts = facts;
    if (moved) this.before = { paper: null, unit: null };
    this.tick();
    return Boolean(unlike && facts.closes_at);
  }

  /** What another page of this tab goes on from: the facts, and how far the server's time is from this machine's. */
  kept() {
    return this.facts && { facts: this.facts, ahead: this.now() - Date.now() };
  }

  /** Go on from what a former page kept, until the server is heard. */
  recall({ facts, ahead }) {
    this.facts = facts;
    this.offset = Date.now() + ahead - performance.now();
  }

  now() {
    return performance.now() + this.offset;
  }

  /** Milliseconds until `iso`, or null when that instant is not set (a pause). */
  until(iso) {
    return iso ? Date.parse(iso) - this.now() : null;
  }

  left() {
    return this.facts ? this.until(this.facts.closes_at) : null;
  }

  unitLeft() {
    return this.facts?.unit ? this.until(this.facts.unit.ends_at) : null;
  }

  /** Milliseconds until 交卷 is allowed; 0 when it is. Source: R-23. */
  untilSubmit() {
    return Math.max(0, this.until(this.facts?.earliest_submit_at) ?? 0);
  }

  submitBlocked() {
    const left = this.until(this.facts?.submit_blocked_after);
    return left !== null && left <= 0;
  }

  tick() {
    const gap = Date.now() - performance.now();
    if (Math.abs(gap - this.wallGap) > DRIFT) { // this machine slept, or its wall clock was set
      this.best = Infinity;
      this.hooks.drifted();
    }
    this.wallGap = gap;
    if (!this.facts) return;
    if (this.facts.state === "interacting") {
      this.cross("unit", this.unitLeft(), this.facts.unit_warnings ?? [], () => this.hooks.unitZero(this.facts.unit.number));
      this.cross("paper", this.left(), this.facts.unit?.ends_at ? [] : this.facts.warnings ?? [], () => this.hooks.zero());
    } else if (this.facts.state === "units_done") {
      this.cross("paper", this.left(), [], () => this.hooks.zero());
    }
    this.hooks.tick();
  }

  /** Call back once when `left` falls past a warning or zero; a page opened late is not told of the past ones. */
  cross(which, left, warnings, zero) {
    const before = this.before[which];
    this.before[which] = left;
    if (left === null) return;
    if (left <= 0) {
      if (before === null || before > 0) zero();
      return;
    }
    const passed = warnings.filter((seconds) => before !== null && before > seconds * 1000 && left <= seconds * 1000);
    if (passed.length) this.hooks.warn(Math.min(...passed), which === "unit");
  }
}
