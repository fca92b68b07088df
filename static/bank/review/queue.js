// One key for each thing a reviewer does ([data-key]): a button or a link is pressed, a field is gone to. Keys do
// nothing while somebody types, and can be turned off.

const toggle = document.getElementById("keys");
const NAME = "cbt-review-keys";
let on = true;
try {
  on = localStorage.getItem(NAME) !== "off";
} catch {
  // A browser that keeps nothing has them on.
}

function show() {
  toggle.hidden = false;
  toggle.setAttribute("aria-pressed", String(on));
  for (const mark of document.querySelectorAll("#acts kbd")) mark.hidden = !on;
}

toggle.addEventListener("click", () => {
  on = !on;
  try {
    localStorage.setItem(NAME, on ? "on" : "off");
  } catch {
    // It holds for this page.
  }
  show();
});
show();

document.addEventListener("keydown", (event) => {
  if (!on || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]")) return;
  const wanted = document.querySelector(`#acts [data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!wanted) return;
  event.preventDefault();
  if (wanted.matches("input")) wanted.focus();
  else wanted.click();
});
