"""Item drafts from a table: an item's cells read for its type, its key as letters or a verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cbt.errors import InvalidInput
from cbt.interchange.tables import cells
from cbt.interchange.tables.cells import (
    LETTERS,
    bare,
    blanks_marked,
    find_key,
    has_blank,
    letters_in,
    without_answer_bracket,
)
from cbt.interchange.tables.item_types import verdicts
from cbt.interchange.tables.prepared_items import ReadyItem
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import plain, scale_of
from cbt.items.types.registry import AUTHORING
from cbt.items.types.true_false.editor import truth_of
from cbt.rules.items.content import ItemType
from cbt.rules.items.registry import parse_content
from cbt.rules.items.short_answer import LONGEST, USUAL
from cbt.spreadsheets.columns import letter
from cbt.spreadsheets.findings import Finding, Place, Severity


@dataclass(slots=True)
class Sense:
    """How a table writes its keys: the number of the first choice, what is right among 1, 2, A and B."""

    base: int = 1
    prefer: str = ""
    right: dict[str, bool] = field(default_factory=dict)
    scaled: bool = True
    bracketed: bool = False
    used: dict[str, int] = field(default_factory=dict)

    def use(self, name: str) -> None:
        """Count one item that hangs on something the file does not say."""
        self.used[name] = self.used.get(name, 0) + 1


class ItemRow:
    """An item as the types of items read a row of a sheet: each field in its plainest writing."""

    def __init__(self, item: ReadyItem) -> None:
        self.one = item
        self.label = str(item.raw.place())
        self._texts: dict[str, str] = {}

    def put(self, name: str, text: str) -> None:
        self._texts[name] = text

    def text(self, name: str) -> str:
        return self._texts.get(name, "")

    def error(self, code: str, name: str, **params: object) -> Finding:
        return self.find(Severity.ERROR, code, name, **params)

    def find(self, severity: Severity, code: str, name: str, **params: object) -> Finding:
        """Return a finding at the cell of a field."""
        raw = self.one.raw
        value = {"answer": raw.answer, "type": raw.type, "stem": raw.stem, "difficulty": raw.difficulty}.get(
            name
        )
        if value is None and name.startswith("choice_"):
            value = raw.table.text(raw.row, name)
        if value is None:
            value = raw.consistency if name == "consistency" else ""
        return Finding(severity, code, self.place(name), value, self.label, {"field": name, **params})

    def place(self, name: str) -> Place:
        raw = self.one.raw
        if name == "choice_A" and not raw.table.has("choice_A") and raw.table.has("choices"):
            name = "choices"
        return raw.place(name)

    def places(self) -> dict[str, Place]:
        """Return the place of every field."""
        raw, table = self.one.raw, self.one.raw.table
        places = {
            name: raw.place(name)
            for name in table.columns
            if not name.startswith(("choice", "blank", "right"))
        }
        cells = [name for name in table.of("choice_") if table.text(raw.row, name)]
        for n in range(1, len(self.one.choices) + 1):
            if n <= len(cells):
                places[f"choices.{n}"] = raw.place(cells[n - 1])
        if table.has("choice_A", "choices"):
            places["choices"] = raw.place("choice_A" if table.has("choice_A") else "choices")
        return {**places, "": raw.place()}


def key_letters(item: ReadyItem, sense: Sense) -> tuple[str, str, str]:
    """Return the key in letters, the stem without it, and the code of what is wrong with it."""
    if item.rights is not None:
        return (item.rights, item.stem, "" if item.rights and item.rights != "?" else "key_unmatched")
    answer = item.answer or item.bracket
    inside = [key for key in item.in_stem if key.kind != "truth"]
    if not answer:
        return _from_stem(item, inside, sense)
    key_found = find_key(answer, item.choices, sense.base, sense.prefer)
    if key_found.problem == "answer_no_choice":
        beyond = next(letter for letter in key_found.letters if LETTERS.index(letter) >= len(item.choices))
        return beyond, item.stem, key_found.problem
    if key_found.problem:
        return "", item.stem, key_found.problem
    if letters_in(answer) is None:
        sense.use("text" if key_found.by_text else "numbers")
    return _taken_out(item, inside, key_found.letters, sense)


def _taken_out(item: ReadyItem, inside: Sequence[Any], letters: str, sense: Sense) -> tuple[str, str, str]:
    """Return the stem without the key that stands in it, too; another than the key's is asked about."""
    keys = [key for key in inside if find_key(key.text, item.choices, sense.base).letters == letters]
    lettered = [key for key in keys if key.kind == "letters"]
    blank = has_blank(item.stem)
    if lettered and not blank:
        sense.use("stem_too")
        return letters, lettered[-1].stem, ""
    if keys and not blank and len(inside) == 1:
        sense.use("stem_too")
        return letters, keys[0].stem, ""
    if not keys and sense.bracketed and not blank and any(key.kind == "letters" for key in inside):
        return "", item.stem, "key_conflict"
    return letters, item.stem, ""


