"""One question of an item of QTI 2.x or 3.0: the element that is answered and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cbt.bank.foreign import tree
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.qti import words
from cbt.bank.formats.qti.keys import Declaration
from cbt.bank.items.types.folders import Mappings

if TYPE_CHECKING:
    from cbt.bank.formats.qti.items import Around

TOOL = "cbt"
"""An item with this tool's name was written by us: its ref is its label, and a 判断 names its choices so."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The item a question stands in."""

    found: Gleaning
    root: Any
    keys: Mapping[str, Declaration]
    around: Around
    pictures: dict[str, bytes] | None = None
    """Takes the picture of the item; None in a part of a case, which has none."""

    @property
    def title(self) -> str:
        """Return what the item is called."""
        return self.root.get("title") or self.around.name

    def key(self, node: Any) -> Declaration:
        """Return what is right for the element that is answered."""
        name = node.get("responseIdentifier") or ""
        if name not in self.keys:
            raise LeftOut("open_no_key", self.title)
        if self.keys[name].shares():
            self.found.hint("open_weights", self.title)
        return self.keys[name]

    def texts(self, node: Any, name: str) -> dict[str, str]:
        """Return the texts of the choices in an element, by their identifiers."""
        return {
            one.get("identifier") or "": words.content(self.found, one)
            for one in tree.descendants(node, name)
        }

    def text_around(self, block: Any, node: Any, inside: str) -> str:
        """Return the text of a block with `inside` for the element that is answered."""
        return words.written(self.found, [block], lambda one: inside if one is node else None)

    def stem(self, block: Any, node: Any) -> str:
        """Return the text of a block, with what the element that is answered asks in its place."""
        return self.text_around(block, node, f"\n\n{self.prompt(node)}\n\n")

    def prompt(self, node: Any) -> str:
        """Return what an element asks."""
        said = tree.child(node, "prompt")
        return words.written(self.found, [said]) if said is not None else ""


Reader = Callable[[Asking, Any, list[Any]], dict[str, Any]]
"""Makes an item of a block in which something is asked: one element, or several blanks."""


@dataclass(frozen=True, slots=True)
class QtiReading:
    """The elements that a type of item is asked by, with their readers."""

    interactions: Mapping[str, Reader]


def ask(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    """Return the item of a block in which one thing is asked, or texts for several blanks."""
    kind = tree.local(asked[0])
    for reading in READINGS.values():
        if kind in reading.interactions:
            return reading.interactions[kind](asking, block, asked)
    raise LeftOut("open_type", kind, name=asking.title)


READINGS = Mappings("qti_reading", QtiReading)
