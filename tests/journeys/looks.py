"""Pages held to WCAG 2.2 AA by axe: each structure and each colour on its ground once in a run.

axe takes longer for a page than the page itself does, and most of what a journey passes was judged before: the
other language, the next seat, a dialog over the same board. A page whose structure axe has judged and found right
is not given to it again, and of its colours only those that are new are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_HERE = Path(__file__).parent
AXE = _HERE / "vendor" / "axe.min.js"
_SHAPE = (_HERE / "looks.js").read_text("utf-8")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_COLOURS = ["color-contrast", "link-in-text-block"]
_TOLD = """(found) => found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 4).map(
    (node) => `${node.target.join(" ")} (${node.any.concat(node.all, node.none).map(
        (check) => check.message).join("; ")})`).join(" | ")}`)"""
_STRUCTURE = f"""async ([tags, colours]) => {{
    const rules = Object.fromEntries(colours.map((rule) => [rule, {{enabled: false}}]));
    const found = await axe.run(document, {{runOnly: tags, rules, resultTypes: ["violations"]}});
    return ({_TOLD})(found);
}}"""
_NEW_COLOURS = f"""async ([rules, keys]) => {{
    const include = keys.map((key) => window.journeyColours.get(key));
    const resultTypes = ["violations", "incomplete"];
    const runOnly = {{type: "rule", values: rules}};
    const found = await axe.run({{include}}, {{runOnly, resultTypes, elementRef: true}});
    const unsure = new Set(found.incomplete.flatMap((one) => one.nodes.map((node) => node.element)));
    return [({_TOLD})(found), keys.filter((key) => !unsure.has(window.journeyColours.get(key)))];
}}"""
_right: set[Any] = set()
"""Structures (with the window they were seen in) and colours that axe found nothing wrong with."""


def violations(page: Page, *, theme: str) -> Iterator[str]:
    """Tell what axe finds wrong in a theme: a theme changes colours and nothing else."""
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
    shape: dict[str, Any] = page.evaluate(_SHAPE)
    size = page.viewport_size or {}
    structure = (shape["structure"], size.get("width"), size.get("height"))
    if theme == "light" and structure not in _right:
        _bring_axe(page)
        found = page.evaluate(_STRUCTURE, [_TAGS, _COLOURS])
        yield from found
        if not found:
            _right.add(structure)
    fresh = [colour for colour in shape["colours"] if colour not in _right]
    if fresh:
        _bring_axe(page)
        found, judged = page.evaluate(_NEW_COLOURS, [_COLOURS, fresh])
        yield from found
        if not found:
            _right.update(judged)


def _bring_axe(page: Page) -> None:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8") + ";null")
