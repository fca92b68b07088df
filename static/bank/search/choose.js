// Items chosen for a change of many: all of the page at once, how many they are, and the fields of what is to be done.
// Without it every field is there, and the page that shows the change says what counts.

const form = document.getElementById("choose");
const texts = JSON.parse(form.dataset.texts);
const boxes = [...form.querySelectorAll("input[name=item]")];
const told = document.getElementById("chosen");
const act = form.elements.act;

const head = form.querySelector("thead th");
const all = document.createElement("input");
all.type = "checkbox";
all.setAttribute("aria-label", texts["choose_script.all"]);
const label = document.createElement("label");
label.className = "search-box";
label.append(all);
head.replaceChildren(label);

function refresh() {
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  document.getElementById("bulk").classList.toggle("asked", chosen > 0);
  told.textContent = texts["choose_script.chosen"].replace("%(count)s", chosen);
  for (const one of form.querySelectorAll("[data-for]")) {
    one.hidden = !one.dataset.for.split(" ").includes(act.value);
    for (const field of one.querySelectorAll("input, select")) field.disabled = one.hidden;
  }
}

all.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  refresh();
});
form.addEventListener("change", (event) => {
  if (event.target.name === "item" && event.target.checked) document.getElementById("bulk").open = true;
  refresh();
});
refresh();

// On a narrow screen the tree stands above the list and would push it out of sight.
if (matchMedia("(max-width: 1000px)").matches) {
  document.querySelector(".search-tree > details").removeAttribute("open");
}
