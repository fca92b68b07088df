"""Plain text of other systems as Markdown that shows it as it was typed."""

from __future__ import annotations

import html
import re

NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""What no document of XML can hold."""
_WIDE = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED = re.compile(rf"(?<={_WIDE})[ \t]*\n[ \t]*(?={_WIDE})")
_MARKER = re.compile(r"^(\s*)([-+*]|\d{1,9}[.)])(?=\s|$)", re.MULTILINE)
_RULER = re.compile(r"^([ \t]*)([-:|])(?=[ \t|:-]*$)", re.MULTILINE)
_BLANK = re.compile(r"\{\{(\d+)\}\}")
_DOLLAR, _IMAGE = re.compile(r"\$(?!\s)"), re.compile(r"!\[(?=[^\]\n]*\]\(media:)")
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~\n]|$)")
_MARKUP = re.compile(r"<[/!]?[A-Za-z]|&(?:[A-Za-z]{2,8}|#\d{2,6}|#x[0-9A-Fa-f]{2,5});")


def literal(text: str) -> str:
    """Return plain text as Markdown that shows it as it is; most texts stay as they are.

    What is a blank here and was none there, {{1}}, gets spaces.
    """
    text = _BLANK.sub(r"{ {\1} }", text)
    text = _BACKSLASH.sub(r"\\\\", text)
    for mark in "*_":
        if text.count(mark) > 1:
            text = text.replace(mark, f"\\{mark}")
    text = _DOLLAR.sub(r"\\$", text) if text.count("$") > 1 else text
    text = _IMAGE.sub(r"!\[", text)
    text = _RULER.sub(r"\1\\\2", text)
    return _MARKER.sub(lambda found: f"{found[1]}{_inert(found[2])}", text)


def _inert(marker: str) -> str:
    return f"{marker[:-1]}\\{marker[-1]}"


def looks_like_html(text: str) -> bool:
    """Return whether a text whose kind nobody names has elements or characters of HTML in it."""
    return _MARKUP.search(text) is not None


def escaped(text: str) -> str:
    """Return a text as it stands in an element or an attribute of XML."""
    return html.escape(NO_XML.sub("", text), quote=True)


def tidy(text: str) -> str:
    """Return a text without blanks at the ends of lines and with at most one empty line at a time."""
    text = re.sub(r"(?<=\S)[ \t\xa0]+", " ", text)
    text = re.sub(r"^[ \t\xa0](?=\S)|^[ \t\xa0]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text)).strip()


def joined(text: str) -> str:
    """Return a text of a document in which ends of lines are spaces, between wide characters nothing."""
    return re.sub(r"[ \t\r\n\f\xa0]+", " ", _WRAPPED.sub("", text))
