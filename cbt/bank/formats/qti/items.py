"""An item of QTI 2.x or 3.0: one answer is an item, several are a case or are left out by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.package import PackageFiles, beside
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.qti import words
from cbt.bank.formats.qti.asking import TOOL, Asking, ask
from cbt.bank.formats.qti.keys import declarations, points_of
from cbt.bank.formats.qti.manifest import Contents
from cbt.bank.formats.qti.names import INTERACTION, NO_ANSWER, unified
from cbt.errors import InvalidInput

BLANKS = "textEntryInteraction"
_HOLDERS = frozenset({"div", "section", "article", "blockquote"})
PART = "part"
"""The class of what holds a part in our own packages."""


@dataclass(frozen=True, slots=True)
class Around:
    """Where an item stands: its file, the package, what the manifest says."""

    name: str
    package: PackageFiles | None
    manifest: Contents

    def find(self, address: str) -> bytes | None:
        """Return the file of the package that an address in the item names."""
        name = beside(self.name, address)
        return self.package.read(name) if self.package is not None and name in self.package else None


def read(found: Gleaning, root: Any, around: Around) -> None:
    """Take the item of a document; raise LeftOut for one that cannot come in."""
    title = root.get("title") or ""
    if root.get("adaptive") == "true":
        raise LeftOut("open_type", "adaptive", name=title)
    if next(tree.descendants(root, "templateDeclaration", "templateProcessing"), None) is not None:
        raise LeftOut("open_type", "templateProcessing", name=title)
    body = tree.child(root, "itemBody")
    asked = interactions(body) if body is not None else []
    if body is None or not asked:
        found.hint("open_no_question", title or around.name)
        return
    found.look = around.find
    pictures: dict[str, bytes] = {}
    asking = Asking(found, root, declarations(root), around, pictures)
    for text in _stimuli(found, root, around):
        body.insert(0, text)
    if (len(asked) == 1 or _are_blanks(asked)) and not _parts_marked(root, body):
        data = ask(asking, body, asked)
        data |= _afterwards(asking, body, data)
    else:
        data = _case(replace(asking, pictures=None), body, title)
    facts = around.manifest.facts(around.name)
    ref = questions.ref_of(root.get("label") or "") if root.get("toolName") == TOOL else ""
    for number, part in enumerate(data.get("parts", []), 1):
        part |= questions.part_facts(around.manifest.tags(around.name), number)
    point = {"point": known} if (known := questions.point_in(title)) else {}
    found.add(ref, point | data | facts, pictures)


def interactions(node: Any) -> list[Any]:
    """Return what is asked in an element, in order."""
    named = (one for one in node.iter() if tree.local(one).endswith(INTERACTION))
    return [one for one in named if tree.local(one) not in NO_ANSWER]


def _are_blanks(asked: list[Any]) -> bool:
    return all(tree.local(one) == BLANKS for one in asked)


def _parts_marked(root: Any, body: Any) -> bool:
    return root.get("toolName") == TOOL and any(PART in (one.get("class") or "").split() for one in body)


def _afterwards(asking: Asking, body: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return the explanation: what is said afterwards, and what markers are told of what machines mark."""
    said = words.feedback(asking.found, asking.root)
    texts = list(said.values())
    if data["type"] != "short_answer":
        texts += [told for told in [words.for_markers(asking.found, body)] if told]
    general = "\n\n".join(texts)
    choices = data.pop("feedback", [])
    return questions.explained(general, choices)


def _stimuli(found: Gleaning, root: Any, around: Around) -> list[Any]:
    """Return the bodies of the texts that an item shares with others, from the last one on."""
    bodies = []
    for node in tree.children(root, "assessmentStimulusRef"):
        name = beside(around.name, node.get("href") or "")
        if around.package is None or name not in around.package:
            raise LeftOut("open_missing", node.get("href") or "")
        try:
            shared = unified(tree.parse(around.package.read(name)))
        except InvalidInput as error:
            raise LeftOut("open_file", name) from error
        held = tree.child(shared, "stimulusBody")
        bodies += [held] if held is not None else []
    return bodies[::-1]


def _case(asking: Asking, body: Any, title: str) -> dict[str, Any]:
    """Return the case of several questions, each of which stands in a block of its own."""
    body = _unwrapped(body)
    stimulus: list[str] = []
    parts: list[dict[str, Any]] = []
    explanations = words.feedback(asking.found, asking.root)
    for block in body:
        asked = interactions(block)
        if not asked:
            stimulus.append(words.written(asking.found, [block]))
        elif len(asked) > 1 and not _are_blanks(asked):
            kinds = sorted({tree.local(one) for one in asked})
            raise LeftOut("open_two", title, kinds=", ".join(kinds))
        else:
            parts.append(_part(asking, block, asked, explanations, len(parts) + 1))
    text = "\n\n".join(one for one in stimulus if one) or title
    if not text:
        raise LeftOut("open_two", asking.around.name, kinds="—")
    whole = {name: said for name, said in explanations.items() if not name.startswith("explanation_")}
    return {
        "type": "case",
        "title": title or text.split("\n")[0][:60],
        "stimulus": text,
        "parts": parts,
        **questions.explained("\n\n".join(whole.values()), []),
    }


def _part(
    asking: Asking, block: Any, asked: list[Any], explanations: dict[str, str], number: int
) -> dict[str, Any]:
    data = ask(asking, block, asked)
    if not data["stem"].strip():
        raise LeftOut("open_part_stem", str(number))
    told = explanations.get(f"explanation_{number}", "")
    marked = words.for_markers(asking.found, block) if data["type"] != "short_answer" else ""
    general = "\n\n".join(one for one in (told, marked) if one)
    points = points_of(asking.root, asked[0].get("responseIdentifier") or "")
    data |= questions.explained(general, data.pop("feedback", []))
    return data | ({"points": points} if points else {})


def _unwrapped(body: Any) -> Any:
    """Return the innermost element whose blocks are all there is."""
    while len(body) == 1 and tree.local(body[0]) in _HOLDERS:
        body = body[0]
    return body