def _from_stem(item: ReadyItem, inside: Sequence[Any], sense: Sense) -> tuple[str, str, str]:
    lettered = [key for key in inside if key.kind == "letters"]
    usable = [key for key in lettered if not find_key(key.text, item.choices, 1).problem] or lettered
    usable = usable or [key for key in inside if key.kind == "text"]
    if not usable:
        return "", item.stem, "missing"
    if len(usable) > 1:
        return "", item.stem, "key_ambiguous"
    key_found = find_key(usable[0].text, item.choices, sense.base)
    if key_found.problem:
        return key_found.letters, item.stem, key_found.problem
    sense.use("stem")
    return key_found.letters, usable[0].stem, ""


def verdict_of(item: ReadyItem, sense: Sense) -> tuple[bool | None, str, str]:
    """Return what a 判断 says, the stem without it, and the code of what is wrong."""
    truths = verdicts(item.choices)
    lone = truth_of(bare(item.choices[0])) if len(item.choices) == 1 and not item.answer else None
    if lone is not None:  # its table has its key where others begin their choices
        return lone, item.stem, ""
    if item.choices and truths is None:
        return None, item.stem, "truth_choices"
    if item.rights is not None:
        chosen = LETTERS.find(item.rights) if len(item.rights) == 1 else -1
        return (
            (truths[chosen], item.stem, "")
            if truths and 0 <= chosen < len(truths)
            else (None, item.stem, "key_unmatched")
        )
    inside = [key for key in item.in_stem if key.kind == "truth"]
    answer = item.answer or item.bracket
    if not answer:
        lettered = [key for key in item.in_stem if key.kind == "letters"]
        if truths and len(lettered) == 1:
            answer, stem = lettered[0].text, lettered[0].stem
        elif len(inside) == 1:
            answer, stem = inside[0].text, inside[0].stem
        else:
            return None, item.stem, "key_ambiguous" if inside else "missing"
        sense.use("stem")
    else:
        stem = item.stem
    truth, problem = _truth_of(answer, truths, sense)
    if problem or not item.answer:
        return truth, stem, problem
    marks = [key for key in inside if key.at_end and truth_of(key.text) is not None]
    if marks and truth_of(marks[-1].text) != truth:
        return None, stem, "key_conflict"
    return truth, marks[-1].stem if marks else stem, ""


