"""A document of QTI 2.2 in the names of 3.0."""

from __future__ import annotations

import re

from cbt.bank.formats.qti.writing import SPACE

SPACE_3 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
_TAG = re.compile(r"<(/?)([A-Za-z]+)((?:\s+[A-Za-z:]+=\"[^\"]*\")*)\s*(/?)>")
_ATTRIBUTE = re.compile(r"([A-Za-z:]+)=\"([^\"]*)\"")
_UPPER = re.compile(r"(?<!^)([A-Z])")
_HTML = frozenset(
    {
        "p",
        "br",
        "strong",
        "em",
        "ol",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "div",
        "span",
        "object",
    }
)
_MATH = frozenset(
    {
        "math",
        "semantics",
        "annotation",
        "mrow",
        "mn",
        "mo",
        "mi",
        "mover",
        "mfrac",
        "mspace",
        "mtext",
        "msqrt",
        "mroot",
    }
    | {"msub", "msup", "msubsup", "munder", "munderover", "mtable", "mtr", "mtd"}
)
_WRAPPED = frozenset({"modalFeedback", "rubricBlock"})
"""What 3.0 wants a body in."""


def version_3(document: str) -> str:
    """Return a document that `writing` made as one of 3.0."""
    return _TAG.sub(_renamed, document).replace(SPACE, SPACE_3)


def _renamed(found: re.Match[str]) -> str:
    close, name, attributes, empty = found[1], found[2], found[3], found[4]
    if name in _HTML or name in _MATH:
        return found[0]
    said = _ATTRIBUTE.sub(lambda one: f'{_kebab(one[1])}="{one[2]}"', attributes)
    tag = f"<{close}qti-{_kebab(name)}{said}{empty}>"
    if name in _WRAPPED:
        return f"</qti-content-body>{tag}" if close else f"{tag}<qti-content-body>"
    return tag


def _kebab(name: str) -> str:
    return _UPPER.sub(r"-\1", name).lower()
