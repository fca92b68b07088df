"""Texts as the HTML of learning platforms: formulas as TeX, and what is literal here is literal there."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from cbt.interchange.out_texts import no_blank
from cbt.items import markup

INLINE, DISPLAY = ("\\(", "\\)"), ("$$", "$$")
"""What stands around a formula: where it stands in its line, and where it has one of its own."""
_MATH = re.compile(r"<math([^>]*)>.*?</math>", re.DOTALL)
_LITERAL = re.compile(r'(<(?:[^>"]|"[^"]*")*>)|(\\(?=[(\[]|\Z)|\$(?=\$|\Z))')
"""A tag, or what would begin a formula and is none."""
_ALONE = re.compile(r"<p>((?:(?!</?p>).)*)</p>", re.DOTALL)
_BLANK = re.compile(r'<span data-blank="(\d+)"></span>')
_TAG = re.compile(r'<(?:[^>"]|"[^"]*")*>')
_BETWEEN = re.compile(r"(?<=>)\s*\n\s*")


def block(text: str, blank: Callable[[int], str] = no_blank, hidden: str = "") -> str:
    """Return a text as paragraphs, the only one without its element, `blank` for each of its blanks.

    The characters of `hidden` stand as entities: to whoever looks for them in the text they are not there.
    """
    shown = _written(text, hidden, line=False)
    alone = _ALONE.fullmatch(shown)
    return _BLANK.sub(lambda found: blank(int(found[1])), alone[1] if alone else shown)


def line(text: str) -> str:
    shown = _written(text, "", line=True)
    return _BLANK.sub(lambda found: f"{{{{{found[1]}}}}}", shown)


def option(text: str) -> str:
    """Return a text for a list to choose from, which shows entities and no elements."""
    return _TAG.sub("", _written(text, "", line=True).replace("<br>", " "))


def _written(text: str, hidden: str, *, line: bool) -> str:
    shown = _with_tex(*markup.written(text, line=line))
    shown = _BETWEEN.sub("", shown).replace("\n", " ").strip()
    return re.sub(f"[{re.escape(hidden)}]", lambda found: f"&#{ord(found[0])};", shown) if hidden else shown


def _with_tex(shown: str, sources: Sequence[str]) -> str:
    first, *rest = _MATH.split(shown)
    parts = [_literal(first)]
    for given, after, source in zip(rest[::2], rest[1::2], sources, strict=True):
        opens, closes = DISPLAY if "block" in given else INLINE
        parts += [opens, html.escape(source, quote=False), closes, _literal(after)]
    return "".join(parts)


def _literal(text: str) -> str:
    return _LITERAL.sub(lambda found: found[1] or f"<span>{found[2]}</span>", text)
