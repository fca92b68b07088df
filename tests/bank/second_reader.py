"""A second reader of QTI packages that shares nothing with the product: what the standard asks, how it scores.

It knows the part of QTI 2.2 and 3.0 that a bank of ours can need, as a table of what may stand in what, and works
out the score of given responses from the response processing alone.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

SPACES = {
    "http://www.imsglobal.org/xsd/imsqti_v2p2": "2.2",
    "http://www.imsglobal.org/xsd/imsqtiasi_v3p0": "3.0",
}
KINDS = {"2.2": "imsqti_item_xmlv2p2", "3.0": "imsqti_item_xmlv3p0"}
MANIFESTS = {
    "2.2": "http://www.imsglobal.org/xsd/imscp_v1p1",
    "3.0": "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
}
MATHML = "http://www.w3.org/1998/Math/MathML"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
INLINE = {"br", "strong", "em", "textEntryInteraction", "math"}
BLOCK = {"p", "ol", "ul", "table", "div"}
ASKING = {
    "hotspotInteraction",
    "choiceInteraction",
    "orderInteraction",
    "matchInteraction",
    "extendedTextInteraction",
}
TESTS = {"match", "equal", "gt", "and"}
MAY_HOLD: Mapping[str, set[str]] = {
    "assessmentItem": {"responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing",
                       "modalFeedback"},
    "responseDeclaration": {"correctResponse", "mapping"},
    "outcomeDeclaration": {"defaultValue"},
    "correctResponse": {"value"},
    "defaultValue": {"value"},
    "mapping": {"mapEntry"},
    "itemBody": BLOCK | ASKING | {"rubricBlock"},
    "div": BLOCK | ASKING | {"rubricBlock"},
    "rubricBlock": BLOCK | {"contentBody"},
    "modalFeedback": BLOCK | {"contentBody"},
    "contentBody": BLOCK,
    "p": INLINE, "strong": INLINE, "em": INLINE, "li": INLINE | BLOCK, "td": INLINE, "th": INLINE,
    "ol": {"li"}, "ul": {"li"}, "table": {"thead", "tbody"}, "thead": {"tr"}, "tbody": {"tr"}, "tr": {"td", "th"},
    "choiceInteraction": {"simpleChoice"},
    "orderInteraction": {"simpleChoice"},
    "matchInteraction": {"simpleMatchSet"},
    "hotspotInteraction": {"object", "hotspotChoice"},
    "simpleMatchSet": {"simpleAssociableChoice"},
    "simpleChoice": {"br", "strong", "em", "math"},
    "simpleAssociableChoice": {"br", "strong", "em", "math"},
    "responseProcessing": {"responseCondition", "setOutcomeValue"},
    "responseCondition": {"responseIf"},
    "responseIf": TESTS | {"setOutcomeValue"},
    "and": TESTS, "match": {"variable", "correct"}, "equal": {"variable", "correct"},
    "gt": {"mapResponse", "baseValue"},
    "setOutcomeValue": {"baseValue", "sum", "multiple"},
    "sum": {"variable"}, "multiple": {"baseValue"},
}  # fmt: skip
HOLDS_TEXT = INLINE | {
    "object",
    "p",
    "li",
    "td",
    "th",
    "value",
    "simpleChoice",
    "simpleAssociableChoice",
    "baseValue",
}
ORDER = ("responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing", "modalFeedback")


class Node:
    """One element under the names of 2.x, whatever its version writes."""

    def __init__(self, element: ET.Element, version: str) -> None:
        self.space, _brace, name = element.tag.rpartition("}")
        self.space = self.space.lstrip("{")
        self.name = camel(name.removeprefix("qti-")) if version == "3.0" else name
        assert (version == "3.0") == name.startswith("qti-") or self.name in INLINE | BLOCK | {
            "li", "td", "th", "tr", "thead", "tbody", "object"} or self.space == MATHML, name  # fmt: skip
        self.given = {camel(key) if version == "3.0" else key: value for key, value in element.attrib.items()}
        self.text = element.text or ""
        self.tails = [one.tail or "" for one in element]
        self.inside = [] if self.name == "math" else [Node(one, version) for one in element]

    def all(self, *names: str) -> list[Node]:
        return [
            one for child in self.inside for one in [child, *child.all()] if not names or one.name in names
        ]

    def of(self, *names: str) -> list[Node]:
        return [one for one in self.inside if one.name in names]

    def words(self) -> str:
        pairs = zip(self.inside, self.tails, strict=False)
        return self.text + "".join(one.words() + tail for one, tail in pairs)


def camel(name: str) -> str:
    return re.sub(r"-([a-z])", lambda found: found[1].upper(), name)


class SecondItem:
    """One item of a package: checked when it is made, then asked for the score of responses."""

    def __init__(self, body: bytes) -> None:
        root = ET.fromstring(body)
        self.version = SPACES[root.tag[1:].partition("}")[0]]
        self.root = Node(root, self.version)
        self.responses = {one.given["identifier"]: one for one in self.root.of("responseDeclaration")}
        self.outcomes = {one.given["identifier"]: one for one in self.root.of("outcomeDeclaration")}
        self._check(self.root)
        self._references()

    def _check(self, node: Node) -> None:
        """Hold an element against the table: what may stand in it, and whether words may."""
        held = [one.name for one in node.inside]
        assert set(held) <= MAY_HOLD.get(node.name, set()), (node.name, held)
        if node.name not in HOLDS_TEXT:
            assert not (node.text + "".join(node.tails)).strip(), node.name
        for one in node.inside:
            assert one.space == MATHML if one.name == "math" else one.space in SPACES, one.name
            self._check(one)

    def _references(self) -> None:
        root = self.root
        places = [ORDER.index(one.name) for one in root.inside]
        assert places == sorted(places)
        assert {"identifier", "title", "adaptive", "timeDependent"} <= root.given.keys()
        names = [one.given["identifier"] for one in [root, *root.all()] if "identifier" in one.given and one.name in
                 {"assessmentItem", "responseDeclaration", "outcomeDeclaration"}]  # fmt: skip
        assert len(set(names)) == len(names)
        assert all(NAME.fullmatch(name) for name in names), names
        asked = [one for one in root.all() if one.name.endswith("Interaction")]
        assert sorted(one.given["responseIdentifier"] for one in asked) == sorted(self.responses)
        for one in asked:
            choices = [
                c.given["identifier"]
                for c in one.all("simpleChoice", "simpleAssociableChoice", "hotspotChoice")
            ]
            assert len(set(choices)) == len(choices)
            declared = self.responses[one.given["responseIdentifier"]]
            right = self.correct(declared.given["identifier"])
            if choices:
                assert {part for value in right for part in value.split()} <= set(choices)
            if one.name == "orderInteraction":
                assert declared.given["cardinality"] == "ordered"
                assert sorted(right) == sorted(choices)
            if one.name == "choiceInteraction":
                assert (declared.given["cardinality"] == "multiple") == (one.given["maxChoices"] == "0")
        for one in root.all("variable", "setOutcomeValue", "correct", "mapResponse"):
            assert one.given["identifier"] in self.responses | self.outcomes
        shown = {one.given["identifier"] for one in root.of("modalFeedback")}
        named = {one.words() for one in root.all("baseValue") if one.given["baseType"] == "identifier"}
        assert shown == named

    def correct(self, name: str) -> list[str]:
        held = self.responses[name].of("correctResponse")
        return [value.words() for value in held[0].of("value")] if held else []

    def score(self, given: Mapping[str, list[str]]) -> Decimal:
        """Return what responses earn by the processing of the item."""
        values = {name: Decimal(0) for name in self.outcomes}
        for rule in [one for held in self.root.of("responseProcessing") for one in held.inside]:
            if rule.name == "setOutcomeValue":
                self._set(rule, values)
                continue
            (branch,) = rule.inside
            test, *acts = branch.inside
            if self._holds(test, given):
                for act in acts:
                    self._set(act, values)
        return values["SCORE"]

    def _set(self, act: Node, values: dict[str, Decimal]) -> None:
        (value,) = act.inside
        if value.name == "sum":
            values[act.given["identifier"]] = sum(
                (values[one.given["identifier"]] for one in value.inside), Decimal(0)
            )
        elif value.name == "baseValue":
            values[act.given["identifier"]] = Decimal(value.words())

    def _holds(self, test: Node, given: Mapping[str, list[str]]) -> bool:
        if test.name == "and":
            return all(self._holds(one, given) for one in test.inside)
        name = test.inside[0].given["identifier"]
        said, right = given.get(name, []), self.correct(name)
        if test.name == "gt":
            entries = {one.given["mapKey"].lower(): Decimal(one.given["mappedValue"]) for one in
                       self.responses[name].all("mapEntry")}  # fmt: skip
            return sum((entries.get(one.lower(), Decimal(0)) for one in said), Decimal(0)) > 0
        if test.name == "equal":
            low, high = map(Decimal, test.given["tolerance"].split())
            return bool(said) and Decimal(right[0]) - low <= Decimal(said[0]) <= Decimal(right[0]) + high
        if self.responses[name].given["cardinality"] == "ordered":
            return said == right
        return sorted(said) == sorted(right)


def read_package(body: bytes) -> list[SecondItem]:
    """Return the items of a package in the order of its manifest, which must name every file and no other."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        manifest = ET.fromstring(archive.read("imsmanifest.xml"))
        space = manifest.tag[1:].partition("}")[0]
        found = []
        named = {"imsmanifest.xml"}
        for resource in manifest.iter(f"{{{space}}}resource"):
            href = resource.attrib["href"]
            files = [one.attrib["href"] for one in resource.findall(f"{{{space}}}file")]
            assert files[0] == href
            named |= set(files)
            item = SecondItem(archive.read(href))
            pictures = [one.given["data"] for one in item.root.all("object")]
            assert [f"items/{one}" for one in pictures] == [f"items/../{one}" for one in files[1:]]
            assert (resource.attrib["type"], space) == (KINDS[item.version], MANIFESTS[item.version])
            found.append(item)
        assert named == set(archive.namelist())
        identifiers: list[Any] = [one.root.given["identifier"] for one in found]
        assert len(set(identifiers)) == len(identifiers)
        return found
