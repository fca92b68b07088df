// Where the candidate is: kept with this tab for a page that is loaded again, told with every save for another machine,
// and found again, field, caret and scroll, when a screen that covered the paper goes. Source.

export class Place {
  constructor(app) {
    this.app = app;
    this.key = `cbt-at:${app.attempt.ref}`;
    app.store.on(({ type }) => type === "current" && this.keep());
  }

  keep() {
    if (!this.app.running) return;
    try {
      sessionStorage.setItem(this.key, JSON.stringify({ at: this.app.store.current, epoch: this.app.epoch }));
    } catch { /* the server knows it a few seconds later */ }
  }

  forget() {
    try {
      sessionStorage.removeItem(this.key);
    } catch { /* there was none */ }
  }

  /** The position a page begins at: this tab's own when no other page had the paper since, else what was written last. */
  first({ at, epoch }) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.key));
      if (kept?.epoch === epoch - 1) return kept.at;
    } catch { /* nothing was kept */ }
    // What still waits on this machine was written after the server was told anything.
    return this.app.outbox.waiting({ answers: true }).at(-1)?.position ?? at ?? 0;
  }

  /** Before a screen covers the paper. */
  cover() {
    const field = document.activeElement;
    const { selectionStart: from, selectionEnd: to } = field ?? {};
    this.covered = { at: this.app.store.current, field, caret: Number.isInteger(from) ? [from, to] : null, scroll: window.scrollY };
  }

  /** After it: true when the page is where it was; a paper of other items has no such place. */
  back() {
    const { at, field, caret, scroll } = this.covered ?? {};
    this.covered = null;
    if (at !== this.app.store.current || !this.app.view.card) return false;
    const still = field?.isConnected && field !== document.body && !field.closest("dialog") ? field : this.app.view.card.heading;
    still.focus({ preventScroll: true });
    if (still === field && caret) field.setSelectionRange(...caret);
    window.scrollTo({ top: scroll, behavior: "instant" });
    return true;
  }

  /** Where a page begins that was nowhere yet. */
  begin() {
    const { app } = this;
    if (app.store.view === "list" && app.store.neighbour(-1) !== null) app.view.reveal();
    else app.focusTop();
  }
}
