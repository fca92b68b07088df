"""The child's side of reading a saved page: bytes to paragraphs.

Only `cbt.confined` runs this, in a process of its own.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from lxml import etree

from cbt.errors import InvalidInput
from cbt.interchange.documents.paragraphs import DocumentText, Paragraph, roles_of

_SKIPPED = {
    "script",
    "style",
    "head",
    "noscript",
    "template",
    "svg",
    "select",
    "button",
    "nav",
    "object",
    "iframe",
    "textarea",
}
_BLOCKS = {
    "p",
    "div",
    "li",
    "tr",
    "table",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "section",
    "article",
    "pre",
    "blockquote",
    "form",
    "h1",
    "h2",
    "h3",
}
_BLOCKS |= {
    "h4",
    "h5",
    "h6",
    "header",
    "footer",
    "main",
    "aside",
    "fieldset",
    "label",
    "center",
    "body",
    "tbody",
    "thead",
    "hr",
}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_MARKS = {"b": "bold", "strong": "bold", "u": "underline", "mark": "highlight", "ins": "underline"}
_COLOR = re.compile(r"(?:^|;)\s*color\s*:\s*([^;!]+)", re.IGNORECASE)
_SHADE = re.compile(r"(?:^|;)\s*background(?:-color)?\s*:\s*([^;!]+)", re.IGNORECASE)
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)", re.IGNORECASE)
_TELLING = re.compile(
    r"right|correct|answer|green|red|success|checked|selected|\bon\b|active|dui", re.IGNORECASE
)
_NEUTRAL = {
    "black",
    "#000",
    "#000000",
    "rgb(0,0,0)",
    "#333",
    "#333333",
    "#666",
    "#666666",
    "inherit",
    "initial",
    "windowtext",
    "#fff",
    "#ffffff",
}
_NEUTRAL |= {"white", "transparent", "none", "rgb(51,51,51)", "auto"}
_DEEPEST = 200


def read_page(content: bytes) -> bytes:
    """Return the paragraphs of a page in UTF-8 as msgpack; raise InvalidInput("bank.page_broken")."""
    parser = etree.HTMLParser(
        no_network=True,
        huge_tree=False,
        recover=True,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidInput("bank.page_broken") from error
    if root is None:
        raise InvalidInput("bank.page_broken")
    walk = _Walk()
    walk.element(root, [], 0)
    walk.end()
    return msgspec.msgpack.encode(DocumentText(walk.paragraphs, []))


class _Walk:
    """One walk over a page."""

    def __init__(self) -> None:
        self.paragraphs: list[Paragraph] = []
        self._now = Paragraph(1, [])

    def end(self) -> None:
        """End the paragraph under way."""
        now = self._now
        if any(text.strip() for text, _marks in now.runs) or now.pictures or now.formulas:
            now.number = len(self.paragraphs) + 1
            self.paragraphs.append(now)
        self._now = Paragraph(0, [])

    def element(self, node: Any, marks: list[str], depth: int) -> None:
        """Take an element and what is in it."""
        name = node.tag.lower() if isinstance(node.tag, str) else ""
        if not name or name in _SKIPPED or depth > _DEEPEST:
            return
        if name == "table" and self._named_table(node):
            return
        block = name in _BLOCKS
        if block:
            self.end()
            self._now.heading = name in _HEADINGS
            self._label(node, name)
        elif name == "br":
            self._text("\n", marks, keep=True)
        elif name == "img":
            self._now.pictures += 1
        elif name in {"math", "mjx-container"}:
            self._now.formulas += 1
        elif name in {"td", "th"} and self._now.runs:
            self._text("  ", [], keep=True)
        inner = [*marks, *_marks(node, name)]
        self._text(node.text, inner)
        for inside in node:
            self.element(inside, inner, depth + 1)
            self._text(inside.tail, inner)
        if block:
            self.end()

    def _named_table(self, table: Any) -> bool:
        """Take a table whose first row names a stem and a key row by row; return whether it was one."""
        rows = [
            [" ".join("".join(cell.itertext()).split()) for cell in row if cell.tag in {"td", "th"}]
            for row in table.iter("tr")
        ]
        if not rows or roles_of(rows[0]) is None:
            return False
        self.end()
        for cells in rows:
            self._now.runs, self._now.cells = [("  ".join(cells), [])], cells
            self.end()
        return True

    def _label(self, node: Any, name: str) -> None:
        parent = node.getparent()
        if name != "li" or parent is None or parent.tag not in {"ol", "ul"}:
            return
        if parent.tag == "ul":
            self._now.bullet = True
            return
        style = (parent.get("style") or "").replace(" ", "").lower()
        if "list-style:none" in style or "list-style-type:none" in style:
            return
        start = parent.get("start") or "1"
        place = int(start if start.isdigit() else 1) + sum(
            before.tag == "li" for before in node.itersiblings(preceding=True)
        )
        kind = parent.get("type") or ""
        letter = kind in {"A", "a"} or "alpha" in style or "latin" in style
        self._now.runs.append((f"{chr(64 + place) if letter and place <= 26 else place}. ", []))

    def _text(self, text: str | None, marks: list[str], *, keep: bool = False) -> None:
        if not text:
            return
        shown = text if keep else re.sub(r"[ \t\r\n\f]+", " ", text)
        if shown:
            self._now.runs.append((shown, marks))


def _marks(node: Any, name: str) -> list[str]:
    marks = [_MARKS[name]] if name in _MARKS else []
    style = node.get("style") or ""
    if _BOLD.search(style):
        marks.append("bold")
    for pattern, kind in ((_COLOR, "color"), (_SHADE, "shade")):
        match = pattern.search(style)
        color = "".join(match[1].split()).lower() if match else ""
        if color and color not in _NEUTRAL:
            marks.append(f"{kind}:{color}")
    color = (node.get("color") or "").lower()
    if name == "font" and color and color not in _NEUTRAL:
        marks.append(f"color:{color}")
    marks += [f"class:{part}" for part in (node.get("class") or "").split() if _TELLING.search(part)]
    return marks
