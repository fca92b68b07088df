// The text of a blueprint: numbers beside its lines, those with a finding marked; a finding leads to its line.

const area = document.querySelector("#f-text");
const lines = document.querySelector(".blue-lines");
const findings = [...document.querySelectorAll("[data-line]")];
const bad = new Set(findings.map((one) => Number(one.dataset.line)));

function number() {
  const count = area.value.split("\n").length;
  if (lines.childElementCount === count) return;
  lines.replaceChildren(
    ...Array.from({ length: count }, (_, at) => {
      const line = document.createElement("span");
      line.className = bad.has(at + 1) ? "bad" : "good";
      line.textContent = String(at + 1);
      return line;
    }),
  );
}

function follow() {
  lines.scrollTop = area.scrollTop;
}

function goTo(line) {
  const rows = area.value.split("\n");
  const start = rows.slice(0, line - 1).reduce((sum, row) => sum + row.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (rows[line - 1] ?? "").length);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
  area.scrollLeft = 0;
  area.scrollIntoView({ block: "center" });
}

area.addEventListener("input", number);
area.addEventListener("scroll", follow);
for (const one of findings) {
  one.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(Number(one.dataset.line));
  });
}
number();
