// Exchanges what differs between the page and a fresh copy. Elements marked data-parts are gone through child by
// child, matched by id; any other element is replaced when its source differs. What stayed the same is not touched,
// so focus, scroll positions and hover live on.

const sources = new WeakMap(); // what the server sent for an element: scripts change the page's own text (ages)

export function patch(shown, fresh) {
  remember(shown);
  copyAttributes(shown, fresh);
  const known = new Map([...shown.children].map((child) => [child.id, child]));
  let place = shown.firstElementChild;
  for (const next of [...fresh.children]) {
    const old = known.get(next.id);
    known.delete(next.id);
    const child = old ? keepOrReplace(old, next) : next;
    if (old === place && place !== null) {
      place = old.nextElementSibling;
      if (child !== old) old.replaceWith(child);
    } else {
      shown.insertBefore(child, place);
      if (old && child !== old) old.remove();
    }
  }
  for (const gone of known.values()) gone.remove();
}

/** Exchange the one element with this id for its fresh copy; return whether the page has it. */
export function exchange(id, next) {
  const old = document.getElementById(id);
  if (old !== null && keepOrReplace(old, next) === next) old.replaceWith(next);
  return old !== null;
}

function keepOrReplace(old, next) {
  if ("parts" in next.dataset && "parts" in old.dataset) {
    patch(old, next);
    return old;
  }
  const source = next.outerHTML;
  if (sources.get(old) === source) return old;
  sources.set(next, source);
  keepFocus(old, next);
  keepOpen(old, next);
  keepScroll(old, next);
  return next;
}

/** Keep what the server sent for the children of `parent`, before a script changes them. */
export function remember(parent) {
  for (const child of parent.children) {
    if (!sources.has(child) && !("parts" in child.dataset)) sources.set(child, child.dataset.source ?? child.outerHTML);
  }
}

function copyAttributes(shown, fresh) {
  for (const { name, value } of fresh.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
}

function keepFocus(old, next) {
  const focused = document.activeElement;
  if (!focused?.id || !old.contains(focused)) return;
  queueMicrotask(() => next.ownerDocument.getElementById(focused.id)?.focus({ preventScroll: true }));
}

function keepOpen(old, next) {
  for (const { id } of old.querySelectorAll("details[open][id]")) {
    for (const same of next.querySelectorAll("details[id]")) if (same.id === id) same.open = true;
  }
}

function keepScroll(old, next) {
  const [scrolled, inner] = [old.scrollTop, [...old.querySelectorAll("ol")].map((list) => list.scrollTop)];
  queueMicrotask(() => {
    next.scrollTop = scrolled;
    [...next.querySelectorAll("ol")].forEach((list, at) => (list.scrollTop = inner[at] ?? 0));
  });
}
