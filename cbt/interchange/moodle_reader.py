"""The reader of Moodle XML: the items of a quiz, with its cloze texts.

A cloze is a text with its answers in it, `{1:SHORTANSWER:=one~=other}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from cbt.errors import InvalidInput
from cbt.interchange import raw_items
from cbt.interchange import text as tree
from cbt.interchange.moodle_question import MoodleMapping, MoodleQuestion
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.items.types.folders import Mappings

# Looks for an end first, and once: a text that opens a gap again and again is gone through for each of them.
_PIECE = re.compile(r"\{(\d*):([A-Z_]{1,24}):(?=[^}]{0,10000}+\})((?:[^}\\]|\\.){0,5000}+)\}", re.DOTALL)
_UNGUARDED = r"(?<!\\)(?<!&)(?<!&amp;)"
"""No stroke before a sign, and no `&`: the `#` of an entity ends nothing."""
_OPTION, _FEEDBACK = re.compile(f"{_UNGUARDED}~"), re.compile(f"{_UNGUARDED}#")
_GUARDED = re.compile(r"\\([}#~/\"\\])")
_WEIGHT = re.compile(r"(=|%-?\d{1,3}(?:\.\d+)?%)?")
_WORDS = frozenset({"SHORTANSWER", "SA", "MW", "SHORTANSWER_C", "SAC", "MWC"})
_NUMBER = frozenset({"NUMERICAL", "NM"})
_ONE = re.compile(r"(?:MULTICHOICE|MC)(?:_?[VHS]{1,2})?")
MARK = "\ufdea{}\ufdeb"
"""Stands for a piece while the text around it is read: braces mean nothing in it then."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One answer in the text: its kind, and each option with whether it is fully right."""

    kind: str
    options: list[tuple[str, bool]]


def cloze(question: MoodleQuestion) -> dict[str, Any]:
    """Return a 填空 of texts, a 计算 of one number or a 单选 of one choice; any other mixture is left out."""
    holder = tree.child(question.node, "questiontext")
    pieces: list[Piece] = []

    def piece(match: re.Match[str]) -> str:
        pieces.append(_piece(match[2], match[3]))
        return MARK.format(len(pieces))

    def marked(raw: str) -> str:
        return _PIECE.sub(piece, raw)

    text = "" if holder is None else question.formatted(holder, "html", change=marked)
    data = _item(question, text, pieces)
    return data | raw_items.explained(question.general, [])


def _piece(kind: str, inner: str) -> Piece:
    options = []
    for option in _OPTION.split(inner):
        mark = _WEIGHT.match(option)
        weight = (mark[1] or "") if mark else ""
        text = _FEEDBACK.split(option[len(weight) :])[0]
        options.append(
            (unescape(_GUARDED.sub(r"\1", text)).strip(), weight == "=" or weight.startswith("%100"))
        )
    return Piece(kind, options)


def _item(question: MoodleQuestion, text: str, pieces: list[Piece]) -> dict[str, Any]:
    kinds = {one.kind for one in pieces}
    if not pieces:
        raise LeftOut("open_no_key", question.name)
    if kinds <= _WORDS:
        if kinds & {"SHORTANSWER_C", "SAC", "MWC"}:
            question.found.hint("open_case", question.name)
        answer = [
            raw_items.sound_spellings(question.found, [word for word, right in one.options if right])
            for one in pieces
        ]
        for place in range(1, len(pieces) + 1):
            text = text.replace(MARK.format(place), f"{{{{{place}}}}}")
        return raw_items.fill(text, answer)
    if len(pieces) > 1:
        raise LeftOut("open_two", question.name, kinds=", ".join(sorted(kinds)))
    only = pieces[0]
    if only.kind in _NUMBER:
        return _numeric(text, only)
    if _ONE.fullmatch(only.kind):
        stem = text.replace(MARK.format(1), raw_items.BLANK)
        return raw_items.choice(stem, only.options, multiple=False)
    raise LeftOut("open_type", f"cloze {only.kind}", name=question.name)


def _numeric(text: str, only: Piece) -> dict[str, Any]:
    right = [value for value, sound in only.options if sound]
    if len(right) != 1:
        raise LeftOut("open_numbers" if right else "open_no_key", text)
    value, _sign, width = right[0].partition(":")
    answer, tolerance = raw_items.number(value), raw_items.number(width or "0")
    if answer is None or tolerance is None or tolerance < 0:
        raise LeftOut("open_number", right[0])
    return raw_items.numeric(text.replace(MARK.format(1), "{{1}}"), answer, tolerance)


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
    gleaning, point = Gleaning(), ""
    for node in tree.children(root, "question"):
        if node.get("type") == "category":
            point = raw_items.point_in(tree.words(tree.child(node, "category")))
            continue
        with gleaning.item("", node.sourceline or 1):
            _question(gleaning, node, point)
    return gleaning


def _question(gleaning: Gleaning, node: Any, point: str) -> None:
    kind = (node.get("type") or "").strip()
    question = MoodleQuestion(node, gleaning)
    if kind in NO_QUESTION:
        gleaning.hint("open_no_question", question.name or kind)
        return
    readers = (mapping.reads[kind] for mapping in MAPPINGS.values() if kind in mapping.reads)
    make = cloze if kind in _MIXED else next(readers, None)
    if make is None:
        raise LeftOut("open_type", kind, name=question.name)
    data = make(question)
    tags = [tree.words(tree.child(one, "text")) for one in tree.descendants(node, "tag")]
    place = {"point": code} if (code := point or raw_items.point_in(question.name)) else {}
    ref = raw_items.ref_of(tree.words(tree.child(node, "idnumber")))
    gleaning.add(ref, place | data | raw_items.facts(tags))
