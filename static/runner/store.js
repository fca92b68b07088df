// What the page knows: the paper, the candidate's work on it, and where they are. Modules listen to changes
// as {type, position}; types: paper, answer, flag, strike, note, mark, saved, save, current, setting.

import { TYPES } from "./items/registry.js";

export const DEFAULTS = { size: "medium", scheme: null, view: null, keys: true, clock_hidden: false };

export class Store {
  constructor() {
    this.listeners = new Set();
    this.current = 0;
    this.settings = { ...DEFAULTS };
    this.load({ paper: { items: [], sections: [], units: [], cases: [] }, journal: {} });
  }

  on(listener) {
    this.listeners.add(listener);
  }

  emit(type, position = 0) {
    for (const listener of this.listeners) listener({ type, position });
  }

  /** Take a paper and the server's journal; entries that still wait here are laid over it, being newer. */
  load({ paper, journal = null, waiting = [] }) {
    this.paper = paper;
    this.items = new Map(paper.items.map((item) => [item.position, item]));
    this.groups = groupsOf(paper);
    this.places = new Map(this.groups.flatMap((group) => group.positions.map((position, index) => [position, { group, number: index + 1 }])));
    if (journal) {
      const numbered = (record) => new Map(Object.entries(record ?? {}).map(([key, value]) => [Number(key), value]));
      this.answers = numbered(journal.answers);
      this.strikes = numbered(journal.strikes);
      this.notes = numbered(journal.notes);
      this.marks = numbered(journal.marks);
      this.flags = new Set(journal.flags ?? []);
      this.settings = { ...DEFAULTS, ...journal.settings };
      this.savedAt = new Map();
    }
    for (const { kind, position, value } of waiting) this.lay(kind, position, value);
    if (!this.items.has(this.current)) this.current = paper.items[0]?.position ?? 0;
    this.emit("paper");
  }

  lay(kind, position, value) {
    const set = (map) => (value === null || value === "" ? map.delete(position) : map.set(position, value));
    if (kind === "answer") set(this.answers);
    if (kind === "strike") set(this.strikes);
    if (kind === "note") set(this.notes);
    if (kind === "mark") set(this.marks);
    if (kind === "flag") value ? this.flags.add(position) : this.flags.delete(position);
    if (kind === "setting") Object.assign(this.settings, value);
  }

  /** "list" or "one": the candidate's choice, else what suits the paper. */
  get view() {
    return this.settings.view ?? (this.paper.cases?.length ? "list" : "one");
  }

  groupOf(position) {
    return this.places.get(position)?.group ?? this.groups[0];
  }

  get group() {
    return this.groupOf(this.current);
  }

  /** The number of an item as the candidate counts: from 1 within its section or unit. */
  numberOf(position) {
    return this.places.get(position)?.number ?? 0;
  }

  neighbour(step) {
    const order = [...this.items.keys()];
    return order[order.indexOf(this.current) + step] ?? null;
  }

  go(position) {
    if (!this.items.has(position) || position === this.current) return;
    this.current = position;
    this.emit("current", position);
  }

  /** "full", "part" (a blank or a pair still open), "wrong" (待更正: what was typed is no number) or "none". */
  progressOf(position) {
    const value = this.answers.get(position);
    if (value === undefined || value === null || value === "") return "none";
    const item = this.items.get(position);
    const type = TYPES[item?.type];
    if (type?.readable?.(value) === false) return "wrong";
    const asked = item ? type.asked?.(item) : value.length;
    if (!Array.isArray(value) || asked === undefined) return "full";
    const filled = value.filter((part) => part !== null && part !== "").length;
    return filled === 0 ? "none" : filled < asked ? "part" : "full";
  }

  /**
   * `{total, answered, open, part, wrong, flagged}` over `positions`: how many there are and how many count as 已答, as
   * the server counts (`is_answered`), and lists of those without any answer, with a part of one, and 待更正.
   */
  count(positions = [...this.items.keys()]) {
    const states = positions.map((position) => [position, this.progressOf(position)]);
    const those = (name) => states.filter(([, state]) => state === name).map(([position]) => position);
    return {
      total: positions.length,
      answered: those("full").length,
      open: those("none"),
      part: those("part"),
      wrong: those("wrong"),
      flagged: positions.filter((position) => this.flags.has(position)),
    };
  }
}

/** Sections of a theory paper, or the units whose items are here: `{name, positions, unit, type, …}`. */
function groupsOf(paper) {
  if (paper.units?.length) {
    return paper.units.map((unit) => ({
      ...unit, unit: unit.number,
      positions: paper.items.filter((item) => item.position >= unit.first && item.position <= unit.last).map((item) => item.position),
    })).filter((group) => group.positions.length);
  }
  return (paper.sections ?? []).map((section) => ({
    ...section, unit: 0,
    positions: paper.items.filter((item) => item.position >= section.first && item.position <= section.last)
      .map((item) => item.position),
  })).filter((group) => group.positions.length);
}
