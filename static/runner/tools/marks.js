// Ranges of characters in a text on the page, [from, to]: found from a pointer, joined, and drawn. What an author did not
// write (fields, buttons) and formulas are not counted, so that the numbers hold in each language and on each machine.

import { h } from "../dom.js";

const SKIPPED = "math, select, button, input, textarea, audio, .sr-only";
const CLAUSE = /[^。！？；，、：.!?;,:\n]*[。！？；，、：.!?;,:\n]+|[^。！？；，、：.!?;,:\n]+$/g;

function textsOf(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) => (
    node.parentElement.closest(SKIPPED) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
}

export const isSkipped = (node) => Boolean(node.closest?.(`${SKIPPED}, img`));

export const textOf = (root) => textsOf(root).map(({ data }) => data).join("");

/** Return the number of the character under a pointer, null where there is no text of `root`. */
export function characterAt(root, { clientX, clientY }) {
  const place = document.caretPositionFromPoint?.(clientX, clientY);
  const range = place ? null : document.caretRangeFromPoint?.(clientX, clientY);
  const node = place?.offsetNode ?? range?.startContainer;
  let from = 0;
  for (const text of textsOf(root)) {
    if (text === node) return from + (place ? place.offset : range.startOffset);
    from += text.data.length;
  }
  return null;
}

/** The clauses of a text, for whoever marks by the keyboard; those without a word are left out. */
export function clausesOf(text) {
  return [...text.matchAll(CLAUSE)].map(({ 0: found, index }) => trimmed(text, [index, index + found.length]))
    .filter(([from, to]) => /[\p{L}\p{N}]/u.test(text.slice(from, to)));
}

export function trimmed(text, [from, to]) {
  while (from < to && /\s/.test(text[from])) from += 1;
  while (to > from && /\s/.test(text[to - 1])) to -= 1;
  return [from, to];
}

const covers = (ranges, [from, to]) => ranges.some(([start, end]) => start <= from && to <= end);

/** Add a range to others, or take it away where it is covered already. */
export function toggled(ranges, [from, to]) {
  if (covers(ranges, [from, to])) {
    return ranges.flatMap(([start, end]) => [[start, Math.min(end, from)], [Math.max(start, to), end]].filter(([a, b]) => a < b));
  }
  const apart = ranges.filter(([start, end]) => end < from || to < start);
  const met = ranges.filter((range) => !apart.includes(range));
  const joined = [Math.min(from, ...met.map(([start]) => start)), Math.max(to, ...met.map(([, end]) => end))];
  return [...apart, joined].sort(([a], [b]) => a - b);
}

/** Draw marks on a text, and the outline of the clause that the keyboard is at. */
export function paint(root, marks, cursor = null) {
  for (const old of root.querySelectorAll(".hl, .hl-at")) old.replaceWith(...old.childNodes);
  root.normalize();
  let from = 0;
  for (const node of textsOf(root)) {
    const to = from + node.data.length;
    const cuts = [...marks, cursor ?? []].flat().filter((cut) => cut > from && cut < to);
    let rest = node;
    let start = from;
    for (const cut of [...new Set(cuts), to].sort((a, b) => a - b)) {
      const next = cut < to ? rest.splitText(cut - start) : null;
      dress(rest, covers(marks, [start, cut]), cursor && covers([cursor], [start, cut]));
      rest = next;
      start = cut;
    }
    from = to;
  }
}

function dress(node, marked, at) {
  if ((!marked && !at) || !node.data) return;
  const box = h(marked ? "mark" : "span", { class: [marked && "hl", at && "hl-at"].filter(Boolean).join(" ") });
  node.replaceWith(box);
  box.append(node);
}
