"""The reader of QTI: the items of an XML file or a package, of all versions.

One set of names serves 2.x and 3.0, which writes `qti-choice-interaction` for `choiceInteraction`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from cbt.errors import InvalidInput
from cbt.interchange import raw_items
from cbt.interchange import text as tree
from cbt.interchange.archive import Package, PackageFiles, beside
from cbt.interchange.qti import interactions as words
from cbt.interchange.qti import version_1 as old
from cbt.interchange.qti.interactions import TOOL, Asking, ask, declarations, points_of
from cbt.interchange.raw_items import Gleaning, LeftOut

_STEP = re.compile(r"-([a-z0-9])")
_KEPT = ("data-", "aria-")
INTERACTION = "Interaction"
NO_ANSWER = frozenset({"endAttemptInteraction"})
"""Buttons among the answers."""


def unified(root: Any) -> Any:
    """Rename what a tree of 3.0 has to the names of 2.x and return it; other elements stay as they are."""
    for node in root.iter():
        if not isinstance(node.tag, str):
            continue
        space, brace, name = node.tag.rpartition("}")
        if name.startswith("qti-"):
            node.tag = f"{space}{brace}{_camel(name[4:])}"
            for key in list(node.attrib):
                if "-" in key and not key.startswith(_KEPT):
                    node.set(_camel(key), node.get(key))
    return root


def _camel(name: str) -> str:
    return _STEP.sub(lambda found: found[1].upper(), name)


DIFFICULTIES = ("very easy", "easy", "medium", "difficult", "very difficult")
"""The words of LOM, from 1 to 5."""


class Contents:
    """The resources of a package; of no package: nothing."""

    def __init__(self, root: Any | None = None, name: str = "") -> None:
        """Read the document of a manifest."""
        self.files: list[str] = []
        self._said: dict[str, list[str]] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        for node in tree.descendants(root, "resource") if root is not None else ():
            href = beside(name, node.get("href") or "")
            named = [beside(name, one.get("href") or "") for one in tree.children(node, "file")]
            self.files += [one for one in dict.fromkeys([href, *named]) if one and one not in self.files]
            if href and (about := tree.child(node, "metadata")) is not None:
                self._about(href, about)
        self.order = {one: place for place, one in enumerate(self.files)}

    @classmethod
    def known(cls, name: str, tags: list[str]) -> Contents:
        """Return what a package says of one file that has these keywords."""
        one = cls()
        one._said[name], one._facts[name] = tags, raw_items.facts(tags)
        return one

    def facts(self, name: str) -> dict[str, Any]:
        """Return the fields of an item that stand in the metadata of its file."""
        return self._facts.get(name, {})

    def tags(self, name: str) -> list[str]:
        """Return the keywords of a file."""
        return self._said.get(name, [])

    def _about(self, href: str, about: Any) -> None:
        facts: dict[str, Any] = {}
        for node in tree.descendants(about, "difficulty"):
            said = tree.words(tree.child(node, "value")).lower()
            if said in DIFFICULTIES:
                facts["difficulty"] = DIFFICULTIES.index(said) + 1
        for node in tree.descendants(about, "taxon"):
            said = tree.words(tree.child(node, "id")) or tree.words(node)
            if point := raw_items.point_in(said):
                facts["point"] = point
            elif said.isalnum() and len(said) <= 20:
                facts["point"] = said
        tags = [tree.words(node) for node in tree.descendants(about, "keyword")]
        self._said[href] = tags
        self._facts[href] = facts | raw_items.facts(tags)


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


def read_item(found: Gleaning, root: Any, around: Around) -> None:
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
    ref = raw_items.ref_of(root.get("label") or "") if root.get("toolName") == TOOL else ""
    for number, part in enumerate(data.get("parts", []), 1):
        part |= raw_items.part_facts(around.manifest.tags(around.name), number)
    point = {"point": known} if (known := raw_items.point_in(title)) else {}
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
    return raw_items.explained(general, choices)


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
        **raw_items.explained("\n\n".join(whole.values()), []),
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
    data |= raw_items.explained(general, data.pop("feedback", []))
    return data | ({"points": points} if points else {})


def _unwrapped(body: Any) -> Any:
    """Return the innermost element whose blocks are all there is."""
    while len(body) == 1 and tree.local(body[0]) in _HOLDERS:
        body = body[0]
    return body


_ZIP = b"PK\x03\x04"
_DOCUMENTS = (".xml", ".qti")
MANIFEST = "imsmanifest.xml"


def read(body: bytes) -> bytes:
    """Return the items of an XML file or a package.

    Raise InvalidInput as `Package` does, and as `tree.parse` does for a file that stands alone.
    """
    return gather(body).encoded()


def gather(body: bytes) -> Gleaning:
    """Return the items of a file or a package and what could not be read of it."""
    found = Gleaning()
    if body.startswith(_ZIP):
        _package(found, Package(body))
        return found
    root = unified(tree.parse(body))
    if not _document(found, root, "", None, Contents()):
        raise InvalidInput("bank.xml_broken", line=root.sourceline or 1)
    return found


def _package(found: Gleaning, package: Package) -> None:
    manifest = Contents()
    if MANIFEST in package:
        manifest = Contents(tree.parse(package.read(MANIFEST)), MANIFEST)
    for name in manifest.files:
        if name not in package:
            found.file, found.line = name, 0
            found.wrong("open_missing", name)
    for name in sorted(package.names, key=lambda one: manifest.order.get(one, len(manifest.order))):
        if name == MANIFEST or not name.lower().endswith(_DOCUMENTS):
            continue
        try:
            root = unified(tree.parse(package.read(name)))
        except InvalidInput as error:
            if error.code == "bank.package_nested":
                raise
            found.file, found.line = name, 0
            found.wrong("open_file", name)
            continue
        _document(found, root, name, package, manifest)


def _document(found: Gleaning, root: Any, name: str, package: Package | None, manifest: Contents) -> bool:
    """Read one document; return whether it is one that holds items."""
    kind = tree.local(root)
    if kind == "assessmentItem":
        with found.item(name, root.sourceline or 1):
            read_item(found, root, Around(name, package, manifest))
    elif kind in {"questestinterop", "item"}:
        found.look = Around(name, package, manifest).find
        old.read(found, root, name)
    elif kind in {"assessmentTest", "assessmentSection"}:
        found.file, found.line = name, root.sourceline or 1
        found.hint("open_test", root.get("title") or name)
    else:
        return False
    return True
