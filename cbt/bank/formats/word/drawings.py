"""The pictures of a Word document: which parts they name, where they stand, what cannot be handed on.

Only the child that opens a document runs this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbt.bank.foreign import marks
from cbt.bank.foreign.raw import Gleaning
from cbt.bank.formats.reading.paragraphs import Paragraph
from cbt.bank.formats.word.numbering import local, value

_BOXES = frozenset({"txbxContent", "Fallback"})
_FLOATS = re.compile(r"position\s*:\s*absolute", re.IGNORECASE)
_CHOICE = re.compile(r"(?:^|[\s\u3000])[（(]?[A-LＡ-Ｌ]\s*[)）.．、:：]")
_DEEPEST = 40


@dataclass(slots=True)
class DrawingParts:
    """What one drawing holds: the characters of its pictures, how many are lost, whether it is a formula."""

    kept: str = ""
    floats: bool = False
    lost: int = 0
    formulas: int = 0
    boxes: list[Any] = field(default_factory=list)


class Drawings:
    """The pictures of one document; `targets` are the parts that its relations name."""

    def __init__(self, look: Callable[[str], bytes | None], targets: Mapping[str, str]) -> None:
        self._found, self._targets = Gleaning(), targets
        self._found.look = look
        self.marks: list[str] = []

    @property
    def bodies(self) -> dict[str, bytes]:
        """Return the pictures that were handed on, by their keys."""
        return self._found.pictures

    def of(self, element: Any) -> DrawingParts:
        """Return what stands in a drawing, an older picture or an embedded object."""
        names = {local(one) for one in element.iter() if isinstance(one.tag, str)}
        done = DrawingParts(boxes=list(_boxes(element, 0)))
        done.floats = "anchor" in names or any(_FLOATS.search(value(one, "style")) for one in element.iter())
        asked = 0
        for one, words in _named(element, "", 0):
            asked += 1
            done.kept += (kept := self._kept(one, words))
            done.lost += not kept
        if "OLEObject" in names:
            done.formulas, done.lost = int(not done.kept), 0
        elif not asked and not done.boxes:
            done.lost = int("graphic" in names)
        return done

    def _kept(self, element: Any, words: str) -> str:
        """Return the character of a picture that is handed on, "" for one that cannot be."""
        name = self._name(element)
        body = self._found.look(name) if name else None
        one = marks.mark(len(self.marks))
        if body is None or not body.startswith(marks.HEADS) or not one:
            return ""
        said = self._found.medium(name, marks.worded(words))
        if said is None:
            return ""
        self.marks.append(said)
        return one

    def _name(self, element: Any) -> str:
        """Return the part a picture lies in; one that is only linked to has none."""
        for name in ("embed", "id", "relid"):
            if (found := self._targets.get(value(element, name))) is not None:
                return found
        source = value(element, "src")
        return source if source.startswith("wordml:") else ""


def _named(element: Any, words: str, depth: int) -> Iterator[tuple[Any, str]]:
    """Yield what names a picture, with the words for it; what stands in a box of text is read with the box."""
    for one in element if depth < _DEEPEST else ():
        name = local(one)
        if name in _BOXES:
            continue
        said = words
        if name in {"anchor", "inline", "pic", "shape", "rect"}:
            said = next(filter(None, _described(one)), words)
        if name in {"blip", "imagedata"}:
            yield one, value(one, "title") or said
        else:
            yield from _named(one, said, depth + 1)


def _described(element: Any) -> Iterator[str]:
    yield value(element, "alt")
    for one in element:
        if local(one) == "docPr":
            yield value(one, "descr") or value(one, "title")
        elif local(one) == "nvPicPr":
            yield from (value(inner, "descr") for inner in one if local(inner) == "cNvPr")


def _boxes(element: Any, depth: int) -> Iterator[Any]:
    for one in element if depth < _DEEPEST else ():
        if local(one) == "txbxContent":
            yield one
        elif local(one) != "Fallback":
            yield from _boxes(one, depth + 1)


def settle(made: Paragraph, floating: str) -> None:
    """Put pictures that stand before the words of a paragraph, or float beside them, behind these.

    Where a paragraph holds several choices, they stand in a line before it.
    """
    while made.runs and marks.only_marks(made.runs[0][0]):
        floating = made.runs.pop(0)[0] + floating
    if not floating:
        return
    text = "".join(text for text, _marks in made.runs)
    if not marks.without(text).strip():
        made.runs.append((floating, []))
    elif len(_CHOICE.findall(text)) > 1:
        made.runs.insert(0, (f"{floating}\n", []))
    else:
        made.runs.append((floating, []))
