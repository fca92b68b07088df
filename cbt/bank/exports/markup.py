"""Texts of items as XML: escaped, or as the XHTML that candidates see of them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from cbt.bank.items import rich

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_BLANK = re.compile(r'<span data-blank="(\d+)"></span>')
_VOID = re.compile(r"<br>\s*")


def escaped(text: str) -> str:
    """Return a text as it stands in an element or an attribute of XML."""
    return html.escape(_NO_XML.sub("", text), quote=True)


def block(text: str, blank: Callable[[int], str] = lambda _number: "") -> str:
    """Return a text as XHTML paragraphs, `blank` for each of its blanks."""
    return _xhtml(rich.to_html(text), blank)


def line(text: str) -> str:
    """Return a text of one line as XHTML."""
    return _xhtml(rich.inline(text), lambda number: f"{{{{{number}}}}}")


def _xhtml(shown: str, blank: Callable[[int], str]) -> str:
    plain = _NO_XML.sub("", shown.replace("&nbsp;", "&#160;"))
    return _BLANK.sub(lambda found: blank(int(found[1])), _VOID.sub("<br/>", plain))