def _truth_of(answer: str, truths: Sequence[bool] | None, sense: Sense) -> tuple[bool | None, str]:
    text = plain(bare(answer))
    text = text[0] if re.fullmatch(r"[012]\.0+", text) else text
    letters = letters_in(answer)
    if truths is not None and letters is not None and letters not in {"F"} and len(letters) == 1:
        place = LETTERS.index(letters)
        return (truths[place], "") if place < len(truths) else (None, "answer_no_choice")
    if truths is not None and text.isdigit():
        by_place = truths[int(text) - 1] if 1 <= int(text) <= len(truths) else None
        by_value = sense.right.get(text)
        if by_place is None or by_value is None or by_place == by_value:
            return (by_value if by_place is None else by_place), "" if (by_place, by_value) != (
                None,
                None,
            ) else "answer_truth"
        return None, "key_ambiguous"
    if text in sense.right:
        sense.use("truth")
        return sense.right[text], ""
    if text in {"0", "1", "2", "A", "B"}:
        return None, "answer_truth"
    truth = truth_of(bare(answer))
    return truth, "" if truth is not None else "answer_truth"


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
    item: ReadyItem, kind: ItemType, sense: Sense, ref: str = ""
) -> tuple[ItemDraft | None, list[Finding]]:
    """Return the draft of an item of a known type, or None with what keeps it out."""
    row = ItemRow(item)
    data: dict[str, Any] = {
        "type": kind.value,
        "point": item.raw.point.replace("\n", "").strip(),
        "stem": item.stem,
    }
    findings = _shape(row, item)
    if not item.stem:
        findings.append(row.error("missing", "stem"))
    findings += _BUILDERS.get(kind, _other)(row, item, data, sense)
    data["stem"] += item.raw.shown
    findings += _scales(row, data, sense)
    explanation = cells.joined(item.raw.explanation)
    if (explanation and kind is not ItemType.SHORT_ANSWER) or (
        explanation and data.get("answer") != explanation
    ):
        data["explanation"] = explanation
    if not any(found.severity is Severity.ERROR for found in findings):
        findings += _sound(row, data)
    wrong = any(found.severity is Severity.ERROR for found in findings)
    return (None if wrong else ItemDraft(_ref(item), data, row.places())), findings


def _ref(item: ReadyItem) -> str:
    """Return the number an item has in a bank where the file says it: ours does, so that it is a new version."""
    ref = item.raw.table.text(item.raw.row, "ref").strip()
    return ref if _REF.fullmatch(ref) else ""


def _sound(row: ItemRow, data: dict[str, Any]) -> list[Finding]:
    try:
        parse_content(data)
    except InvalidInput as error:
        return [row.error(error.code.removeprefix("item."), str(error.params.get("field", "")).split(".")[0])]
    return []


def _shape(row: ItemRow, item: ReadyItem) -> list[Finding]:
    """Return what is odd about the cells themselves: one too many, a picture, a lost character, a typed cell."""
    raw, page, findings = item.raw, item.raw.table.page, []
    if item.left_over:
        findings.append(row.error("rows_left_over", "choice_A"))
    if raw.beyond >= 0:
        place = Place(page.file, page.name, raw.row + 1, letter(raw.beyond))
        findings.append(
            Finding(Severity.ERROR, "row_too_wide", place, page.cell(raw.row, raw.beyond), row.label)
        )
    for number, column in raw.lost:
        place = Place(page.file, page.name, number + 1, letter(column))
        findings.append(Finding(Severity.HINT, "picture_beside", place, "", row.label))
    if "\ufffd" in item.stem or any("\ufffd" in choice for choice in item.choices):
        findings.append(row.find(Severity.HINT, "lost_character", "stem"))
    used = set(raw.table.columns.values())
    for number, column in (
        sorted(page.unshown & {(n, c) for n in raw.rows for c in used}) if page.unshown else ()
    ):
        place = Place(page.file, page.name, number + 1, letter(column))
        findings.append(Finding(Severity.HINT, "typed_cell", place, page.cell(number, column), row.label))
    return findings


