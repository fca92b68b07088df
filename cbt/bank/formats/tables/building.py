"""From a prepared item to a draft, or to what its author has to say first: never half, never by guessing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cbt.bank.formats.cells import plain, scale_of
from cbt.bank.formats.tables.cells import dirt
from cbt.bank.formats.tables.cells.keys import (
    LETTERS,
    blanks_marked,
    without_answer_bracket,
)
from cbt.bank.formats.tables.itemrow import ItemRow, Sense
from cbt.bank.formats.tables.keying import key_letters, verdict_of
from cbt.bank.formats.tables.ready import ReadyItem
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import AUTHORING
from cbt.errors import InvalidInput
from cbt.rules.items.reading import parse_content
from cbt.rules.items.short_answer import LONGEST, USUAL
from cbt.rules.items.values import ItemType
from cbt.sheets.columns import letter
from cbt.sheets.findings import Finding, Place, Severity

_LETTERED = {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}
_WORDS = {
    "易": 1,
    "容易": 1,
    "简单": 1,
    "低": 1,
    "较易": 2,
    "较低": 2,
    "中": 3,
    "中等": 3,
    "一般": 3,
    "适中": 3,
    "普通": 3,
}
_WORDS |= {
    "较难": 4,
    "较高": 4,
    "难": 5,
    "困难": 5,
    "高": 5,
    "EASY": 1,
    "MEDIUM": 3,
    "MIDDLE": 3,
    "HARD": 5,
    "DIFFICULT": 5,
}
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SPACES = re.compile(r"(?<=[\u3400-\u9fff，、：])[ 　]{2,}(?=[\u3400-\u9fff，。、；]|$)")


def build(
    one: ReadyItem, kind: ItemType, sense: Sense, ref: str = ""
) -> tuple[ItemDraft | None, list[Finding]]:
    """Return the draft of an item of a known type, or None with what keeps it out."""
    row = ItemRow(one)
    data: dict[str, Any] = {
        "type": kind.value,
        "point": one.raw.point.replace("\n", "").strip(),
        "stem": one.stem,
    }
    findings = _shape(row, one)
    if not one.stem:
        findings.append(row.error("missing", "stem"))
    findings += _BUILDERS.get(kind, _other)(row, one, data, sense)
    data["stem"] += one.raw.shown
    findings += _scales(row, data, sense)
    explanation = dirt.joined(one.raw.explanation)
    if (explanation and kind is not ItemType.SHORT_ANSWER) or (
        explanation and data.get("answer") != explanation
    ):
        data["explanation"] = explanation
    if not any(found.severity is Severity.ERROR for found in findings):
        findings += _sound(row, data)
    wrong = any(found.severity is Severity.ERROR for found in findings)
    return (None if wrong else ItemDraft(_ref(one), data, row.places())), findings


def _ref(one: ReadyItem) -> str:
    """Return the number an item has in a bank where the file says it: ours does, so that it is a new version."""
    said = one.raw.table.text(one.raw.row, "ref").strip()
    return said if _REF.fullmatch(said) else ""


def _sound(row: ItemRow, data: dict[str, Any]) -> list[Finding]:
    """Return what the rules of items refuse in it."""
    try:
        parse_content(data)
    except InvalidInput as error:
        return [row.error(error.code.removeprefix("item."), str(error.params.get("field", "")).split(".")[0])]
    return []


def _shape(row: ItemRow, one: ReadyItem) -> list[Finding]:
    """Return what is odd about the cells themselves: one too many, a picture, a lost character, a typed cell."""
    raw, page, found = one.raw, one.raw.table.page, []
    if one.left_over:
        found.append(row.error("rows_left_over", "choice_A"))
    if raw.beyond >= 0:
        place = Place(page.file, page.name, raw.row + 1, letter(raw.beyond))
        found.append(
            Finding(Severity.ERROR, "row_too_wide", place, page.cell(raw.row, raw.beyond), row.label)
        )
    for number, column in raw.lost:
        place = Place(page.file, page.name, number + 1, letter(column))
        found.append(Finding(Severity.HINT, "picture_beside", place, "", row.label))
    if "\ufffd" in one.stem or any("\ufffd" in choice for choice in one.choices):
        found.append(row.find(Severity.HINT, "lost_character", "stem"))
    used = set(raw.table.columns.values())
    for number, column in (
        sorted(page.unshown & {(n, c) for n in raw.rows for c in used}) if page.unshown else ()
    ):
        place = Place(page.file, page.name, number + 1, letter(column))
        found.append(Finding(Severity.HINT, "typed_cell", place, page.cell(number, column), row.label))
    return found


def _lettered(row: ItemRow, one: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    kind = AUTHORING[data["type"]]
    cells = [*one.choices, *[""] * (len(LETTERS) - len(one.choices))]
    found = kind.read_choices(row, cells, data)
    if found:
        return found
    key, stem, problem = key_letters(one, sense)
    if problem:
        params = {"letter": key[-1:] or "—", "last": LETTERS[len(one.choices) - 1] if one.choices else "—"}
        return [row.error(problem, "answer", **params)]
    row.put("answer", key)
    data["stem"] = stem
    found = kind.read_answer(row, data)
    if (
        not found
        and kind.key_field == "answer"
        and data["type"] == ItemType.MULTIPLE_CHOICE
        and len(key) == 1
    ):
        found.append(row.find(Severity.HINT, "multiple_one", "answer"))
    return found


def _truth(row: ItemRow, one: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    truth, stem, problem = verdict_of(one, sense)
    if problem:
        return [row.error(problem, "answer")]
    data["stem"] = without_answer_bracket(stem)
    row.put("answer", "√" if truth else "×")
    return AUTHORING[ItemType.TRUE_FALSE].read_answer(row, data)


def _blanks(row: ItemRow, one: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    answer = "；".join(one.raw.blanks) or one.answer
    if not answer:
        return [row.error("missing", "answer")]
    stem, count = blanks_marked(one.stem)
    if not count:
        stem, count = _filled_in(one.stem, answer)
    if not count:
        stem, count = _SPACES.subn("（　　）", one.stem)
    found = []
    if not count:
        stem = re.sub(r"([。．.])?$", lambda end: f"（　　）{end[1] or ''}", stem, count=1)
        found.append(row.find(Severity.HINT, "blank_added", "stem"))
    data["stem"] = stem
    row.put("answer", answer)
    return [*found, *AUTHORING[ItemType.FILL_BLANK].read_answer(row, data)]


def _filled_in(stem: str, answer: str) -> tuple[str, int]:
    """Return a stem with the blanks in which its key stands already (`首都是[北京]`), and how many there are."""
    parts = [part.strip() for part in re.split(r"[;；|，,]", answer) if part.strip()]
    for part in parts:
        stem, found = re.subn(rf"[（(【\[_]+\s*{re.escape(part)}\s*[)）】\]_]+", "（　　）", stem, count=1)
        if not found:
            return stem, 0
    return stem, len(parts)


def _text(row: ItemRow, one: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    said = [text for text in one.raw.choices if text] if one.raw.rights or one.raw.choices else []
    answer = (
        one.raw.answer
        or (said[0] if len(said) == 1 else "")
        or "\n".join(one.raw.cells)
        or one.raw.explanation
    )
    row.put("answer", answer)
    found = AUTHORING[ItemType.SHORT_ANSWER].read_answer(row, data)
    data.pop("choices", None)
    if USUAL < len(answer) <= LONGEST:
        data["limit"] = min(LONGEST, -(-len(answer) * 2 // 100) * 100)
    return found


def _other(row: ItemRow, one: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    if not one.answer:
        return [row.error("missing", "answer")]
    row.put("answer", one.answer)
    data["stem"] = blanks_marked(one.stem)[0]
    return AUTHORING[data["type"]].read_answer(row, data)


_BUILDERS: dict[ItemType, Callable[[ItemRow, ReadyItem, dict[str, Any], Sense], list[Finding]]] = {
    ItemType.SINGLE_CHOICE: _lettered,
    ItemType.MULTIPLE_CHOICE: _lettered,
    ItemType.TRUE_FALSE: _truth,
    ItemType.FILL_BLANK: _blanks,
    ItemType.SHORT_ANSWER: _text,
}


def _scales(row: ItemRow, data: dict[str, Any], sense: Sense) -> list[Finding]:
    found = []
    for name, text, default in (
        ("difficulty", row.one.raw.difficulty, 3),
        ("consistency", row.one.raw.consistency, 5),
    ):
        read = scale_in if name == "difficulty" else scale_of
        value = read(text) if text else default
        data[name] = default if value is None else value
        if value is None and sense.scaled:
            bad = bool(re.fullmatch(r"\d+(\.0+)?", plain(text))) or name == "consistency"
            found.append(row.find(Severity.ERROR if bad else Severity.HINT, "scale", name))
    return found


def scale_in(text: str) -> int | None:
    """Return the 1 to 5 that a cell says in a number or a word, None when it says neither."""
    if (value := scale_of(text)) is not None:
        return value
    said = plain(text).removeprefix("难度").removeprefix("系数").lstrip(":：")
    if (value := scale_of(said)) is not None:
        return value
    return _WORDS.get(said.removesuffix("题").removesuffix("度")) or _WORDS.get(said)
