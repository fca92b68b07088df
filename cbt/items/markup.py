"""Markup of authored texts: Markdown with pictures, sounds and formulas, turned into safe HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline

from cbt.items.formulas import FormulaFault, mathml
from cbt.items.media import ANY_MARK, MARK, NAME, PREFIX, SCHEME, address, is_sound
from cbt.rules.items.content import ItemContent, Rendering

FORMULA = re.compile(r"(?<!\\)(\$\$?)(?![\s$])((?:[^$\\]|\\.)+?)(?<!\s)\1(?!\d)", re.DOTALL)
"""`$…$` and `$$…$$`: no space inside at the ends and no digit behind, so that prices are none."""
MOST_FORMULAS = 60
_BLANK = re.compile(r"\{\{\d{1,3}\}\}")
_ROW = re.compile(r"^\s*\|.*$", re.MULTILINE)
_CLOSE = re.compile(r"\s*\|\S")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_SOURCES = "sources"
TIGHT = "tight"
"""The class of a table without space around the words of its cells, in what goes out."""


def add_marks(markdown: MarkdownIt) -> MarkdownIt:
    markdown.core.ruler.push("tight", _tight)
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.inline.ruler.before("escape", "media", _media)
    return markdown


def in_words(text: str) -> str:
    """Return a text as it is said in one line of a list: no signs of layout, … for what only layout can show."""
    words = ANY_MARK.sub(r"[\1]", text)
    words = FORMULA.sub(lambda found: "…" if "\\" in found[2] else found[2], words)
    words = _BOLD.sub(r"\1", _BLANK.sub("____", _ROW.sub("…", words)))
    return re.sub(r"…(?:\s*…)+", "…", re.sub(r"[ \t\r\n]+", " ", words).strip())


def formulas_in(text: str) -> Iterator[str]:
    """Yield the source of each formula of a text."""
    for match in FORMULA.finditer(text):
        yield match[2].strip()


def _tight(state: StateCore) -> None:
    lines = state.src.split("\n")
    for token in state.tokens:
        if token.type == "table_open" and token.map and _CLOSE.match(lines[token.map[0]]):
            token.attrSet("class", TIGHT)


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    match = FORMULA.match(state.src, state.pos)
    if match is None:
        return False
    source = match[2].strip()
    try:
        drawn = mathml(source, display=match[1] == "$$")
        if not silent:
            state.env.setdefault(_SOURCES, []).append(source)
    except FormulaFault:
        drawn = html.escape(match[0])  # lint names what is wrong with it; a candidate sees what was written
    return _put(state, silent, drawn, match.end())


def _media(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "!":
        return False
    match = MARK.match(state.src, state.pos)
    if match is None:
        return False
    words, source = html.escape(match[1].strip()), address(match[2])
    if is_sound(match[2]):
        drawn = (
            f'<audio controls="" preload="none" src="{source}" aria-label="{words}" title="{words}"></audio>'
        )
    else:
        drawn = f'<img src="{source}" alt="{words}">'
    return _put(state, silent, drawn, match.end())


def _put(state: StateInline, silent: bool, drawn: str, end: int) -> bool:
    if not silent:
        token = state.push("html_inline", "", 0)
        token.content = drawn
    state.pos = end
    return True


# Authored text on its way to a page: Markdown in, a small set of safe HTML elements out.
#
# HTML in an author's text is shown as the characters typed. What the renderer writes is cleaned once more
# against the allow list, so that neither a fault in the renderer nor a clever text brings in anything else.
# Pictures and sounds come from our own address only, formulas are MathML.

_RULES = ["table", "list", "emphasis", "newline", "escape", "balance_pairs", "fragments_join"]
_MARKDOWN = add_marks(MarkdownIt("zero", {"html": False, "linkify": False, "breaks": True}).enable(_RULES))
_BLOCK_TAGS = {"p", "br", "strong", "em", "ol", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
_INLINE_TAGS = {"br", "strong", "em"}
_MEDIA = {"img": {"src", "alt"}, "audio": {"src", "controls", "preload", "aria-label", "title"}}
_MATH: dict[str, set[str]] = {
    "math": {"display"},
    "mo": {"stretchy", "fence"},
    "mi": {"mathvariant"},
    "mover": {"accent"},
    "mfrac": {"linethickness"},
    "mspace": {"width"},
    "mrow": set(), "mn": set(), "mtext": set(), "msqrt": set(), "mroot": set(), "msub": set(), "msup": set(),
    "msubsup": set(), "munder": set(), "munderover": set(), "mtable": set(), "mtr": set(), "mtd": set(),
}  # fmt: skip
_ATTRIBUTES = {**_MEDIA, **_MATH}
_OUT_ATTRIBUTES = {**_ATTRIBUTES, "table": {"class"}}
_OURS = re.compile(rf"{re.escape(PREFIX)}{NAME.pattern}")
_BLANK_MARK = re.compile(r"\{\{(\d{1,2})\}\}")


@lru_cache(maxsize=8192)
def to_html(text: str) -> str:
    return _clean(_MARKDOWN.render(text), _BLOCK_TAGS)


@lru_cache(maxsize=8192)
def inline(text: str) -> str:
    """Return the HTML of one line (a choice, a step, a cell): emphasis only, no block around it."""
    return _clean(_MARKDOWN.renderInline(text.strip()), _INLINE_TAGS)


@lru_cache(maxsize=8192)
def written(text: str, *, line: bool) -> tuple[str, tuple[str, ...]]:
    """Return the HTML of a text that goes out, and the sources of its formulas in their order.

    Its tables say by their class whether they are tight: a reader of ours writes them again as they were.
    """
    env: dict[str, list[str]] = {}
    if line:
        return _clean(_MARKDOWN.renderInline(text.strip(), env), _INLINE_TAGS), tuple(env.get(_SOURCES, ()))
    shown = _MARKDOWN.render(text, env)
    return _clean(shown, _BLOCK_TAGS, _OUT_ATTRIBUTES), tuple(env.get(_SOURCES, ()))


def _clean(html: str, tags: set[str], attributes: dict[str, set[str]] = _ATTRIBUTES) -> str:
    safe = nh3.clean(
        html,
        tags=tags | _ATTRIBUTES.keys(),
        attributes=attributes,
        attribute_filter=_ours,
        url_schemes=set(),
        link_rel=None,
    )
    # Only after the cleaning: the one attribute a page needs is ours, never an author's.
    return _BLANK_MARK.sub(r'<span data-blank="\1"></span>', safe).strip()


def _ours(_tag: str, name: str, value: str) -> str | None:
    """Take away an address that is not one of our own media."""
    return None if name == "src" and not _OURS.fullmatch(value) else value


def _picture(source: str) -> str:
    return address(source.removeprefix(SCHEME)) if source.startswith(SCHEME) else source


# Where the lines of a table's cells may break: between words of Chinese, as far as these are known.
#
# A browser breaks Chinese after any character, so a narrow column reads 支持过/程. The pages that show items keep
# a run of Chinese together (`word-break: keep-all`); here a run that is too long for its column gets places at
# which it may break (`<wbr>`): after a particle where there is one, else after two characters, for most words
# have two.

LONGEST_RUN = 8
"""Characters of a run that are kept together where the table has the room."""
TABLE_WIDTH = 36
"""Characters side by side that a table has room for on paper, and beside a case."""
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_TABLE_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<(t[hd])>(.*?)</\1>", re.DOTALL)
_PIECE = re.compile(r"(<math\b.*?</math>|<[^>]*>)", re.DOTALL)
_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_PHRASES = re.compile(
    r"(?<=[的和或])|(?<=了)(?!解)|(?<=(?<!参)与)|(?<=及)(?![时格早])|(?<=(?<!合)并)|(?<=已)(?!经)"
)
_BREAK = "<wbr>"


def with_breaks(html: str) -> str:
    """Return safe HTML of ours with breaks in the cells of its tables."""
    return _TABLE.sub(lambda table: _broken(table[0]), html) if "<table>" in html else html


def _broken(table: str) -> str:
    rows = [[cell[2] for cell in _CELL.finditer(row[1])] for row in _TABLE_ROW.finditer(table)]
    longest = next((most for most in range(LONGEST_RUN, 2, -1) if _width(rows, most) <= TABLE_WIDTH), 2)

    def cell(match: re.Match[str]) -> str:
        parts = _PIECE.split(match[2])
        text = "".join(part if place % 2 else _RUN.sub(_parted, part) for place, part in enumerate(parts))
        return f"<{match[1]}>{text}</{match[1]}>"

    def _parted(run: re.Match[str]) -> str:
        return _BREAK.join(_words(run[0], longest))

    return _CELL.sub(cell, table)


def _width(rows: list[list[str]], longest: int) -> int:
    """Return how many characters the columns of a table are wide, side by side, at the least."""
    columns: dict[int, int] = {}
    for row in rows:
        for place, cell in enumerate(row):
            texts = _PIECE.split(cell)[::2]
            words = [word for text in texts for run in _RUN.findall(text) for word in _words(run, longest)]
            columns[place] = max([columns.get(place, 2), *map(len, words)])
    return sum(columns.values())


def _words(run: str, longest: int) -> Iterator[str]:
    """Yield what is kept together of a run of Chinese: all of it, what its particles part, else two by two."""
    if len(run) <= longest:
        yield run
        return
    for phrase in filter(None, _PHRASES.split(run)):
        if len(phrase) <= longest:
            yield phrase
        else:
            # What is left over of an odd number stays with the last two.
            ends = [*range(2, len(phrase) - 1, 2), len(phrase)]
            yield from (phrase[start:end] for start, end in zip([0, *ends], ends, strict=False))


@lru_cache(maxsize=8192)
def _shown_block(text: str) -> str:
    return with_breaks(to_html(text))


_HTML = Rendering(block=_shown_block, line=inline, picture=_picture)


def sanitised(content: ItemContent) -> dict[str, object]:
    """Return the candidate-safe HTML fragments of one item version, in AUTHORED order.

    A blank {{n}} is `<span data-blank="n"></span>`. Never the key, the explanation, the difficulty, the
    knowledge point or anything computed from them; what there is for each type stands with the type.

    Source: R-44.
    """
    return content.shown(_HTML)
