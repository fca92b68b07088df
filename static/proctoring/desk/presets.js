// Usual texts of a field: one click fills it in, and the field is there to write more.
document.addEventListener("click", (event) => {
  const preset = event.target.closest("button[data-fill]");
  const field = preset && document.getElementById(preset.dataset.fill);
  if (!field) return;
  field.value = preset.textContent.trim();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
