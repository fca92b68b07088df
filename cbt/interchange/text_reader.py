"""The child's side of text banks: files of TOML to a 细目表 and items, each value with its line.

Whoever runs the product reads a folder of theirs by it, too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath, PurePosixPath
from typing import Any, TypeVar

import msgspec

from cbt.blueprints.toml_file import lines_of
from cbt.errors import InvalidInput
from cbt.interchange.archive import TAXONOMY_FILE, Package, beside
from cbt.items.draft import ItemDraft
from cbt.items.taxonomy import IMPORTANCES, Point, Range, Taxonomy, parent_of, weight_sums
from cbt.rules.items.hotspot import KEPT
from cbt.rules.items.inputs import number
from cbt.spreadsheets.findings import Finding, Place, Severity

FIELD = "picture"
MOST_TOLD = 200
_AT_LINE = re.compile(r"at line (\d+)")

Lines = TypeVar("Lines")


class Unpacked(msgspec.Struct, frozen=True, array_like=True):
    """A bank of an archive as its child reads it: pictures by their names in the archive, still as they came."""

    taxonomy: Taxonomy
    items: list[ItemDraft]
    findings: list[Finding]
    pictures: dict[str, bytes]


def unpacked(body: bytes, *, name: str) -> bytes:
    """Return the bank in an archive as msgpack; only `cbt.confined` runs this, in a process of its own.

    Raise InvalidInput as `Package` does, and ("bank.several_banks") for an archive of more than one.
    """
    package = Package(body)
    banks = [one for one in package.names if PurePosixPath(one).name == TAXONOMY_FILE]
    if len(banks) != 1:
        raise InvalidInput("bank.several_banks", count=len(banks))
    findings: list[Finding] = []
    taxonomy = read_taxonomy(package.read(banks[0]), f"{name}/{banks[0]}", findings)
    root = banks[0].removesuffix(TAXONOMY_FILE)
    items: list[ItemDraft] = []
    pictures: dict[str, bytes] = {}
    for file in sorted(package.names):
        if not file.startswith(root) or not file.endswith(".toml") or file == banks[0]:
            continue
        for draft in read_items(package.read(file), f"{name}/{file}", findings):
            for _prefix, data, picture in named_pictures(draft):
                path, folder = beside(file, picture), file.rpartition("/")[0]
                if path in package and (not folder or path.startswith(f"{folder}/")):
                    data[FIELD], pictures[path] = path, package.read(path)
            items.append(draft.with_data(_plain(draft.data)))
    read = {one for one in package.names if one.endswith(".toml") and one.startswith(root)} | pictures.keys()
    others = [one for one in package.names if one not in read]
    findings += [
        Finding(Severity.HINT, "file_beside", Place(f"{name}/{one}"), one) for one in others[:MOST_TOLD]
    ]
    return msgspec.msgpack.encode(Unpacked(taxonomy, items, findings, pictures))


def _plain(value: Any) -> Any:
    """Return a value of TOML as one that any encoding has: other numbers and times as their texts."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    return str(value)


