"""The reader of QTI: the items of an XML file or a package, of version 1.2 and of 2.x and 3.0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default_of
from decimal import Decimal
from typing import Any

from cbt.errors import InvalidInput
from cbt.interchange import markdown, raw_items
from cbt.interchange import text as tree
from cbt.interchange.archive import Package, PackageFiles, beside
from cbt.interchange.qti import interactions as words
from cbt.interchange.qti.interactions import TOOL, Asking, ask, declarations, points_of
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.items.types.true_false.qti_reader import truths

_LOW, _HIGH = ("vargte", "vargt"), ("varlte", "varlt")


class Conditions:
    """What earns points, by the names of responses."""

    def __init__(self, item: Any) -> None:
        """Read the conditions that give points."""
        self._right: dict[str, list[str]] = {}
        self._ranges: dict[str, list[tuple[Decimal, Decimal]]] = {}
        self.shares = False
        earned = [(_worth(node), node) for node in tree.descendants(item, "respcondition")]
        paying = [(worth, node) for worth, node in earned if worth > 0]
        best: dict[str, Decimal] = {}
        for worth, node in paying:
            for equal in _positive(node, "varequal"):
                name, value = equal.get("respident") or "", tree.words(equal)
                self.shares = self.shares or best.setdefault(name, worth) != worth
                if value not in self._right.setdefault(name, []):
                    self._right[name].append(value)
            self._range(node)

    def right(self, name: str) -> list[str]:
        """Return the values that earn points for a response, in the order they stand in."""
        return self._right.get(name, [])

    def numbers(self, name: str) -> list[tuple[Decimal, Decimal]]:
        """Return each number that is right with its tolerance: the values, else the middles of the ranges."""
        values = [raw_items.number(text) for text in self.right(name)]
        ranges = self._ranges.get(name, [])
        exact = [value for value in values if value is not None]
        if len(exact) == 1 and len(ranges) == 1:
            middle, width = raw_items.between(*ranges[0])
            if middle == exact[0]:
                return [(exact[0], width)]
        if ranges and not exact:
            return [raw_items.between(low, high) for low, high in ranges]
        return [(value, Decimal(0)) for value in exact] + [raw_items.between(*one) for one in ranges]

    def _range(self, node: Any) -> None:
        ends: dict[str, list[Decimal | None]] = {}
        for place, names in enumerate((_LOW, _HIGH)):
            for child in _positive(node, *names):
                bounds = ends.setdefault(child.get("respident") or "", [None, None])
                bounds[place] = raw_items.number(tree.words(child))
        for name, (low, high) in ends.items():
            if low is not None and high is not None and low <= high:
                self._ranges.setdefault(name, []).append((low, high))


def _worth(node: Any) -> Decimal:
    """Return what a condition adds to or sets as the score."""
    amount = Decimal(0)
    for child in tree.children(node, "setvar"):
        if (child.get("varname") or "SCORE").upper() in {"SCORE", "QUE_SCORE", "TOTAL"}:
            value = raw_items.number(tree.words(child)) or Decimal(0)
            amount = -value if (child.get("action") or "Set").lower() == "subtract" else value
    return amount


def _positive(node: Any, *names: str) -> list[Any]:
    """Return the tests of a condition that must hold, not those that must not."""
    nodes = []
    for descendant in tree.descendants(node, *names):
        around = [tree.local(above) for above in descendant.iterancestors()]
        if "not" not in around[: around.index("respcondition")]:
            nodes.append(descendant)
    return nodes


RESPONSES = ("response_lid", "response_str", "response_num", "response_xy", "response_grp")
MARK = "\ufdec{}\ufded"
"""Stands for what is asked while the text around it is put together."""
_PICTURES = frozenset({"matimage"})
_MEDIA = frozenset({"mataudio", "matvideo", "matapplet", "matapplication"})


@dataclass(slots=True)
class Response12:
    """One thing asked: its element, its name, its choices by their names, the words right before it."""

    node: Any
    name: str
    texts: dict[str, str] = default_of(default_factory=dict)
    own: str = ""

    @property
    def kind(self) -> str:
        return tree.local(self.node)

    @property
    def several(self) -> bool:
        return (self.node.get("rcardinality") or "Single").lower() == "multiple"

    @property
    def ordered(self) -> bool:
        return (self.node.get("rcardinality") or "Single").lower() == "ordered"

    @property
    def long(self) -> bool:
        fib = next(tree.descendants(self.node, "render_fib"), None)
        rows = (fib.get("rows") or "1") if fib is not None else "1"
        return rows.isdigit() and int(rows[:4]) > 1

    @property
    def numeric(self) -> bool:
        fib = next(tree.descendants(self.node, "render_fib"), None)
        kind = (fib.get("fibtype") or "").lower() if fib is not None else ""
        return self.kind == "response_num" or kind in {"decimal", "integer", "scientific"}

    @property
    def fixed(self) -> bool:
        shown = next(tree.descendants(self.node, "render_choice"), None)
        return shown is not None and (shown.get("shuffle") or "").lower() == "no"


class Presentation:
    """The texts of an item in their order, with a mark for each thing asked."""

    def __init__(self, gleaning: Gleaning, node: Any | None) -> None:
        self.asked: list[Response12] = []
        self._found = gleaning
        self._parts: list[str] = []
        if node is not None:
            self._walk(node)
        self.text = markdown.tidy("\n\n".join(part for part in self._parts if part))

    @property
    def stem(self) -> str:
        text = self.text
        for place in range(1, len(self.asked) + 1):
            text = text.replace(MARK.format(place), "")
        return markdown.tidy(text)

    def blanks(self) -> str:
        text = self.text
        for place in range(1, len(self.asked) + 1):
            text = text.replace(f"\n\n{MARK.format(place)}", MARK.format(place))
            text = text.replace(f"{MARK.format(place)}\n\n", MARK.format(place))
            text = text.replace(MARK.format(place), f"{{{{{place}}}}}")
        return text

    def _walk(self, node: Any) -> None:
        for child in node:
            name = tree.local(child)
            if name in RESPONSES:
                self._response(child)
            elif name == "material":
                self._parts.append(material(self._found, child))
            else:
                self._walk(child)

    def _response(self, node: Any) -> None:
        response = Response12(node, node.get("ident") or "")
        inside = [child for child in node if tree.local(child) == "material"]
        response.own = "\n\n".join(text for held in inside if (text := material(self._found, held)))
        for label in tree.descendants(node, "response_label"):
            texts = [material(self._found, held) for held in tree.descendants(label, "material")]
            if texts:
                response.texts[label.get("ident") or ""] = " ".join(text for text in texts if text)
        self.asked.append(response)
        self._parts.append(MARK.format(len(self.asked)))


def material(gleaning: Gleaning, node: Any) -> str:
    """Return the words of a material; pictures and sounds in it are remarked on."""
    parts = []
    for child in node.iter():
        name = tree.local(child)
        if name in {"mattext", "matemtext"}:
            parts.append(_text(gleaning, child))
        elif name == "matbreak":
            parts.append("\n")
        elif name in _PICTURES:
            parts.append(_image(gleaning, child.get("uri") or ""))
        elif name in _MEDIA:
            gleaning.hint(markdown.MEDIA, child.get("uri") or name)
    return markdown.tidy("".join(parts))


def _text(gleaning: Gleaning, node: Any) -> str:
    text = "".join(node.itertext())
    kind = (node.get("texttype") or "text/plain").lower()
    if kind in {"text/html", "text/xhtml"} or (kind == "text/plain" and len(node)):
        done = (
            markdown.from_html(text, gleaning.medium)
            if not len(node)
            else markdown.from_nodes([node], gleaning.medium)
        )
        for code, value in done.lost:
            gleaning.hint(code, value)
        return done.markdown
    return markdown.literal(text.strip())


def _image(gleaning: Gleaning, address: str) -> str:
    medium = gleaning.medium(address, "")
    if medium is None:
        gleaning.hint(markdown.PICTURE, address)
    return medium or "［图］"


_TEXTS = frozenset({"response_str", "response_num"})


def make(gleaning: Gleaning, title: str, shown: Presentation, rules: Conditions) -> dict[str, Any]:
    """Return the item; raise LeftOut for what none of our types asks."""
    responses = shown.asked
    if rules.shares:
        gleaning.hint("open_weights", title)
    odd = next((one.kind for one in responses if one.kind not in {"response_lid", *_TEXTS}), "")
    if odd:
        raise LeftOut("open_type", odd, name=title)
    if len(responses) == 1:
        return _one(title, shown, responses[0], rules)
    if all(one.kind in _TEXTS and not one.long and not one.numeric for one in responses):
        return raw_items.fill(shown.blanks(), [rules.right(one.name) for one in responses])
    if all(one.kind == "response_lid" for one in responses):
        return _several(title, shown, rules)
    raise LeftOut("open_two", title, kinds=", ".join(sorted({one.kind for one in responses})))


def _one(title: str, shown: Presentation, response: Response12, rules: Conditions) -> dict[str, Any]:
    stem = markdown.tidy("\n\n".join(text for text in (shown.stem, response.own) if text))
    if response.kind == "response_lid":
        return _choices(title, stem, response, rules.right(response.name))
    numbers = rules.numbers(response.name)
    right = rules.right(response.name)
    if response.long or not (numbers or right):
        return raw_items.short_answer(stem, "\n".join(right))
    blank = shown.blanks() if not shown.blanks().endswith("{{1}}") else raw_items.with_blank(stem)
    if response.numeric or (numbers and not right) or any(width for _value, width in numbers):
        if len(numbers) != 1:
            raise LeftOut("open_numbers", title)
        return raw_items.numeric(blank, *numbers[0])
    return raw_items.fill(blank, [right])


def _choices(title: str, stem: str, response: Response12, right: list[str]) -> dict[str, Any]:
    if not right:
        raise LeftOut("open_no_key", title)
    if not set(right) <= response.texts.keys():
        raise LeftOut("open_key_unknown", ", ".join(right))
    if response.ordered:
        if len(right) != len(response.texts):
            raise LeftOut("open_key_unknown", ", ".join(right))
        return raw_items.ordering(stem, [response.texts[name] for name in right])
    truth = truths(response.texts) if len(response.texts) == 2 and not response.several else None
    if truth and len(right) == 1:
        return raw_items.true_false(stem, truth[right[0]])
    pairs = [(text, name in right) for name, text in response.texts.items()]
    return raw_items.choice(stem, pairs, multiple=response.several, fixed=response.fixed)


def _several(title: str, shown: Presentation, rules: Conditions) -> dict[str, Any]:
    """Return a 匹配 where each list has its own words and all offer the same, a 填空 of [names] in the text."""
    responses = shown.asked
    keys = [rules.right(one.name) for one in responses]
    if not all(keys):
        raise LeftOut("open_no_key", title)
    offered = [set(one.texts.values()) for one in responses]
    named = [one.own.strip() for one in responses]
    places = [f"[{markdown.literal(name)}]" for name in named]
    if all(name and shown.stem.count(place) == 1 for name, place in zip(named, places, strict=True)):
        return _in_the_text(title, shown.stem, responses, places, keys)
    if all(named) and all(one == offered[0] for one in offered) and all(len(key) == 1 for key in keys):
        pairs = [(one.own, one.texts.get(key[0], "")) for one, key in zip(responses, keys, strict=True)]
        if not all(right for _left, right in pairs):
            raise LeftOut("open_key_unknown", title)
        return raw_items.matching(shown.stem, pairs, responses[0].texts.values())
    raise LeftOut("open_two", title, kinds="response_lid")


def _in_the_text(
    title: str, stem: str, responses: list[Response12], places: list[str], keys: list[list[str]]
) -> dict[str, Any]:
    """Return the 填空 of a text with [names]: what is offered for each are the spellings that are right."""
    if any(len(key) != len(one.texts) for one, key in zip(responses, keys, strict=True)):
        raise LeftOut("open_two", title, kinds="dropdowns")
    order = sorted(range(len(responses)), key=lambda one: stem.index(places[one]))
    answer = []
    for number, place in enumerate(order, 1):
        stem = stem.replace(places[place], f"{{{{{number}}}}}")
        answer.append(
            [responses[place].texts[name] for name in keys[place] if name in responses[place].texts]
        )
    return raw_items.fill(stem, answer)


_NO_QUESTION = frozenset({"text_only_question"})
_LEFT_OUT = frozenset({"file_upload_question", "calculated_question", "hot_spot_question"})
"""By the names some systems give their types: what they ask cannot be told from the rest of the item."""


def read_version_1(gleaning: Gleaning, root: Any, file: str) -> None:
    nodes = [root] if tree.local(root) == "item" else list(tree.descendants(root, "item"))
    for node in nodes:
        with gleaning.item(file, node.sourceline or 1):
            _item(gleaning, node)


def _item(gleaning: Gleaning, node: Any) -> None:
    title = node.get("title") or node.get("ident") or ""
    about = _metadata(node)
    kind = about.get("question_type", "")
    if kind in _LEFT_OUT:
        raise LeftOut("open_type", kind, name=title)
    shown = Presentation(gleaning, tree.child(node, "presentation"))
    if kind in _NO_QUESTION or not shown.asked:
        gleaning.hint("open_no_question", title or shown.stem)
        return
    rules = Conditions(node)
    data = make(gleaning, title, shown, rules)
    letters = {name: letter for letter, name in zip(raw_items.LETTERS, shown.asked[0].texts, strict=False)}
    data |= _afterwards_1(gleaning, node, letters if len(shown.asked) == 1 else {})
    point = raw_items.point_in(about.get("point", "")) or raw_items.point_in(title)
    gleaning.add(
        "", ({"point": point} if point else {}) | data | raw_items.facts(about.get("tags", "").split(","))
    )


def _metadata(node: Any) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for field in tree.descendants(node, "qtimetadatafield"):
        label = tree.words(tree.child(field, "fieldlabel")).lower()
        fields.setdefault(label, tree.words(tree.child(field, "fieldentry")))
    return fields


def _afterwards_1(gleaning: Gleaning, node: Any, letters: Mapping[str, str]) -> dict[str, Any]:
    """Return the explanation: what is said to everybody, then to whoever picks a choice."""
    general: list[str] = []
    each: list[tuple[str, str]] = []
    for child in tree.children(node, "itemfeedback"):
        text = "\n\n".join(
            material_text
            for held in tree.descendants(child, "material")
            if (material_text := material(gleaning, held))
        )
        name = (child.get("ident") or "").removesuffix("_fb")
        if name in letters:
            each.append((letters[name], text))
        elif text and text not in general:
            general.append(text)
    return raw_items.explained("\n\n".join(general), sorted(each))


# The reader of QTI: the items of an XML file or a package, of all versions.
#
# One set of names serves 2.x and 3.0, which writes `qti-choice-interaction` for `choiceInteraction`.

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
        self.asking: set[str] = set()
        """The files of which it says that something is asked in them."""
        self._lines: dict[str, int] = {}
        self._said: dict[str, list[str]] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        resources = list(tree.descendants(root, "resource")) if root is not None else []
        self._identifiers = {node.get("identifier") for node in resources}
        self._dependencies: dict[str, int] = {}
        for node in resources:
            href = beside(name, node.get("href") or "")
            named = [beside(name, one.get("href") or "") for one in tree.children(node, "file")]
            new = [one for one in dict.fromkeys([href, *named]) if one and one not in self._lines]
            self._lines |= dict.fromkeys(new, node.sourceline or 1)
            self.files += new
            self.asking |= {href} if (node.get("type") or "").startswith("imsqti_item") else set()
            for one in tree.children(node, "dependency"):
                self._dependencies.setdefault(one.get("identifierref") or "", one.sourceline or 1)
            if href and (about := tree.child(node, "metadata")) is not None:
                self._about(href, about)
        self.order = {one: place for place, one in enumerate(self.files)}

    @classmethod
    def known(cls, name: str, tags: list[str]) -> Contents:
        """Return what a package says of one file that has these keywords."""
        contents = cls()
        contents._said[name], contents._facts[name] = tags, raw_items.facts(tags)
        return contents

    def missing(self, package: PackageFiles) -> list[tuple[str, int]]:
        """Return what is named and not there, with the line that names it."""
        files = [(name, line) for name, line in self._lines.items() if name not in package]
        others = [one for one in self._dependencies.items() if one[0] not in self._identifiers]
        return [*files, *others]

    def facts(self, name: str) -> dict[str, Any]:
        return self._facts.get(name, {})

    def tags(self, name: str) -> list[str]:
        return self._said.get(name, [])

    def _about(self, href: str, about: Any) -> None:
        facts: dict[str, Any] = {}
        for node in tree.descendants(about, "difficulty"):
            text = tree.words(tree.child(node, "value")).lower()
            if text in DIFFICULTIES:
                facts["difficulty"] = DIFFICULTIES.index(text) + 1
        for node in tree.descendants(about, "taxon"):
            text = tree.words(tree.child(node, "id")) or tree.words(node)
            if point := raw_items.point_in(text):
                facts["point"] = point
            elif text.isalnum() and len(text) <= 20:
                facts["point"] = text
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
        name = beside(self.name, address)
        return self.package.read(name) if self.package is not None and name in self.package else None

    def lacking(self, name: str, node: Any) -> InvalidInput:
        """Return the refusal of a package without a file that an element of this one needs."""
        return InvalidInput(
            "bank.package_missing", name=name, file=self.name, line=node.sourceline or 1, count=1
        )


def read_item(gleaning: Gleaning, root: Any, around: Around) -> None:
    """Take the item of a document; raise LeftOut for one that cannot come in."""
    title = root.get("title") or ""
    if root.get("adaptive") == "true":
        raise LeftOut("open_type", "adaptive", name=title)
    if next(tree.descendants(root, "templateDeclaration", "templateProcessing"), None) is not None:
        raise LeftOut("open_type", "templateProcessing", name=title)
    body = tree.child(root, "itemBody")
    nodes = interactions(body) if body is not None else []
    if body is None or not nodes:
        gleaning.hint("open_no_question", title or around.name)
        return
    gleaning.look = around.find
    pictures: dict[str, bytes] = {}
    asking = Asking(gleaning, root, declarations(root), around, pictures)
    for text in _stimuli(gleaning, root, around):
        body.insert(0, text)
    if (len(nodes) == 1 or _are_blanks(nodes)) and not _parts_marked(root, body):
        data = ask(asking, body, nodes)
        data |= _afterwards(asking, body, data)
    else:
        data = _case(replace(asking, pictures=None), body, title)
    facts = around.manifest.facts(around.name)
    ref = raw_items.ref_of(root.get("label") or "") if root.get("toolName") == TOOL else ""
    for number, part in enumerate(data.get("parts", []), 1):
        part |= raw_items.part_facts(around.manifest.tags(around.name), number)
    point = {"point": code} if (code := raw_items.point_in(title)) else {}
    gleaning.add(ref, point | data | facts, pictures)


def interactions(node: Any) -> list[Any]:
    named = (one for one in node.iter() if tree.local(one).endswith(INTERACTION))
    return [one for one in named if tree.local(one) not in NO_ANSWER]


def _are_blanks(nodes: list[Any]) -> bool:
    return all(tree.local(one) == BLANKS for one in nodes)


def _parts_marked(root: Any, body: Any) -> bool:
    return root.get("toolName") == TOOL and any(PART in (one.get("class") or "").split() for one in body)


def _afterwards(asking: Asking, body: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return the explanation: what is said afterwards, and what markers are told of what machines mark."""
    feedback = words.feedback(asking.found, asking.root)
    texts = list(feedback.values())
    if data["type"] != "short_answer":
        texts += [told for told in [words.for_markers(asking.found, body)] if told]
    general = "\n\n".join(texts)
    choices = data.pop("feedback", [])
    return raw_items.explained(general, choices)


