"""The items of a QTI 1.2 document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.qti.old.conditions import Conditions
from cbt.bank.formats.qti.old.making import make
from cbt.bank.formats.qti.old.presentation import Presentation, material

_NO_QUESTION = frozenset({"text_only_question"})
_LEFT_OUT = frozenset({"file_upload_question", "calculated_question", "hot_spot_question"})
"""By the names some systems give their types: what they ask cannot be told from the rest of the item."""


def read(found: Gleaning, root: Any, file: str) -> None:
    """Take every item of a document."""
    nodes = [root] if tree.local(root) == "item" else list(tree.descendants(root, "item"))
    for node in nodes:
        with found.item(file, node.sourceline or 1):
            _item(found, node)


def _item(found: Gleaning, node: Any) -> None:
    title = node.get("title") or node.get("ident") or ""
    about = _metadata(node)
    kind = about.get("question_type", "")
    if kind in _LEFT_OUT:
        raise LeftOut("open_type", kind, name=title)
    shown = Presentation(found, tree.child(node, "presentation"))
    if kind in _NO_QUESTION or not shown.asked:
        found.hint("open_no_question", title or shown.stem)
        return
    rules = Conditions(node)
    data = make(found, title, shown, rules)
    letters = {name: letter for letter, name in zip(questions.LETTERS, shown.asked[0].texts, strict=False)}
    data |= _afterwards(found, node, letters if len(shown.asked) == 1 else {})
    point = questions.point_in(about.get("point", "")) or questions.point_in(title)
    found.add(
        "", ({"point": point} if point else {}) | data | questions.facts(about.get("tags", "").split(","))
    )


def _metadata(node: Any) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for field in tree.descendants(node, "qtimetadatafield"):
        label = tree.words(tree.child(field, "fieldlabel")).lower()
        fields.setdefault(label, tree.words(tree.child(field, "fieldentry")))
    return fields


def _afterwards(found: Gleaning, node: Any, letters: Mapping[str, str]) -> dict[str, Any]:
    """Return the explanation: what is said to everybody, then to whoever picks a choice."""
    general: list[str] = []
    each: list[tuple[str, str]] = []
    for one in tree.children(node, "itemfeedback"):
        text = "\n\n".join(
            said for held in tree.descendants(one, "material") if (said := material(found, held))
        )
        name = (one.get("ident") or "").removesuffix("_fb")
        if name in letters:
            each.append((letters[name], text))
        elif text and text not in general:
            general.append(text)
    return questions.explained("\n\n".join(general), sorted(each))