def named_pictures(draft: ItemDraft) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the prefix, the content and the name of each picture that an item names."""
    for prefix, data in draft.parts():
        name = data.get(FIELD)
        if isinstance(name, str) and name and not KEPT.fullmatch(name) and isinstance(data, dict):
            yield prefix, data, name


def _load(body: bytes, file: str, findings: list[Finding]) -> tuple[dict[str, Any], str]:
    try:
        text = body.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        findings.append(Finding(Severity.ERROR, "file_not_text", Place(file)))
        return {}, ""
    try:
        return tomllib.loads(text, parse_float=Decimal), text
    except (
        ValueError,
        RecursionError,
    ) as error:  # an int of 5,000 digits and 5,000 brackets are no TOML error
        match = _AT_LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        params = {"detail": str(error)}
        findings.append(Finding(Severity.ERROR, "file_unreadable", Place(file, line=line), params=params))
        return {}, ""


def read_items(body: bytes, file: str, findings: list[Finding]) -> list[ItemDraft]:
    data, text = _load(body, file, findings)
    for key in data:
        if key != "item":
            findings.append(Finding(Severity.ERROR, "table_unknown", Place(file, line=1), key))
    located = _located(_rows(data, "item"), item_lines(text), {"": 1})
    return [draft_of(row, lines, file) for row, lines in located]


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = data.get(name, [])
    return [row if isinstance(row, Mapping) else {} for row in rows] if isinstance(rows, list) else []


def _located(
    rows: list[Mapping[str, Any]], lines: list[Lines], unknown: Lines
) -> list[tuple[Mapping[str, Any], Lines]]:
    """Pair each row with its line or lines; rows written inline have none and stand at the head of the file."""
    return list(zip(rows, lines if len(lines) == len(rows) else [unknown] * len(rows), strict=True))


def draft_of(row: Mapping[str, Any], lines: Mapping[str, int], file: str) -> ItemDraft:
    data = {key: _stripped(value) for key, value in row.items() if key not in {"ref", "part"}}
    if "part" in row:
        data["parts"] = [_part(part) for part in _rows(row, "part")]
    places = {name: Place(file, line=number) for name, number in lines.items()}
    return ItemDraft(str(row.get("ref", "")).strip(), data, places)


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    data = {key: _stripped(value) for key, value in part.items()}
    worth = data.get("points")
    if isinstance(worth, int | Decimal) and (points := number(worth)) is not None:
        data["points"] = f"{points.normalize():f}"
    return data


def _stripped(value: object) -> Any:
    return value.strip() if isinstance(value, str) else value


def read_taxonomy(body: bytes, file: str, findings: list[Finding]) -> Taxonomy:
    data, text = _load(body, file, findings)

    def wrong(code: str, line: int, value: object = "", **params: object) -> None:
        findings.append(Finding(Severity.ERROR, code, Place(file, line=line), str(value), params=params))

    def located(name: str) -> list[tuple[Mapping[str, Any], int]]:
        return _located(_rows(data, name), row_lines(text, name), 1)

    ranges: dict[str, Range] = {}
    lines: dict[str, int] = {"": 1}
    for row, line in located("range"):
        bank_range = _range(row)
        if bank_range is None or bank_range.code in ranges:
            wrong("range_unreadable", line, row.get("code", ""))
        else:
            ranges[bank_range.code], lines[bank_range.code] = bank_range, line
    points: dict[str, Point] = {}
    for row, line in located("point"):
        read = _point(row)
        if read is None or read.code in points:
            wrong("point_unreadable", line, row.get("code", ""))
        elif not parent_of(read.code, ranges):
            wrong("point_without_range", line, read.code)
        else:
            points[read.code] = read
    for code, weight, total in weight_sums({code: found.weight for code, found in ranges.items()}):
        wrong("weights_sum", lines[code], code or "—", weight=weight, sum=total)
    head = data.get("taxonomy", {})
    folder = PurePath(file).parent.name
    named = f"{head.get('occupation', folder)}（{head.get('level', '—')}）"
    name = str(head.get("name", named))
    return Taxonomy(name, str(head.get("note", "")), tuple(ranges.values()), tuple(points.values()))


def _range(row: Mapping[str, Any]) -> Range | None:
    code, name, weight = row.get("code"), row.get("name"), row.get("weight")
    if not (isinstance(code, str) and isinstance(name, str) and code and name):
        return None
    if isinstance(weight, bool) or not isinstance(weight, int) or not 0 < weight <= 100:
        return None
    return Range(code, name, weight)


def _point(row: Mapping[str, Any]) -> Point | None:
    code, name, importance = row.get("code"), row.get("name"), row.get("importance")
    if not (isinstance(code, str) and isinstance(name, str) and code and name):
        return None
    return Point(code, name, str(importance)) if importance in IMPORTANCES else None


def row_lines(text: str, name: str) -> list[int]:
    return [line for path, line in lines_of(text).items() if len(path) == 2 and _is_row(path, name)]


def item_lines(text: str) -> list[dict[str, int]]:
    """Return for each `[[item]]` its line ("") and those of its fields, of its parts as `parts.2.answer`."""
    items: dict[int | str, dict[str, int]] = {}
    for path, line in lines_of(text).items():
        if _is_row(path, "item"):
            items.setdefault(path[1], {})[_field(path[2:])] = line
    return list(items.values())


def _is_row(path: Sequence[int | str], name: str) -> bool:
    return len(path) > 1 and path[0] == name and isinstance(path[1], int)


def _field(path: Sequence[int | str]) -> str:
    if len(path) > 1 and path[0] == "part" and isinstance(path[1], int):
        path = ("parts", path[1] + 1, *path[2:])
    return ".".join(map(str, path))