def _stimuli(gleaning: Gleaning, root: Any, around: Around) -> list[Any]:
    """Return the bodies of the texts that an item shares with others, from the last one on."""
    bodies = []
    for node in tree.children(root, "assessmentStimulusRef"):
        name = beside(around.name, node.get("href") or "")
        if around.package is None:
            raise LeftOut("open_missing", node.get("href") or "")
        if name not in around.package:
            raise around.lacking(node.get("href") or "", node)
        held = tree.child(_parsed(around.package, name), "stimulusBody")
        bodies += [held] if held is not None else []
    return bodies[::-1]


def _case(asking: Asking, body: Any, title: str) -> dict[str, Any]:
    """Return the case of several questions, each of which stands in a block of its own."""
    body = _unwrapped(body)
    stimulus: list[str] = []
    parts: list[dict[str, Any]] = []
    explanations = words.feedback(asking.found, asking.root)
    for block in body:
        nodes = interactions(block)
        if not nodes:
            stimulus.append(words.written(asking.found, [block]))
        elif len(nodes) > 1 and not _are_blanks(nodes):
            kinds = sorted({tree.local(one) for one in nodes})
            raise LeftOut("open_two", title, kinds=", ".join(kinds))
        else:
            parts.append(_part(asking, block, nodes, explanations, len(parts) + 1))
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
    asking: Asking, block: Any, nodes: list[Any], explanations: dict[str, str], number: int
) -> dict[str, Any]:
    data = ask(asking, block, nodes)
    if not data["stem"].strip():
        raise LeftOut("open_part_stem", str(number))
    explanation = explanations.get(f"explanation_{number}", "")
    marked = words.for_markers(asking.found, block) if data["type"] != "short_answer" else ""
    general = "\n\n".join(one for one in (explanation, marked) if one)
    points = points_of(asking.root, nodes[0].get("responseIdentifier") or "")
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

    Raise InvalidInput as `Package` does, as `tree.parse` does for a file that stands alone, and for a package that
    lacks a file or has one that cannot be read: nothing of it comes in.
    """
    return gather(body).encoded()


def gather(body: bytes) -> Gleaning:
    """Return the items of a file or a package and what could not be read of it."""
    gleaning = Gleaning()
    if body.startswith(_ZIP):
        _package(gleaning, Package(body))
        return gleaning
    root = unified(tree.parse(body))
    if not _document(gleaning, root, "", None, Contents()):
        raise InvalidInput("bank.xml_broken", line=root.sourceline or 1)
    return gleaning


def _package(gleaning: Gleaning, package: Package) -> None:
    manifest = Contents(_parsed(package, MANIFEST) if MANIFEST in package else None, MANIFEST)
    if missing := manifest.missing(package):
        name, line = missing[0]
        raise InvalidInput("bank.package_missing", name=name, file=MANIFEST, line=line, count=len(missing))
    for name in sorted(package.names, key=lambda one: manifest.order.get(one, len(manifest.order))):
        if name == MANIFEST or not name.lower().endswith(_DOCUMENTS):
            continue
        root = _parsed(package, name)
        if not _document(gleaning, root, name, package, manifest) and name in manifest.asking:
            raise InvalidInput("bank.package_file", name=name, line=root.sourceline or 1)


def _parsed(package: PackageFiles, name: str) -> Any:
    """Return a document of a package; one that cannot be read refuses it whole, with its place.

    Raise InvalidInput("bank.package_file"), ("bank.package_entry") for one that is damaged.
    """
    try:
        return unified(tree.parse(package.read(name)))
    except InvalidInput as error:
        if error.code in {"bank.package_nested", "bank.package_too_big"}:
            raise
        if error.code == "bank.package_broken":
            raise InvalidInput("bank.package_entry", name=name) from error
        raise InvalidInput("bank.package_file", name=name, line=error.params.get("line", 1)) from error


def _document(gleaning: Gleaning, root: Any, name: str, package: Package | None, manifest: Contents) -> bool:
    """Read one document; return whether it is one that holds items."""
    kind = tree.local(root)
    if kind == "assessmentItem":
        with gleaning.item(name, root.sourceline or 1):
            read_item(gleaning, root, Around(name, package, manifest))
    elif kind in {"questestinterop", "item"}:
        gleaning.look = Around(name, package, manifest).find
        read_version_1(gleaning, root, name)
    elif kind in {"assessmentTest", "assessmentSection"}:
        gleaning.file, gleaning.line = name, root.sourceline or 1
        gleaning.hint("open_test", root.get("title") or name)
    else:
        return False
    return True
