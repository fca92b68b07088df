"""What a text holds beside words: pictures, sounds and formulas, as the renderer of Markdown finds them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from cbt.bank.items.formulas import FormulaFault, mathml
from cbt.bank.media.references import ANY_MARK, MARK, address, is_sound

FORMULA = re.compile(r"(?<!\\)(\$\$?)(?![\s$])((?:[^$\\]|\\.)+?)(?<!\s)\1(?!\d)", re.DOTALL)
"""`$…$` and `$$…$$`: no space inside at the ends and no digit behind, so that prices are none."""
MOST_FORMULAS = 60
_BLANK = re.compile(r"\{\{\d{1,3}\}\}")
_ROW = re.compile(r"^\s*\|.*$", re.MULTILINE)
_BOLD = re.compile(r"\*\*(.+?)\*\*")


def add_marks(markdown: MarkdownIt) -> MarkdownIt:
    """Have a renderer know pictures, sounds and formulas."""
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.inline.ruler.before("escape", "media", _media)
    return markdown


def in_words(text: str) -> str:
    """Return a text as it is said in one line of a list: no signs of layout, … for what only layout can show."""
    said = ANY_MARK.sub(r"[\1]", text)
    said = FORMULA.sub(lambda found: "…" if "\\" in found[2] else found[2], said)
    said = _BOLD.sub(r"\1", _BLANK.sub("____", _ROW.sub("…", said)))
    return re.sub(r"…(?:\s*…)+", "…", re.sub(r"[ \t\r\n]+", " ", said).strip())


def formulas_in(text: str) -> Iterator[str]:
    """Yield the source of each formula of a text."""
    for found in FORMULA.finditer(text):
        yield found[2].strip()


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    found = FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    try:
        drawn = mathml(found[2].strip(), display=found[1] == "$$")
    except FormulaFault:
        drawn = html.escape(found[0])  # lint names what is wrong with it; a candidate sees what was written
    return _put(state, silent, drawn, found.end())


def _media(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "!":
        return False
    found = MARK.match(state.src, state.pos)
    if found is None:
        return False
    words, source = html.escape(found[1].strip()), address(found[2])
    if is_sound(found[2]):
        drawn = (
            f'<audio controls="" preload="none" src="{source}" aria-label="{words}" title="{words}"></audio>'
        )
    else:
        drawn = f'<img src="{source}" alt="{words}">'
    return _put(state, silent, drawn, found.end())


def _put(state: StateInline, silent: bool, drawn: str, end: int) -> bool:
    if not silent:
        token = state.push("html_inline", "", 0)
        token.content = drawn
    state.pos = end
    return True
