"""The texts and responses of an item of QTI 2.x and 3.0, and the questions its interactions ask.

Texts are what a candidate reads, what is said later and what markers are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cbt.interchange import raw_items
from cbt.interchange import text as tree
from cbt.interchange.markdown import Writer, tidy
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.items.types.folders import Mappings

if TYPE_CHECKING:
    from cbt.interchange.qti.reader import Around


_APART = frozenset(
    {"feedbackBlock", "feedbackInline", "modalFeedback", "infoControl", "responseValidityMessage"}
)
OWN = "explanation"
"""How what we say ourselves is called: of an item, of each part of a case."""
Special = Callable[[Any], str | None]


def written(gleaning: Gleaning, nodes: list[Any], special: Special = lambda _node: None) -> str:
    """Return elements as Markdown; feedback and what markers are told stand elsewhere.

    `special` takes an element over, as with `Writer`. What is lost is remarked on.
    """

    def own(node: Any) -> str | None:
        name = tree.local(node)
        if name in _APART or (name == "rubricBlock" and not _for_candidates(node)):
            return ""
        return special(node)

    writer = Writer(own, gleaning.medium)
    for node in nodes:
        writer.node(node, 0)
    done = writer.text()
    for code, value in done.lost:
        gleaning.hint(code, value)
    return done.markdown


def content(gleaning: Gleaning, node: Any, special: Special = lambda _node: None) -> str:
    """Return what stands in an element as Markdown of one line where it is one."""
    return tidy(written(gleaning, [node], special))


def feedback(gleaning: Gleaning, root: Any) -> dict[str, str]:
    """Return what is said afterwards, by the name it is shown under; the same words once."""
    texts: dict[str, str] = {}
    for node in tree.descendants(root, "modalFeedback", "feedbackBlock"):
        text = _inner(gleaning, node)
        name = node.get("identifier") or ""
        if text and (name.startswith(OWN) or text not in texts.values()):
            texts[name] = f"{texts[name]}\n\n{text}" if name in texts else text
    return texts


def inline_feedback(gleaning: Gleaning, node: Any) -> str:
    return "\n".join(_inner(gleaning, one) for one in tree.descendants(node, "feedbackInline"))


def for_markers(gleaning: Gleaning, node: Any) -> str:
    blocks = [one for one in tree.descendants(node, "rubricBlock") if not _for_candidates(one)]
    return "\n\n".join(text for one in blocks if (text := _inner(gleaning, one)))


def _for_candidates(node: Any) -> bool:
    return "candidate" in (node.get("view") or "candidate").split()


def _inner(gleaning: Gleaning, node: Any) -> str:
    writer = Writer(medium=gleaning.medium)
    writer.inside(node, 0)
    done = writer.text()
    for code, value in done.lost:
        gleaning.hint(code, value)
    return done.markdown


@dataclass(slots=True)
class Declaration:
    """One response: its kind, the right values, and what each mapped value earns."""

    name: str
    cardinality: str
    base: str
    correct: list[str]
    mapped: dict[str, Decimal] = field(default_factory=dict)
    exact: bool = False

    def right(self) -> list[str]:
        """Return the right values: those that are said to be, else those that earn points."""
        if self.correct:
            return self.correct
        best = max(self.mapped.values(), default=Decimal(0))
        if self.cardinality == "single":
            return [value for value, worth in self.mapped.items() if worth == best > 0][:1]
        return [value for value, worth in self.mapped.items() if worth > 0]

    def spellings(self) -> list[str]:
        """Return every text that earns all points."""
        best = max(self.mapped.values(), default=Decimal(0))
        full = [value for value, worth in self.mapped.items() if worth == best > 0]
        return list(dict.fromkeys([*self.correct, *full]))

    def shares(self) -> bool:
        """Say whether some values earn a part of the points."""
        positive = {worth for worth in self.mapped.values() if worth > 0}
        return self.cardinality == "single" and len(positive) > 1


def declarations(root: Any) -> Mapping[str, Declaration]:
    """Return the responses of an item by their names."""
    declared = {}
    for node in tree.children(root, "responseDeclaration"):
        name = node.get("identifier") or ""
        right = tree.child(node, "correctResponse")
        correct = [tree.words(value) for value in tree.children(right, "value")] if right is not None else []
        declaration = Declaration(
            name, node.get("cardinality") or "single", node.get("baseType") or "", correct
        )
        mapping = tree.child(node, "mapping")
        for entry in tree.children(mapping, "mapEntry") if mapping is not None else []:
            worth = raw_items.number(entry.get("mappedValue") or "")
            if worth is not None:
                declaration.mapped[entry.get("mapKey") or ""] = worth
            declaration.exact = declaration.exact or entry.get("caseSensitive") == "true"
        declared[name] = declaration
    return declared


def tolerance_of(root: Any, name: str, answer: Decimal) -> Decimal | None:
    """Return how far a number may be off by the scoring of an item, None when the two sides differ."""
    for equal in tree.descendants(root, "equal"):
        if any(one.get("identifier") == name for one in tree.descendants(equal, "variable")):
            widths = [raw_items.number(text) for text in (equal.get("tolerance") or "0").split()]
            if None in widths or len(set(widths)) > 1:
                return None
            width = abs(widths[0] or Decimal(0))
            return width * abs(answer) / 100 if equal.get("toleranceMode") == "relative" else width
    return Decimal(0)


def points_of(root: Any, name: str) -> str:
    """Return what a response can earn by the outcome that is called like it, "" where none says so."""
    outcome = name.partition("-")[0].replace("RESPONSE", "SCORE", 1)
    for node in tree.children(root, "outcomeDeclaration"):
        if node.get("identifier") == outcome != "SCORE":
            most = raw_items.number(node.get("normalMaximum") or "")
            return f"{most.normalize():f}" if most is not None and most > 0 else ""
    return ""


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
        return {one.get("identifier") or "": content(self.found, one) for one in tree.descendants(node, name)}

    def text_around(self, block: Any, node: Any, inside: str) -> str:
        """Return the text of a block with `inside` for the element that is answered."""
        return written(self.found, [block], lambda one: inside if one is node else None)

    def stem(self, block: Any, node: Any) -> str:
        """Return the text of a block, with what the element that is answered asks in its place."""
        return self.text_around(block, node, f"\n\n{self.prompt(node)}\n\n")

    def prompt(self, node: Any) -> str:
        prompt = tree.child(node, "prompt")
        return written(self.found, [prompt]) if prompt is not None else ""


Reader = Callable[[Asking, Any, list[Any]], dict[str, Any]]
"""Makes an item of a block in which something is asked: one element, or several blanks."""


@dataclass(frozen=True, slots=True)
class QtiReading:
    """The elements that a type of item is asked by, with their readers."""

    interactions: Mapping[str, Reader]


def ask(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    """Return the item of a block in which one thing is asked, or texts for several blanks."""
    kind = tree.local(nodes[0])
    for reading in READINGS.values():
        if kind in reading.interactions:
            return reading.interactions[kind](asking, block, nodes)
    raise LeftOut("open_type", kind, name=asking.title)


READINGS = Mappings("qti_reader", QtiReading)
