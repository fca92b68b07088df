// The selected seats of a room. They outlive updates, filters and a change of view, in this browser tab only.

export class Picks {
  constructor(board, texts) {
    this.board = board;
    this.texts = texts;
    this.key = `picks-${board.dataset.room}`;
    this.chosen = new Map(JSON.parse(sessionStorage.getItem(this.key) ?? "[]"));
    board.addEventListener("change", (event) => {
      if (event.target.matches(".pick")) this.set(event.target);
    });
    board.addEventListener("click", (event) => {
      if (event.target.id === "pick-none") this.clear();
      if (event.target.id !== "pick-all") return;
      for (const box of board.querySelectorAll(".pick")) this.chosen.set(box.value, box.dataset.name);
      this.show();
    });
    this.show();
  }

  refs() {
    return this.chosen.keys();
  }

  set(box) {
    if (box.checked) this.chosen.set(box.value, box.dataset.name);
    else this.chosen.delete(box.value);
    this.show();
  }

  clear() {
    this.chosen.clear();
    this.show();
  }

  show() {
    for (const box of this.board.querySelectorAll(".pick")) box.checked = this.chosen.has(box.value);
    sessionStorage.setItem(this.key, JSON.stringify([...this.chosen]));
    const count = this.board.querySelector("#picked-count");
    if (count === null) return;
    const names = [...this.chosen.values()];
    const any = names.length > 0;
    const line = this.board.querySelector("#picked-names");
    this.none ??= count.textContent;
    this.how ??= line.textContent;
    count.textContent = any ? this.texts["bar.picked"].replace("{n}", names.length) : this.none;
    const first = names.slice(0, 3).join(this.texts.comma);
    const text = names.length > 3 ? this.texts["bar.more_names"].replace("{names}", first) : first;
    line.textContent = any ? text : this.how;
    this.board.querySelector("#pick-none").hidden = !any;
    this.offer(any);
  }

  /** Offer what applies to somebody selected, as the server says of each seat; one that a filter hides may be anything. */
  offer(any) {
    const acts = [...this.chosen.keys()].map((ref) => this.board.querySelector(`#pick-${CSS.escape(ref)}`)?.dataset.acts?.split(" "));
    for (const button of this.board.querySelectorAll("#picked-acts button")) {
      const whom = acts.filter((each) => each === undefined || each.includes(button.dataset.act)).length;
      button.disabled = !any;
      button.hidden = any && (whom === 0 || ("one" in button.dataset && acts.length > 1));
      if (whom > 0 && whom < acts.length) button.dataset.whom = whom;
      else delete button.dataset.whom;
    }
  }
}
