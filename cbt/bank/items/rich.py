"""Authored text on its way to a page: Markdown in, a small set of safe HTML elements out.

HTML in an author's text is shown as the characters typed. What the renderer writes is cleaned once more
against the allow list, so that neither a fault in the renderer nor a clever text brings in anything else.
Pictures and sounds come from our own address only, formulas are MathML.
"""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

from cbt.bank.items.marks import add_marks
from cbt.bank.media.references import NAME, PREFIX, SCHEME, address
from cbt.rules.items.basis.content import ItemContent, Rendering

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
_OURS = re.compile(rf"{re.escape(PREFIX)}{NAME.pattern}")
_BLANK = re.compile(r"\{\{(\d{1,2})\}\}")


@lru_cache(maxsize=8192)
def to_html(text: str) -> str:
    """Return the HTML of a text with paragraphs, lists and tables."""
    return _clean(_MARKDOWN.render(text), _BLOCK_TAGS)


@lru_cache(maxsize=8192)
def inline(text: str) -> str:
    """Return the HTML of one line (a choice, a step, a cell): emphasis only, no block around it."""
    return _clean(_MARKDOWN.renderInline(text.strip()), _INLINE_TAGS)


def _clean(html: str, tags: set[str]) -> str:
    safe = nh3.clean(
        html,
        tags=tags | _ATTRIBUTES.keys(),
        attributes=_ATTRIBUTES,
        attribute_filter=_ours,
        url_schemes=set(),
        link_rel=None,
    )
    # Only after the cleaning: the one attribute a page needs is ours, never an author's.
    return _BLANK.sub(r'<span data-blank="\1"></span>', safe).strip()


def _ours(_tag: str, name: str, value: str) -> str | None:
    """Take away an address that is not one of our own media."""
    return None if name == "src" and not _OURS.fullmatch(value) else value


def _picture(source: str) -> str:
    return address(source.removeprefix(SCHEME)) if source.startswith(SCHEME) else source


_HTML = Rendering(block=to_html, line=inline, picture=_picture)


def sanitised(content: ItemContent) -> dict[str, object]:
    """Return the candidate-safe HTML fragments of one item version, in AUTHORED order.

    A blank {{n}} is `<span data-blank="n"></span>`. Never the key, the explanation, the difficulty, the
    knowledge point or anything computed from them; what there is for each type stands with the type.

    Source: R-44.
    """
    return content.shown(_HTML)
