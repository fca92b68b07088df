"""The first suggestion of a mapping, which its author changes: by known headers and names, by usual labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from cbt.interchange import json_bank
from cbt.interchange.mapping.definition import (
    BLANKS,
    CHOICES,
    FIELDS,
    FileMapping,
    ItemLayout,
    KeyList,
    KeysAt,
    KeyWriting,
    pattern_of,
    plain,
)
from cbt.interchange.mapping.source import LINES, RECORDS, RawPart
from cbt.interchange.tables.column_guess import guess
from cbt.interchange.tables.sheet import Page, find_tables, meant, whole

_SAMPLE = 400
_FULL = 0.8
_CUTS = ("|||", "||", "###", "##", "$$", "\t", "#", "|", "｜", "^", "~", "@", "&", ";", "；", ",", "，")
_NUMBERS = ("1、", "1.", "(1)", "1)", "第1题", "【1】", "[1]", "①", "题1", "Q1", "1", "-")
_LETTERED = ("A.", "A、", "(A)", "A)", "[A]", "A:", "①", "a.", "a)", "A")
_NAMED: Mapping[str, tuple[str, ...]] = {
    "answer": (
        "正确答案:",
        "参考答案:",
        "标准答案:",
        "答案:",
        "【答案】",
        "[答案]",
        "答:",
        "Answer:",
        "Key:",
        "ANSWER:",
    ),
    "explanation": ("答案解析:", "解析:", "【解析】", "[解析]", "Explanation:"),
    "point": ("鉴定点代码:", "鉴定点:", "认定点:"),
    "difficulty": ("难度系数:", "难度:", "【难度】", "Difficulty:"),
    "type": ("题型:", "类型:", "【题型】"),
}
_HEADING = "一、"
_LETTER = re.compile(r"(?:.*[^A-Za-z])?(?:[a-z]{0,10})([A-Ha-h])")
_SHORT = 16


def suggest(part: RawPart) -> FileMapping:
    """Return what a part seems to be."""
    if part.form == RECORDS:
        return _records(part)
    if part.form == LINES:
        return _lines(part)
    return _sheet(part)


def head_of(part: RawPart) -> int:
    """Return the row (from 1) that seems to name the columns of a sheet, 0 for none."""
    tables = find_tables(Page(part.data, part.file), None)
    if tables:
        return tables[0].head + tables[0].two_rows
    first = next((row for row, cells in enumerate(part.rows) if sum(map(bool, cells)) > 1), -1)
    if first < 0 or first + 1 >= len(part.rows):
        return 0
    names = [cell for cell in part.rows[first] if cell]
    below = [max(map(len, cells), default=0) for cells in part.rows[first + 1 : first + _SAMPLE]]
    short = all(len(name) <= _SHORT and not name.isdigit() for name in names) and len(set(names)) == len(
        names
    )
    return first + 1 if short and max(below, default=0) > 2 * max(map(len, names)) else 0


def _sheet(part: RawPart) -> FileMapping:
    page, head = Page(part.data, part.file), head_of(part)
    tables = find_tables(page, None) or [whole(page)]
    table = tables[0]
    if not table.head:
        table.start = head
        guess(table)
    columns = {part.labels[place]: name for name, place in table.columns.items() if place < len(part.labels)}
    return _settled(FileMapping(form=part.form, part=part.name, head=head, columns=_known(columns)))


def _records(part: RawPart) -> FileMapping:
    columns: dict[str, str] = {}
    for label in part.labels:
        name = _field_of(label)
        if name and name not in columns.values():
            columns[label] = name
    writing = KeyWriting.FLAGS if "right" in columns.values() else KeyWriting.LETTERS
    return _settled(FileMapping(form=part.form, part=part.name, columns=columns, writing=writing))


def _field_of(label: str) -> str:
    leaf = label.replace("[]", "").rpartition(".")[2]
    if "[]." in label:
        if leaf.casefold() in {"right", "correct", "iscorrect", "isright", "isanswer", "checked"}:
            return "right"
        return "choices" if leaf.casefold() in {"text", "content", "value", "title", "name", "t"} else ""
    known = meant(leaf)
    if known in FIELDS:
        return known
    if (match := _LETTER.fullmatch(leaf)) and len(leaf) > 1:
        return f"choice_{match[1].upper()}"
    plain_leaf = json_bank.plain_name(leaf)
    return next(
        (
            {"kind": "type"}.get(name, name)
            for name, aliases in json_bank.NAMES.items()
            if plain_leaf in aliases and name in ("stem", "kind", "choices", "answer", "explanation")
        ),
        "",
    )


def _known(columns: Mapping[str, str]) -> dict[str, str]:
    return {label: name for label, name in columns.items() if name in FIELDS}


def _settled(mapping: FileMapping) -> FileMapping:
    """Return a suggestion without choices that leave a gap."""
    letters = [name for name in CHOICES if mapping.has(name)]
    good = {name for name, due in zip(letters, CHOICES, strict=False) if name == due}
    columns = {
        label: name
        for label, name in mapping.columns.items()
        if not name.startswith("choice_") or (name in good and len(letters) > 1)
    }
    keys = KeyList() if set(columns.values()) & {"answer", *BLANKS, "right"} else KeyList(at=KeysAt.STEM)
    return FileMapping(
        form=mapping.form, part=mapping.part, head=mapping.head, columns=columns, writing=mapping.writing,
        layout=mapping.layout, cut=mapping.cut, keys=keys if columns else KeyList(),
    )  # fmt: skip


def _lines(part: RawPart) -> FileMapping:
    lines = [line[0] for line in part.rows if line and line[0].strip()][:_SAMPLE]
    if sign := cut_of(lines):
        cells = [line.split(sign) for line in lines]
        width = Counter(map(len, cells)).most_common(1)[0][0]
        rows = [row + [""] * (width - len(row)) for row in cells]
        heads = [meant(cell.strip()) for cell in rows[0][:width]]
        head = int("stem" in heads and len(set(heads) - {""}) > 2)
        columns = {str(place): name for place, name in enumerate(heads, 1) if name in FIELDS} if head else {}
        if not head:
            columns = _guessed(rows, width)
        return FileMapping(
            form=LINES, part=part.name, head=head, cut=sign, columns=columns, layout=ItemLayout.ROWS
        )
    labels = labels_of(lines)
    at = KeysAt.HERE if "answer" in labels else KeysAt.STEM
    return FileMapping(
        form=LINES, part=part.name, layout=ItemLayout.LINES, labels=labels, keys=KeyList(at=at)
    )


def labels_of(lines: Sequence[str]) -> dict[str, str]:
    """Return what seems to begin the lines of items that take several, a number at least."""
    labels = {
        "number": _usual(lines, _NUMBERS) or _NUMBERS[0],
        "choices": _usual(lines, _LETTERED, lettered=True),
        "heading": _HEADING if _count(lines, _HEADING) else "",
        **{name: _said(lines, samples) for name, samples in _NAMED.items()},
    }
    return {name: sample for name, sample in labels.items() if sample}


def _guessed(rows: Sequence[Sequence[str]], width: int) -> dict[str, str]:
    """Return the number and the stem of lines that are cut: what counts, and what is longest."""
    lengths = [sum(len(row[place]) for row in rows) for place in range(width)]
    columns = {str(lengths.index(max(lengths)) + 1): "stem"}
    if all(row[0].strip().isdigit() for row in rows) and "1" not in columns:
        columns["1"] = "number"
    return columns


def cut_of(lines: Sequence[str]) -> str:
    """Return the sign that cuts nearly all lines into as many pieces, three at least; "" for none."""
    for sign in _CUTS:
        widths = Counter(line.count(sign) for line in lines if line.count(sign) > 1)
        if (
            widths
            and sum(widths.values()) >= _FULL * len(lines)
            and widths.most_common(1)[0][1] >= 0.6 * len(lines)
        ):
            return sign
    return ""


def _count(lines: Sequence[str], sample: str, *, lettered: bool = False) -> int:
    pattern = pattern_of(sample, lettered=lettered)
    return sum(pattern.match(plain(line).strip()) is not None for line in lines)


def _usual(lines: Sequence[str], samples: Sequence[str], *, lettered: bool = False) -> str:
    """Return the sample that most lines begin with, the first of several alike; "" for none that two do."""
    counts = [_count(lines, sample, lettered=lettered) if sample != "-" else 0 for sample in samples]
    best = max(counts)
    return samples[counts.index(best)] if best > 1 else ""


def _said(lines: Sequence[str], samples: Sequence[str]) -> str:
    shown = [plain(line) for line in lines]
    patterns = [(sample, pattern_of(sample)) for sample in samples]
    counts = {sample: sum(pattern.search(line) is not None for line in shown) for sample, pattern in patterns}
    best = max(counts.values())
    return next((sample for sample in samples if counts[sample] == best), "") if best > 1 else ""
