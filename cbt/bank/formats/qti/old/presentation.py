"""What a candidate of a QTI 1.2 item sees: its texts, and what is asked in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cbt.bank.foreign import markdown, plain, tree
from cbt.bank.foreign.raw import Gleaning

RESPONSES = ("response_lid", "response_str", "response_num", "response_xy", "response_grp")
MARK = "\ufdec{}\ufded"
"""Stands for what is asked while the text around it is put together."""
_PICTURES = frozenset({"matimage"})
_MEDIA = frozenset({"mataudio", "matvideo", "matapplet", "matapplication"})


@dataclass(slots=True)
class Response:
    """One thing asked: its element, its name, its choices by their names, the words right before it."""

    node: Any
    name: str
    texts: dict[str, str] = field(default_factory=dict)
    own: str = ""

    @property
    def kind(self) -> str:
        """Return the name of its element."""
        return tree.local(self.node)

    @property
    def several(self) -> bool:
        """Say whether several choices may be picked."""
        return (self.node.get("rcardinality") or "Single").lower() == "multiple"

    @property
    def ordered(self) -> bool:
        """Say whether its choices are put in order."""
        return (self.node.get("rcardinality") or "Single").lower() == "ordered"

    @property
    def long(self) -> bool:
        """Say whether a text of several lines is asked for."""
        fib = next(tree.descendants(self.node, "render_fib"), None)
        rows = (fib.get("rows") or "1") if fib is not None else "1"
        return rows.isdigit() and int(rows[:4]) > 1

    @property
    def numeric(self) -> bool:
        """Say whether a number is asked for."""
        fib = next(tree.descendants(self.node, "render_fib"), None)
        kind = (fib.get("fibtype") or "").lower() if fib is not None else ""
        return self.kind == "response_num" or kind in {"decimal", "integer", "scientific"}

    @property
    def fixed(self) -> bool:
        """Say whether its choices are told to stay in their order."""
        shown = next(tree.descendants(self.node, "render_choice"), None)
        return shown is not None and (shown.get("shuffle") or "").lower() == "no"


class Presentation:
    """The texts of an item in their order, with a mark for each thing asked."""

    def __init__(self, found: Gleaning, node: Any | None) -> None:
        """Read the element."""
        self.asked: list[Response] = []
        self._found = found
        self._parts: list[str] = []
        if node is not None:
            self._walk(node)
        self.text = plain.tidy("\n\n".join(part for part in self._parts if part))

    @property
    def stem(self) -> str:
        """Return the text without its marks."""
        text = self.text
        for place in range(1, len(self.asked) + 1):
            text = text.replace(MARK.format(place), "")
        return plain.tidy(text)

    def blanks(self) -> str:
        """Return the text with {{1}}, {{2}}, … for its marks."""
        text = self.text
        for place in range(1, len(self.asked) + 1):
            text = text.replace(f"\n\n{MARK.format(place)}", MARK.format(place))
            text = text.replace(f"{MARK.format(place)}\n\n", MARK.format(place))
            text = text.replace(MARK.format(place), f"{{{{{place}}}}}")
        return text

    def _walk(self, node: Any) -> None:
        for one in node:
            name = tree.local(one)
            if name in RESPONSES:
                self._response(one)
            elif name == "material":
                self._parts.append(material(self._found, one))
            else:
                self._walk(one)

    def _response(self, node: Any) -> None:
        one = Response(node, node.get("ident") or "")
        inside = [child for child in node if tree.local(child) == "material"]
        one.own = "\n\n".join(text for held in inside if (text := material(self._found, held)))
        for label in tree.descendants(node, "response_label"):
            said = [material(self._found, held) for held in tree.descendants(label, "material")]
            if said:
                one.texts[label.get("ident") or ""] = " ".join(text for text in said if text)
        self.asked.append(one)
        self._parts.append(MARK.format(len(self.asked)))


def material(found: Gleaning, node: Any) -> str:
    """Return the words of a material; pictures and sounds in it are remarked on."""
    parts = []
    for one in node.iter():
        name = tree.local(one)
        if name in {"mattext", "matemtext"}:
            parts.append(_text(found, one))
        elif name == "matbreak":
            parts.append("\n")
        elif name in _PICTURES:
            parts.append(_image(found, one.get("uri") or ""))
        elif name in _MEDIA:
            found.hint(markdown.MEDIA, one.get("uri") or name)
    return plain.tidy("".join(parts))


def _text(found: Gleaning, node: Any) -> str:
    text = "".join(node.itertext())
    kind = (node.get("texttype") or "text/plain").lower()
    if kind in {"text/html", "text/xhtml"} or (kind == "text/plain" and len(node)):
        done = (
            markdown.from_html(text, found.medium)
            if not len(node)
            else markdown.from_nodes([node], found.medium)
        )
        for code, value in done.lost:
            found.hint(code, value)
        return done.markdown
    return plain.literal(text.strip())


def _image(found: Gleaning, address: str) -> str:
    said = found.medium(address, "")
    if said is None:
        found.hint(markdown.PICTURE, address)
    return said or "［图］"
