"""The child's side of Moodle XML: each question by its type; what is of no type we have is left out by name."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.moodle.cloze import cloze
from cbt.bank.formats.moodle.mapping import MoodleMapping
from cbt.bank.formats.moodle.texts import MoodleQuestion
from cbt.bank.items.types.folders import Mappings
from cbt.errors import InvalidInput

MAPPINGS = Mappings("moodle", MoodleMapping)
NO_QUESTION = frozenset({"description"})
_MIXED = frozenset({"cloze", "multianswer"})


def read(body: bytes) -> bytes:
    """Return the items of a Moodle XML file.

    Raise InvalidInput as `tree.parse` does, ("bank.xml_broken") for another document.
    """
    return gather(body).encoded()


def gather(body: bytes) -> Gleaning:
    """Return the items of a Moodle XML file and what could not be read of it."""
    root = tree.parse(body)
    if tree.local(root) != "quiz":
        raise InvalidInput("bank.xml_broken", line=root.sourceline or 1)
    found, point = Gleaning(), ""
    for node in tree.children(root, "question"):
        if node.get("type") == "category":
            point = questions.point_in(tree.words(tree.child(node, "category")))
            continue
        with found.item("", node.sourceline or 1):
            _question(found, node, point)
    return found


def _question(found: Gleaning, node: Any, point: str) -> None:
    kind = (node.get("type") or "").strip()
    asked = MoodleQuestion(node, found)
    if kind in NO_QUESTION:
        found.hint("open_no_question", asked.name or kind)
        return
    readers = (mapping.reads[kind] for mapping in MAPPINGS.values() if kind in mapping.reads)
    make = cloze if kind in _MIXED else next(readers, None)
    if make is None:
        raise LeftOut("open_type", kind, name=asked.name)
    data = make(asked)
    tags = [tree.words(tree.child(one, "text")) for one in tree.descendants(node, "tag")]
    place = {"point": known} if (known := point or questions.point_in(asked.name)) else {}
    ref = questions.ref_of(tree.words(tree.child(node, "idnumber")))
    found.add(ref, place | data | questions.facts(tags))
