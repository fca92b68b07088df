// Text is saved a moment after the last key, at once when the field is left, and before anything that ends
// the writing (a unit's end, the deadline, 交卷): at most two seconds of typing can be lost.

const QUIET = 700;
const LONGEST = 1200;
const open = new Set();

/** Call `save()` soon after `field` was typed in; not while an input method is composing. */
export function saveTyping(field, save) {
  let timer = null;
  let first = 0;
  const flush = () => {
    clearTimeout(timer);
    if (!open.delete(flush)) return;
    first = 0;
    save();
  };
  field.addEventListener("input", () => {
    const now = performance.now();
    first ||= now;
    open.add(flush);
    clearTimeout(timer);
    timer = setTimeout(flush, Math.max(0, Math.min(QUIET, first + LONGEST - now)));
  });
  field.addEventListener("change", flush);
  field.addEventListener("blur", flush);
}

/** Save every field that has text waiting. */
export function flushTyping() {
  for (const flush of [...open]) flush();
}

window.addEventListener("pagehide", flushTyping);
// A hidden page may be frozen, or its process ended, without another word.
document.addEventListener("visibilitychange", () => document.hidden && flushTyping());
document.addEventListener("freeze", flushTyping);
