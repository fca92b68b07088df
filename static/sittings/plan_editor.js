// The plan of a room, edited where it is drawn: by the mouse or by keys. What is written in the field below goes with it:
// a line for each row, a number for a seat, - for none; the form sends that, and the server decides.

const GAP = "-";
const MOST_STEPS = 100;
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class PlanEditor {
  constructor(root, field, door) {
    Object.assign(this, { root, field, door });
    this.texts = JSON.parse(root.dataset.texts);
    this.spares = new Set(JSON.parse(root.dataset.spares));
    this.most = { rows: Number(root.dataset.rows), columns: Number(root.dataset.columns), number: Number(root.dataset.number) };
    this.grid = root.querySelector("[role=grid]");
    this.told = root.querySelector("[role=status]");
    this.past = [];
    this.at = [0, 0];
    this.cells = read(field.value);
    this.draw();
    this.listen();
    root.hidden = false;
  }

  listen() {
    this.grid.addEventListener("click", ({ target }) => {
      const cell = target.closest("[role=gridcell]");
      if (cell === null) return;
      this.at = place(cell);
      this.toggle();
    });
    this.grid.addEventListener("focusin", ({ target }) => {
      if (target.matches("[role=gridcell]")) this.stand(place(target));
    });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("click", ({ target }) => {
      const tool = target.closest("[data-tool]");
      if (tool) this[tool.dataset.tool]();
      const corner = target.closest("[data-door]");
      if (corner) this.setDoor(corner.dataset.door);
    });
    this.field.addEventListener("change", () => this.change(() => (this.cells = read(this.field.value))));
    this.door.addEventListener("change", () => this.showDoor());
  }

  key(event) {
    const { key } = event;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") this.back();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (key in MOVES) this.go(MOVES[key]);
    else if (key === "Home") this.stand([this.at[0], 0], true);
    else if (key === "End") this.stand([this.at[0], this.cells[0].length - 1], true);
    else if (key === "Enter" || key === " ") this.toggle();
    else if (key === "Delete" || key === "Backspace") this.set(0);
    else if (/^[0-9]$/.test(key)) this.type(Number(key));
    else return;
    event.preventDefault();
  }

  go([down, right]) {
    const row = Math.min(Math.max(this.at[0] + down, 0), this.cells.length - 1);
    const column = Math.min(Math.max(this.at[1] + right, 0), this.cells[0].length - 1);
    this.stand([row, column], true);
  }

  /** One cell is the stop of the Tab key. */
  stand(at, focus = false) {
    this.at = at;
    this.typed = null;
    for (const cell of this.grid.querySelectorAll("[role=gridcell]")) cell.tabIndex = -1;
    const cell = this.cell();
    if (cell === null) return;
    cell.tabIndex = 0;
    if (focus) cell.focus();
  }

  cell() {
    return this.grid.querySelector(`[data-at="${this.at.join(",")}"]`);
  }

  now() {
    return this.cells[this.at[0]][this.at[1]];
  }

  toggle() {
    this.set(this.now() ? 0 : this.lowest());
  }

  lowest() {
    const taken = new Set(this.cells.flat());
    let number = 1;
    while (taken.has(number)) number += 1;
    return number;
  }

  /** A digit begins a number, the next goes on with it; a number that is there elsewhere stays there. */
  type(digit) {
    const before = this.typed ?? 0;
    const number = before * 10 + digit;
    if (!number || number > this.most.number) return;
    this.set(number);
    this.typed = number;
  }

  set(number) {
    const [row, column] = this.at;
    if (number && number !== this.now() && this.cells.flat().includes(number)) return this.tell("taken", number);
    this.change(() => (this.cells[row][column] = number));
    this.tell(number ? "set" : "cleared", number);
  }

  aisle() {
    if (this.cells[0].length >= this.most.columns) return this.tell("full");
    const column = this.at[1] + 1;
    this.change(() => this.cells.forEach((row) => row.splice(column, 0, 0)));
    this.tell("aisle_made");
  }

  row() {
    if (this.cells.length >= this.most.rows) return this.tell("full");
    this.change(() => this.cells.splice(this.at[0] + 1, 0, this.cells[0].map(() => 0)));
    this.tell("row_made");
  }

  dropColumn() {
    if (this.cells[0].length === 1) return;
    const column = this.at[1];
    this.change(() => this.cells.forEach((row) => row.splice(column, 1)));
    this.tell("dropped");
  }

  dropRow() {
    if (this.cells.length === 1) return;
    this.change(() => this.cells.splice(this.at[0], 1));
    this.tell("dropped");
  }

  back() {
    const before = this.past.pop();
    if (before === undefined) return this.tell("nothing_back");
    this.cells = read(before);
    this.draw();
    this.tell("taken_back");
  }

  change(doing) {
    this.past = [...this.past.slice(-MOST_STEPS), write(this.cells)];
    doing();
    this.draw();
  }

  draw() {
    this.at = [Math.min(this.at[0], this.cells.length - 1), Math.min(this.at[1], this.cells[0].length - 1)];
    const had = this.grid.contains(document.activeElement);
    this.grid.replaceChildren(...this.cells.map((row, down) => this.drawRow(row, down)));
    this.field.value = write(this.cells);
    const seats = this.cells.flat().filter(Boolean).length;
    this.root.querySelector("[data-seats]").textContent = this.texts["plan_edit.seats"].replace("{n}", seats);
    this.stand(this.at, had);
    this.showDoor();
  }

  drawRow(row, down) {
    const line = document.createElement("div");
    line.setAttribute("role", "row");
    line.className = "edit-row";
    line.append(...row.map((number, right) => this.drawCell(number, down, right)));
    return line;
  }

  drawCell(number, down, right) {
    const cell = document.createElement("span");
    cell.setAttribute("role", "gridcell");
    cell.dataset.at = `${down},${right}`;
    const aisle = this.cells.every((row) => !row[right]);
    cell.className = number ? (this.spares.has(number) ? "edit-cell seat-of spare" : "edit-cell seat-of") : aisle ? "edit-cell aisle" : "edit-cell";
    cell.textContent = number ? String(number).padStart(2, "0") : "";
    const what = number ? this.texts["plan_edit.seat"].replace("{n}", cell.textContent) : this.texts[aisle ? "plan_edit.is_aisle" : "plan_edit.empty"];
    cell.setAttribute("aria-label", this.texts["plan_edit.cell"].replace("{row}", down + 1).replace("{column}", right + 1).replace("{what}", what));
    return cell;
  }

  setDoor(corner) {
    this.door.value = this.door.value === corner ? "" : corner;
    this.showDoor();
  }

  showDoor() {
    for (const corner of this.root.querySelectorAll("[data-door]")) {
      corner.setAttribute("aria-pressed", String(corner.dataset.door === this.door.value));
    }
  }

  tell(what, number = "") {
    this.told.textContent = this.texts[`plan_edit.told.${what}`].replace("{n}", number);
  }
}

function read(text) {
  const rows = text.trim().split("\n").map((line) => line.trim().split(/\s+/).map((word) => (word === GAP ? 0 : Number(word) || 0)));
  const width = Math.max(1, ...rows.map((row) => row.length));
  return rows.map((row) => [...row, ...Array(width - row.length).fill(0)]);
}

function write(cells) {
  return cells.map((row) => row.map((number) => number || GAP).join(" ")).join("\n");
}

function place(cell) {
  return cell.dataset.at.split(",").map(Number);
}

const root = document.getElementById("plan-editor");
// What was refused stays as it was written: only what can be read as a plan is drawn.
if (root.dataset.drawn) {
  new PlanEditor(root, document.getElementById("f-plan"), document.getElementById("f-door"));
  document.getElementById("plan-shown")?.remove();
  const text = document.getElementById("plan-text");
  text.open = text.querySelector("[aria-invalid=true]") !== null;
}
