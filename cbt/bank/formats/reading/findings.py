"""What an author is told of a document that was read: of a question, of its numbers, of what was left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from cbt.bank.formats.reading.choices import begins_choice
from cbt.bank.formats.reading.cutting.joining import Misfit
from cbt.bank.formats.reading.cutting.parts import FoundSection, Parts
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.pictures import lost_of
from cbt.bank.formats.reading.question import WordedQuestion
from cbt.bank.formats.reading.settled import Settled
from cbt.bank.formats.reading.words import LETTERS
from cbt.bank.imports.drafts import ItemDraft
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Place, Severity

_PATTERN = 8
"""So many keys alike, and no other, are a pattern."""
_LOST = "\ufffd"
_MOST, _MOST_LEFT = 12, 200
_GOING_ON = ("。", "；", ";", "：", ".", "！", "，")
_FIELD_INSIDE = re.compile(r"(?:解析|答案|难度)\s*[:：]")
_NUMBER_INSIDE = re.compile(r"(?<=[。）)；;\n√×])\s*(?:第\s*|[（(]\s*)?(\d{1,4})\s*(?:[.．、)）]|题)(?!\d)")
_NUMBERED = re.compile(r"\d{1,3}(?:\s|[.．、)）](?!\d)|(?=[\u4e00-\u9fff（(]))")
_INSIDE = re.compile(r"(?<![A-Za-z0-9])[B-L]\s*[.．、:：]\s*\S|[\d\u4e00-\u9fff][B-L] +\S")
"""A label within the text of a choice: two choices may have run together."""


def of_question(one: WordedQuestion, done: Settled, place: Place) -> Iterator[Finding]:
    """Yield what is wrong with a question, what of it is not kept, and what may be meant otherwise."""
    source = one.source
    label = f"{source.section.title} {source.number or ''}".strip() or str(place)
    item = f"{label} ({place})"
    number = source.number or "—"

    def found(severity: Severity, code: str, value: str = "", **params: object) -> Finding:
        return Finding(severity, code, place, value, item, {"number": number, **params})

    seen = set()
    for code, _name, params in done.errors:
        if code not in seen:
            seen.add(code)
            value = one.stated if code.startswith(("answer", "text_key")) else one.stem
            yield found(Severity.ERROR, code, str(value), **params)
    for code, _name, params in done.hints:
        yield found(Severity.HINT, code, one.stated or one.stem, **params)
    for place_of, text in enumerate(one.choices):
        if _INSIDE.search(text) and len(text) > 4:
            letter = LETTERS[place_of] if place_of < len(LETTERS) else ""
            yield found(Severity.HINT, "text_label_inside", text, letter=letter)
    if not source.number and _NUMBERED.match(one.stem):
        yield found(Severity.HINT, "text_number_kept", one.stem)
    if any(_two_in_one(text, source.number) for text in (one.stem, *one.choices)):
        yield found(Severity.HINT, "text_two_in_one", one.stem)
    for line in [*_trailing(one, done), *source.absorbed, *one.joined]:
        yield Finding(Severity.HINT, "text_line_joined", Place(place.file, line=line.number), line.text, item)
    if source.material:
        yield found(Severity.HINT, "text_material", source.material)
    lines = [*source.body, *(line for kept in source.fields.values() for line in kept)]
    if pictures := lost_of(source, done.data):
        yield found(Severity.HINT, "text_picture_not_kept", one.stem, count=pictures)
    if formulas := sum(line.formulas for line in lines):
        yield found(Severity.HINT, "text_formula_not_kept", one.stem, count=formulas)
    if any(_LOST in line.text for line in lines):
        yield found(Severity.HINT, "text_characters_lost", one.stem)


def _two_in_one(text: str, number: int) -> bool:
    """Say whether a text holds the number of the next question, or the name of a field."""
    if _FIELD_INSIDE.search(text):
        return True
    return number > 0 and any(int(one) == number + 1 for one in _NUMBER_INSIDE.findall(text))


def _trailing(one: WordedQuestion, done: Settled) -> list[Line]:
    """Return the lines after a key in words that may be no part of it."""
    lines = one.source.fields.get("key", [])
    if done.data.get("type") == ItemType.FILL_BLANK and len(one.source.body) == 1:
        return lines[len(done.data["answer"]) :]
    if done.data.get("type") != ItemType.SHORT_ANSWER:
        return []
    return [
        line
        for before, line in pairwise(lines)
        if before.text.endswith(("。", "）", ")")) and not line.text.endswith(_GOING_ON)
    ]


def of_document(
    parts: Parts, gone: Sequence[Line], misfits: Sequence[Misfit], items: Sequence[ItemDraft], name: str
) -> Iterator[Finding]:
    """Yield what holds for a whole document."""
    for section, before in zip(parts.sections, [None, *parts.sections], strict=False):
        yield from _numbers(section, before, name)
    for misfit in misfits:
        lines = misfit.group.broken or [entry.line for entry in misfit.group.entries[:1]]
        place = Place(name, line=lines[0].number if lines else 0)
        yield Finding(
            Severity.ERROR, misfit.code, place, str(misfit.params.get("text", "")), str(place), misfit.params
        )
    if gone:
        place = Place(name, line=gone[0].number)
        yield Finding(Severity.FIXED, "text_page_lines", place, gone[0].text, params={"count": len(gone)})
    for line in parts.joined:
        yield Finding(Severity.HINT, "text_line_joined", Place(name, line=line.number), line.text)
    for line in _left_out(parts):
        yield Finding(Severity.HINT, "text_line_left_out", Place(name, line=line.number), line.text)
    for kind, single in ((ItemType.SINGLE_CHOICE, True), (ItemType.TRUE_FALSE, False)):
        keys = Counter(str(one.data["answer"]) for one in items if one.data["type"] == kind)
        if len(keys) == 1 and keys.total() >= _PATTERN:
            key = next(iter(keys))
            said = key if single else ("√" if key == "True" else "×")
            yield Finding(Severity.HINT, "text_keys_alike", Place(name), said, params={"count": keys.total()})


def _numbers(section: FoundSection, before: FoundSection | None, name: str) -> Iterator[Finding]:
    """Yield the numbers that are missing or come twice."""
    numbers = [one.number for one in section.questions if one.number]
    if not numbers:
        return
    first = 1 if before is None or numbers[0] != (before.numbers or [0])[-1] + 1 else numbers[0]
    missing = sorted(set(range(first, max(numbers) + 1)) - set(numbers))
    twice = sorted(number for number, count in Counter(numbers).items() if count > 1)
    place = Place(name, line=section.questions[0].line.number)
    for code, found in (("text_numbers_missing", missing), ("text_numbers_twice", twice)):
        if found:
            said = "、".join(map(str, found[:_MOST])) + ("…" if len(found) > _MOST else "")
            params = {"section": section.title or "—", "numbers": said, "count": len(found)}
            yield Finding(Severity.HINT, code, place, said, params=params)


def _left_out(parts: Parts) -> list[Line]:
    """Return lines that belong to nothing: of those before the first heading, which are a title, only choices."""
    said = [line for line in parts.loose if not line.bare]
    return [line for line in said if line.number >= parts.begun or begins_choice(line.text)][:_MOST_LEFT]
