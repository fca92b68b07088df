// The keyboard: A–D or 1–4 choose, with Shift a letter strikes out, ← → and PageUp, PageDown change the item, F flags. An arrow to the side never rewrites
// an answer, also where the focus is on a choice; ↑ ↓ do, where somebody went to a choice by Tab. Single keys stay out of
// fields, out of an input method's composing, and can be turned off.

const TEXT = "input:not([type=radio]):not([type=checkbox]), textarea, [contenteditable]";
const SIDEWAYS = "audio, video, .calculator *"; // what has a use of its own for ← →

export function listenKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (app.locked || event.isComposing || event.keyCode === 229 || document.querySelector("dialog[open]:modal")) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (act(app, event)) event.preventDefault();
  });
}

function act(app, event) {
  const { target, key } = event;
  const inText = target.matches?.(TEXT);
  if (key === "PageDown" || key === "PageUp") {
    if (target.matches?.("textarea, select") || target.closest?.(".stimulus")) return false;
    return app.step(key === "PageDown" ? 1 : -1, true);
  }
  if (inText || event.shiftKey && key.startsWith("Arrow")) return false;
  if (key === "ArrowRight" || key === "ArrowLeft") {
    if (target.matches?.(SIDEWAYS) || target.scrollWidth > target.clientWidth && target.matches?.(".stimulus")) return false;
    return app.step(key === "ArrowRight" ? 1 : -1) || target.matches?.("input, select");
  }
  if (target.matches?.("select") || target.closest?.(".calculator") || !app.store.settings.keys || event.repeat) return false;
  const card = app.view.card;
  if (!card) return false;
  if (/^f$/i.test(key)) {
    card.toggleFlag();
    return true;
  }
  if (/^[a-h]$/i.test(key)) return card[event.shiftKey ? "strikeOut" : "choose"](key.toUpperCase().charCodeAt(0) - 65);
  if (/^[1-8]$/.test(key)) return card.choose(Number(key) - 1);
  return false;
}
