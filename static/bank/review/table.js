// The rows of a 细目表 while somebody types: more rows, rows taken away, and whether the weights add up.
// Without it the page has spare rows, and a row without anything in it is left out.

const form = document.getElementById("table-form");
const texts = JSON.parse(form.dataset.texts);
const body = document.getElementById("rows");
const whole = document.getElementById("whole-sum");
const add = document.getElementById("add-row");

const say = (id, values = {}) => texts[`table_script.${id}`].replace(/%\((\w+)\)s/g, (_all, name) => values[name]);
const cell = (row, name) => row.querySelector(`[name=${name}]`);
const codeOf = (row) => cell(row, "code").value.trim().toUpperCase().replace(/[—－–]/g, "-");

function parentOf(code, codes) {
  const above = codes.filter((other) => other !== code && code.startsWith(other)
    && (code[other.length] === "-" || /^\d+$/.test(other)));
  return above.reduce((best, other) => (other.length > best.length ? other : best), "");
}

function refresh() {
  const rows = [...body.rows];
  const ranges = rows.filter((row) => codeOf(row) && !cell(row, "importance").value);
  const codes = ranges.map(codeOf);
  const sums = new Map();
  for (const row of ranges) {
    const parent = parentOf(codeOf(row), codes);
    sums.set(parent, (sums.get(parent) ?? 0) + (Number.parseInt(cell(row, "weight").value, 10) || 0));
  }
  for (const row of rows) {
    const code = codeOf(row);
    const mark = row.querySelector(".desk-sum");
    const weight = Number.parseInt(cell(row, "weight").value, 10) || 0;
    const below = codes[ranges.indexOf(row)] === undefined ? undefined : sums.get(code);
    const depth = code ? code.split("-").length : 1;
    row.dataset.depth = Math.min(depth, 4);
    row.classList.toggle("desk-range", ranges.includes(row));
    mark.textContent = below === undefined ? "" : say(below === weight ? "sum_right" : "sum_wrong", { sum: below });
    mark.classList.toggle("desk-off", below !== undefined && below !== weight);
  }
  const top = sums.get("") ?? 0;
  const points = rows.filter((row) => codeOf(row) && cell(row, "importance").value).length;
  if (whole) whole.textContent = say("whole", { ranges: ranges.length, points, sum: top });
  whole?.classList.toggle("desk-off", ranges.length > 0 && top !== 100);
}

function addRow(after) {
  const fresh = body.rows[body.rows.length - 1].cloneNode(true);
  fresh.removeAttribute("id");
  fresh.className = "";
  fresh.querySelector(".field-error")?.remove();
  for (const field of fresh.querySelectorAll("input, select")) field.value = "";
  fresh.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  const number = body.rows.length + 1;
  for (const field of fresh.querySelectorAll("[aria-label]")) {
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+/, number));
  }
  fresh.querySelector(".num").textContent = "";
  after ? after.after(fresh) : body.append(fresh);
  const parent = after && codeOf(after);
  if (parent) cell(fresh, "code").value = nextCode(parent);
  refresh();
  cell(fresh, "code").focus();
}

/** A-B-A-001 is followed by A-B-A-002, A-B by A-C. */
function nextCode(code) {
  const digits = code.match(/(\d+)$/);
  if (digits) return code.slice(0, -digits[1].length) + String(Number(digits[1]) + 1).padStart(digits[1].length, "0");
  const last = code[code.length - 1];
  return /[A-Y]/.test(last) ? code.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1) : code;
}

if (add) {
  add.hidden = false;
  add.addEventListener("click", () => addRow([...body.rows].reverse().find((row) => codeOf(row)) ?? null));
  for (const button of body.querySelectorAll("[data-remove]")) button.hidden = false;
  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (!button) return;
    const row = button.closest("tr");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    if (body.rows.length > 1) row.remove();
    else for (const field of row.querySelectorAll("input, select")) field.value = "";
    refresh();
    if (next) cell(next, "code").focus();
  });
  body.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && event.target.matches("input")) {
      event.preventDefault();
      addRow(event.target.closest("tr"));
    }
  });
}
body.addEventListener("input", refresh);
refresh();
