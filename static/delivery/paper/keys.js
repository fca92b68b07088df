// The keyboard: A–D or 1–4 choose, PageUp and PageDown change the item, ← → only outside choices and fields,
// F flags. Single keys stay out of fields, out of an input method's composing, and can be turned off.

const FIELDS = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]";

export function listenKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (app.locked || event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open]:modal")) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (act(app, event)) event.preventDefault();
  });
}

function act(app, event) {
  const { target, key } = event;
  const inField = target.matches?.(FIELDS);
  if (key === "PageDown" || key === "PageUp") {
    if (target.matches?.("textarea, select") || target.closest?.(".stimulus")) return false;
    return app.step(key === "PageDown" ? 1 : -1, true);
  }
  if (inField || target.closest?.(".calculator")) return false;
  if (key === "ArrowRight" || key === "ArrowLeft") {
    if (target.matches?.("input")) return false;
    return app.step(key === "ArrowRight" ? 1 : -1, true);
  }
  if (!app.store.settings.keys || event.repeat) return false;
  const card = app.view.card;
  if (!card) return false;
  if (/^f$/i.test(key)) {
    card.toggleFlag();
    return true;
  }
  if (/^[a-h]$/i.test(key)) return card.choose(key.toUpperCase().charCodeAt(0) - 65);
  if (/^[1-8]$/.test(key)) return card.choose(Number(key) - 1);
  return false;
}