def _lettered(row: ItemRow, item: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    kind = AUTHORING[data["type"]]
    cells = [*item.choices, *[""] * (len(LETTERS) - len(item.choices))]
    findings = kind.read_choices(row, cells, data)
    if findings:
        return findings
    key, stem, problem = key_letters(item, sense)
    if problem:
        params = {"letter": key[-1:] or "—", "last": LETTERS[len(item.choices) - 1] if item.choices else "—"}
        return [row.error(problem, "answer", **params)]
    row.put("answer", key)
    data["stem"] = stem
    findings = kind.read_answer(row, data)
    if (
        not findings
        and kind.key_field == "answer"
        and data["type"] == ItemType.MULTIPLE_CHOICE
        and len(key) == 1
    ):
        findings.append(row.find(Severity.HINT, "multiple_one", "answer"))
    return findings


def _truth(row: ItemRow, item: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    truth, stem, problem = verdict_of(item, sense)
    if problem:
        return [row.error(problem, "answer")]
    data["stem"] = without_answer_bracket(stem)
    row.put("answer", "√" if truth else "×")
    return AUTHORING[ItemType.TRUE_FALSE].read_answer(row, data)


def _blanks(row: ItemRow, item: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    answer = "；".join(item.raw.blanks or named_choices(item)) or item.answer
    if not answer:
        return [row.error("missing", "answer")]
    stem, count = blanks_marked(item.stem)
    if not count:
        stem, count = _filled_in(item.stem, answer)
    if not count:
        stem, count = _SPACES.subn("（　　）", item.stem)
    findings = []
    if not count:
        stem = re.sub(r"([。．.])?$", lambda end: f"（　　）{end[1] or ''}", stem, count=1)
        findings.append(row.find(Severity.HINT, "blank_added", "stem"))
    data["stem"] = stem
    row.put("answer", answer)
    return [*findings, *AUTHORING[ItemType.FILL_BLANK].read_answer(row, data)]


def named_choices(item: ReadyItem) -> list[str]:
    """Return the cells of choices where a key names them all: of a 填空 or 简答 they hold the key itself."""
    filled = [text for text in item.raw.choices if text]
    return filled if filled and letters_in(item.raw.answer) == LETTERS[: len(filled)] else []


def _filled_in(stem: str, answer: str) -> tuple[str, int]:
    """Return a stem with the blanks in which its key stands already (`首都是[北京]`), and how many there are."""
    parts = [part.strip() for part in re.split(r"[;；|，,]", answer) if part.strip()]
    for part in parts:
        stem, count = re.subn(rf"[（(【\[_]+\s*{re.escape(part)}\s*[)）】\]_]+", "（　　）", stem, count=1)
        if not count:
            return stem, 0
    return stem, len(parts)


def _text(row: ItemRow, item: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    lines = [text for text in item.raw.choices if text]
    answer = (
        "\n".join(named_choices(item))
        or item.raw.answer
        or (lines[0] if len(lines) == 1 else "")
        or "\n".join(item.raw.cells)
        or item.raw.explanation
    )
    row.put("answer", answer)
    findings = AUTHORING[ItemType.SHORT_ANSWER].read_answer(row, data)
    data.pop("choices", None)
    if USUAL < len(answer) <= LONGEST:
        data["limit"] = min(LONGEST, -(-len(answer) * 2 // 100) * 100)
    return findings


def _other(row: ItemRow, item: ReadyItem, data: dict[str, Any], sense: Sense) -> list[Finding]:
    if not item.answer:
        return [row.error("missing", "answer")]
    row.put("answer", item.answer)
    data["stem"] = blanks_marked(item.stem)[0]
    return AUTHORING[data["type"]].read_answer(row, data)


_BUILDERS: dict[ItemType, Callable[[ItemRow, ReadyItem, dict[str, Any], Sense], list[Finding]]] = {
    ItemType.SINGLE_CHOICE: _lettered,
    ItemType.MULTIPLE_CHOICE: _lettered,
    ItemType.TRUE_FALSE: _truth,
    ItemType.FILL_BLANK: _blanks,
    ItemType.SHORT_ANSWER: _text,
}


def _scales(row: ItemRow, data: dict[str, Any], sense: Sense) -> list[Finding]:
    findings = []
    for name, text, default in (
        ("difficulty", row.one.raw.difficulty, 3),
        ("consistency", row.one.raw.consistency, 5),
    ):
        read = scale_in if name == "difficulty" else scale_of
        value = read(text) if text else default
        data[name] = default if value is None else value
        if value is None and sense.scaled:
            bad = bool(re.fullmatch(r"\d+(\.0+)?", plain(text))) or name == "consistency"
            findings.append(row.find(Severity.ERROR if bad else Severity.HINT, "scale", name))
    return findings


def scale_in(text: str) -> int | None:
    """Return the 1 to 5 that a cell says in a number or a word, None when it says neither."""
    if (value := scale_of(text)) is not None:
        return value
    word = plain(text).removeprefix("难度").removeprefix("系数").lstrip(":：")
    if (value := scale_of(word)) is not None:
        return value
    return _WORDS.get(word.removesuffix("题").removesuffix("度")) or _WORDS.get(word)
