// One attempt's records on this machine. A write that fails is told once; a later one that succeeds is told too, so
// that whatever was not kept meanwhile can be.

import { openStorage } from "./storage.js";

export class Shelf {
  /** `failing(failed)` is called when the storage stops keeping records, and when it keeps them again. */
  constructor(attempt, failing) {
    Object.assign(this, { attempt, failing, failed: false });
  }

  async open() {
    this.storage ??= await openStorage();
  }

  /** Whether what is put here survives the page, as far as is known. */
  get durable() {
    return !this.failed && (this.storage?.durable ?? true);
  }

  /** What waits here, in the order it was written; nothing where the storage cannot be trusted to know. */
  async records() {
    if (!this.durable) return [];
    const found = await this.storage.all(this.attempt).catch(() => []);
    return found.sort((a, b) => (a.epoch ?? 0) - (b.epoch ?? 0) || a.seq - b.seq);
  }

  /** Keep a record; the promise tells whether it is on this machine now. It never fails. */
  put(record) {
    return this.storage.put({ attempt: this.attempt, ...record }).then(() => {
      this.tell(false);
      return this.storage.durable;
    }, () => {
      this.tell(true);
      return false;
    });
  }

  tell(failed) {
    if (this.failed === failed) return;
    this.failed = failed;
    this.failing(failed);
  }

  remove({ key, seq }) {
    this.storage.remove(this.attempt, key, seq).catch(() => {});
  }
}
