// People of the make-up ledger: all of the page at once. Without it each has a box of their own.

const form = document.getElementById("rights");
const boxes = [...form.querySelectorAll("input[name=right]")];
const all = document.createElement("input");
all.type = "checkbox";
all.setAttribute("aria-label", form.dataset.all);
const label = document.createElement("label");
label.className = "right-box";
label.append(all);
form.querySelector("thead th").replaceChildren(label);

function refresh() {
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
}

all.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  refresh();
});
form.addEventListener("change", refresh);
refresh();
