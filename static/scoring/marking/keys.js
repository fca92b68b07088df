// Marking by keys alone: figures are typed into the criterion in focus, arrows go to the next and the former, + gives
// all of its points, Enter goes on and at the end gives them, / opens the word by which a doubtful one is set aside.
// Without it the fields are those of any form.

const form = document.querySelector("form[data-keys]");
const fields = [...form.querySelectorAll("[data-most]")];
const aside = document.getElementById("aside");
const total = document.getElementById("marking-total");

function sum() {
  const values = fields.map((field) => (field.value.trim() === "" ? Number.NaN : Number(field.value)));
  total.textContent = values.some(Number.isNaN) ? "–" : String(values.reduce((one, other) => one + other, 0));
}

function go(field) {
  field.focus();
  field.select();
}

for (const [place, field] of fields.entries()) {
  field.addEventListener("input", sum);
  field.addEventListener("focus", () => field.select());
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = fields[place + 1];
    if (event.key === "+" || event.key === "=") {
      event.preventDefault();
      field.value = field.dataset.most;
      sum();
      if (next) go(next);
    } else if (event.key === "ArrowDown" && next) {
      event.preventDefault();
      go(next);
    } else if (event.key === "ArrowUp" && place > 0) {
      event.preventDefault();
      go(fields[place - 1]);
    } else if (event.key === "/" && aside) {
      event.preventDefault();
      aside.open = true;
      aside.querySelector("textarea").focus();
    } else if (event.key === "Enter") {
      const empty = fields.find((one) => one.value.trim() === "");
      if (!empty) return;
      event.preventDefault();
      go(empty);
    }
  });
}

(fields.find((field) => field.getAttribute("aria-invalid")) ?? fields[0])?.focus();
sum();
