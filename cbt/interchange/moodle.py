"""Moodle XML as a format of banks: items written as questions, and files of the format detected and read.

Texts are HTML, and a question's id is the item's ref.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import IO, Any

from cbt.errors import InvalidInput
from cbt.interchange import fragment, raw_items
from cbt.interchange.export import Luggage, Porter, back, proven
from cbt.interchange.format import Carried, Carries, Confidence, Content, Export, Format, OutForm
from cbt.interchange.intake import read as received
from cbt.interchange.markdown import escaped
from cbt.interchange.moodle_question import shown, text_element
from cbt.interchange.moodle_reader import MAPPINGS, gather
from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.media import NAME as MEDIUM
from cbt.items.media import PREFIX

FACTS = ("point", "difficulty", "consistency", "law", "enemies")
_COMMON = frozenset({"stem", "explanation", *FACTS})
CARRIES: Carried = Carries(MAPPINGS, _COMMON)
_TAGGED = (*FACTS, "decimals", "compute", "limit")
_HELD = re.compile(rf"<text>([^<]*&quot;{PREFIX}[^<]*)</text>")
_ADDRESS = re.compile(rf"(?<=&quot;){PREFIX}({MEDIUM.pattern})(?=&quot;)")


def write(export: Export, target: IO[bytes]) -> None:
    """Write every item that Moodle can hold, under the category of its point."""
    names = {point.code: point.name for point in export.taxonomy.points}
    porter = Porter(export, _prepared)
    target.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n')
    last = ""
    for draft, text in proven(
        export, CARRIES, lambda draft: _written(draft, porter.now), porter.prepared, _unshown, media=True
    ):
        point = str(draft.data.get("point", ""))
        if point != last:
            name = re.sub(r"[\s/]+", " ", f"{point} {names.get(point, '')}").strip()
            head = f"<category>{text_element(f'$course$/{name}')}</category>"
            target.write(f'<question type="category">{head}</question>\n'.encode())
            last = point
        target.write(f"{text}\n".encode())
    target.write(b"</quiz>\n")


def _prepared(draft: ItemDraft) -> ItemDraft:
    mapping = MAPPINGS.get(str(draft.data["type"]))
    return draft if mapping is None else draft.with_data(mapping.prepared(draft.data, fragment))


def _unshown(draft: ItemDraft) -> list[str]:
    return MAPPINGS[str(draft.data["type"])].unshown(draft.data, fragment)


def _written(draft: ItemDraft, luggage: Luggage) -> tuple[str, Mapping[str, Any] | None]:
    text = _with_files(question(draft), luggage)
    try:
        items = gather(f"<quiz>{text}</quiz>".encode()).items
    except InvalidInput:
        return text, None
    return text, back(items[0], luggage) if len(items) == 1 and items[0].ref == draft.ref else None


def _with_files(text: str, luggage: Luggage) -> str:
    """Return a question whose texts find their pictures and sounds beside them."""
    return _HELD.sub(lambda found: _held(found, luggage), text) if luggage.files else text


def _held(match: re.Match[str], luggage: Luggage) -> str:
    files: dict[str, str] = {}

    def linked(mark: re.Match[str]) -> str:
        name = luggage.files[mark[1]]
        files[name] = base64.b64encode(luggage.bodies[mark[1]]).decode()
        return f"@@PLUGINFILE@@/{name}"

    text = _ADDRESS.sub(lambda mark: linked(mark) if mark[1] in luggage.files else mark[0], match[1])
    beside = "".join(
        f'<file name="{name}" path="/" encoding="base64">{body}</file>' for name, body in files.items()
    )
    return f"<text>{text}</text>{beside}"


def question(draft: ItemDraft) -> str:
    """Return one item as a question."""
    data, mapping = draft.data, MAPPINGS[draft.data["type"]]
    head = (
        f'<question type="{mapping.kind(data)}"><name>{text_element(draft.ref)}</name>'
        f"{shown('questiontext', mapping.stem(data, fragment))}"
    )
    explanation = shown("generalfeedback", fragment.block(str(data.get("explanation", ""))))
    facts = raw_items.short_tags(raw_items.tags_of(data, _TAGGED))
    tags = "".join(f"<tag>{text_element(tag)}</tag>" for tag in facts)
    about = f"<idnumber>{escaped(draft.ref)}</idnumber>" + (f"<tags>{tags}</tags>" if tags else "")
    return f"{head}{explanation}{about}{''.join(mapping.answers(data, fragment))}</question>"


FORM = OutForm("moodle", ".xml", "application/xml", write, CARRIES, media=True)


NAME = "moodle"
_TASK = "cbt.interchange.moodle_reader:read"
_ROOT = re.compile(rb"<quiz[\s>/]")


def detect(content: Content, _name: str) -> Confidence:
    if not isinstance(content, bytes):
        return Confidence.NO
    head = content[:8_000].replace(b"\0", b"")
    first = re.search(rb"<[A-Za-z]", head)
    return Confidence.SURE if first and _ROOT.match(head, first.start()) else Confidence.NO


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    if not isinstance(content, bytes) or detect(content, name) is Confidence.NO:
        raise InvalidInput("bank.not_workbook")
    return received(_TASK, NAME, content, name)


MOODLE = Format(NAME, detect, read, endings=(".xml",), writes=(FORM,))
