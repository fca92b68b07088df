// The picture of 识图 items: regions and points are drawn on it by mouse, and stand below it as rows of numbers, which
// the keyboard changes. The rows are what is sent; the drawing follows them.

import { bring } from "./media.js";
import { addRow } from "./rows.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 12;
const TWICE_MS = 500;

const clamp = (value, most) => Math.min(most, Math.max(0, Math.round(value)));
const numbersIn = (text) => (text.match(/-?\d+/g) ?? []).map(Number);

function draw(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

class Picture {
  constructor(root, form, say) {
    Object.assign(this, { root, form, say, prefix: root.dataset.hotspot });
    this.stage = root.querySelector(".hs-stage");
    this.image = root.querySelector("img");
    this.layer = root.querySelector(".hs-layer");
    this.help = root.querySelector(".hs-help");
    this.corners = [];
    this.pressed = 0;
    this.drag = null;
    root.querySelector("[type=file]").addEventListener("change", (event) => this.choose(event.target));
    this.stage.addEventListener("pointerdown", (event) => this.press(event));
    this.stage.addEventListener("pointermove", (event) => this.drag?.(this.at(event)));
    this.stage.addEventListener("pointerup", (event) => this.release(event));
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("change", (event) => event.target.name === `${this.prefix}tool` && this.tell());
    form.addEventListener("input", () => this.isThere() && this.show());
    form.addEventListener("focusin", () => this.isThere() && this.show());
    this.tell();
    this.show();
  }

  isThere() {
    return this.root.isConnected;
  }

  field(name) {
    return this.form.elements[this.prefix + name];
  }

  get size() {
    return numbersIn(this.field("size").value);
  }

  get tool() {
    return this.root.querySelector(`[name="${CSS.escape(`${this.prefix}tool`)}"]:checked`).value;
  }

  list(name) {
    return this.form.querySelector(`[data-rows="${CSS.escape(this.prefix + name)}"]`);
  }

  rows(name) {
    return [...this.list(name).querySelectorAll("ol > .row")];
  }

  tell() {
    this.corners = [];
    this.help.textContent = this.say(`canvas.${this.tool}`);
    this.stage.dataset.tool = this.tool;
    this.show();
  }

  async choose(input) {
    const [file] = input.files;
    const trouble = this.root.querySelector(".hs-trouble");
    trouble.hidden = true;
    if (!file) return;
    try {
      const found = await bring(file, this.form.elements.csrf_token.value);
      if (found.sound) throw new Error(this.say("canvas.no_picture"));
      this.field("picture").value = found.reference;
      this.field("size").value = found.size.join(",");
      this.image.src = found.address;
      this.changed();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
    input.value = "";
  }

  changed() {
    this.field("size").dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Where on the picture an event is, in its own pixels. */
  at(event) {
    const box = this.image.getBoundingClientRect();
    const [width, height] = this.size;
    return [
      clamp(((event.clientX - box.left) / box.width) * width, width),
      clamp(((event.clientY - box.top) / box.height) * height, height),
    ];
  }

  /** So many of its pixels are as long as `NEAR` on the screen. */
  get near() {
    return (NEAR * this.size[0]) / this.image.getBoundingClientRect().width;
  }

  // The rows

  region(row) {
    const shape = row.querySelector("select").value;
    return { shape, numbers: numbersIn(row.querySelector(".row-numbers").value), right: row.querySelector("[data-place]").checked };
  }

  setRegion(row, shape, numbers) {
    const pairs = numbers.map((one, index) => (index % 2 ? `${one} ` : `${one},`)).join("").trim();
    row.querySelector("select").value = shape;
    row.querySelector(".row-numbers").value = shape === "polygon" ? pairs : numbers.join(", ");
  }

  spot(row) {
    const [x, y] = row.querySelectorAll("[type=number]");
    return x.value === "" || y.value === "" ? null : [Number(x.value), Number(y.value)];
  }

  setSpot(row, [x, y]) {
    const fields = row.querySelectorAll("[type=number]");
    [fields[0].value, fields[1].value] = [x, y];
  }

  newRow(name) {
    const empty = this.rows(name).find((row) => [...row.querySelectorAll("input.num, textarea")].every((one) => !one.value));
    return empty ?? addRow(this.list(name), null, { go: false });
  }

  // The mouse

  press(event) {
    if (event.button || !this.size.length) return;
    event.preventDefault();
    const at = this.at(event);
    if (this.tool === "spot") return this.addSpot(at);
    if (this.tool === "polygon") return this.addCorner(at, event.timeStamp);
    this.stage.setPointerCapture(event.pointerId);
    if (this.tool === "move") this.drag = this.moving(at);
    else this.startShape(at);
    return undefined;
  }

  release(event) {
    if (!this.drag) return;
    this.drag = null;
    if (this.stage.hasPointerCapture(event.pointerId)) this.stage.releasePointerCapture(event.pointerId);
    this.changed();
  }

  startShape([x, y]) {
    const row = this.newRow("regions");
    if (!row) return;
    const { tool } = this;
    this.drag = ([u, v]) => {
      if (tool === "rect") this.setRegion(row, "rect", [Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y)]);
      else this.setRegion(row, "circle", [x, y, Math.round(Math.hypot(u - x, v - y))]);
      this.show();
    };
  }

  addSpot(at) {
    const row = this.newRow("spots");
    if (!row) return;
    this.setSpot(row, at);
    this.changed();
    row.querySelector("textarea").focus();
  }

  /** Add a corner; the first one again, or the last one twice, closes the outline. */
  addCorner(at, when) {
    const isAt = (one) => one && Math.hypot(at[0] - one[0], at[1] - one[1]) < this.near;
    const twice = when - this.pressed < TWICE_MS && isAt(this.corners.at(-1));
    this.pressed = when;
    if (twice || (this.corners.length > 2 && isAt(this.corners[0]))) return this.close();
    this.corners.push(at);
    return this.show();
  }

  key(event) {
    if (!this.corners.length || (event.key !== "Escape" && event.key !== "Enter")) return;
    event.preventDefault();
    if (event.key === "Escape") this.corners = [];
    this.close();
  }

  close() {
    const { corners } = this;
    this.corners = [];
    if (corners.length < 3) return this.show();
    const row = this.newRow("regions");
    if (row) this.setRegion(row, "polygon", corners.flat());
    return this.changed();
  }

  /** What a press in this place moves: a point, else a region. */
  moving(at) {
    const spot = this.rows("spots").find((row) => {
      const own = this.spot(row);
      return own && Math.hypot(own[0] - at[0], own[1] - at[1]) < this.near;
    });
    if (spot) {
      return (to) => {
        this.setSpot(spot, to);
        this.show();
      };
    }
    const shape = document.elementsFromPoint(...this.onScreen(at)).find((node) => node.dataset?.region);
    if (!shape) return null;
    const row = this.rows("regions")[Number(shape.dataset.region)];
    const { shape: kind, numbers } = this.region(row);
    const [width, height] = this.size;
    return ([u, v]) => {
      const [dx, dy] = [u - at[0], v - at[1]];
      const moved = kind === "polygon"
        ? numbers.map((one, index) => (index % 2 ? clamp(one + dy, height) : clamp(one + dx, width)))
        : [clamp(numbers[0] + dx, width), clamp(numbers[1] + dy, height), ...numbers.slice(2)];
      this.setRegion(row, kind, moved);
      this.show();
    };
  }

  onScreen([x, y]) {
    const box = this.image.getBoundingClientRect();
    const [width, height] = this.size;
    return [box.left + (x * box.width) / width, box.top + (y * box.height) / height];
  }

  // The drawing

  show() {
    const [width, height] = this.size;
    this.stage.hidden = !width;
    if (!width) return;
    const mark = Math.max(9, width / 60);
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const current = document.activeElement?.closest?.(".row");
    const regions = this.rows("regions").map((row, index) => this.drawRegion(row, index, mark, row === current));
    const spots = this.rows("spots").map((row, index) => this.drawSpot(row, index, mark, row === current));
    const line = this.corners.length
      ? draw("polyline", { class: "hs-line", points: this.corners.map((one) => one.join(",")).join(" ") })
      : null;
    const corners = this.corners.map(([cx, cy]) => draw("circle", { class: "hs-corner", cx, cy, r: mark / 3 }));
    this.layer.replaceChildren(...[...regions, ...spots, line, ...corners].filter(Boolean));
  }

  drawRegion(row, index, mark, isCurrent) {
    const { shape, numbers, right } = this.region(row);
    const whole = { rect: 4, circle: 3 }[shape];
    if (whole ? numbers.length !== whole : numbers.length < 6) return null;
    const base = { class: `hs-region${right ? " is-right" : ""}${isCurrent ? " is-current" : ""}`, "data-region": index };
    const [x, y, a, b] = numbers;
    const node = {
      rect: () => draw("rect", { ...base, x, y, width: Math.max(0, a), height: Math.max(0, b) }),
      circle: () => draw("circle", { ...base, cx: x, cy: y, r: Math.max(0, a) }),
      polygon: () => draw("polygon", { ...base, points: numbers.join(",") }),
    }[shape]();
    const at = shape === "circle" ? [x - a * 0.7, y - a * 0.7] : [x, y];
    const name = draw("text", { class: "hs-name", x: at[0] + mark * 0.4, y: at[1] + mark * 1.4, "font-size": mark * 1.4 });
    name.textContent = `${index + 1}${right ? " ✓" : ""}`;
    return draw("g", {}, node, name);
  }

  drawSpot(row, index, mark, isCurrent) {
    const at = this.spot(row);
    if (!at) return null;
    const name = draw("text", { class: "hs-pin-name", x: at[0], y: at[1], "font-size": mark * 1.2 });
    name.textContent = index + 1;
    return draw("g", { class: `hs-pin${isCurrent ? " is-current" : ""}` }, draw("circle", { cx: at[0], cy: at[1], r: mark }), name);
  }
}

/** Have the pictures of a form drawn on; asked again after its fields were drawn anew. */
export function livePictures(form, say) {
  for (const root of form.querySelectorAll("[data-hotspot]")) new Picture(root, form, say);
}

