"""The repository's own text form: a folder with taxonomy.toml and files of items."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from cbt.bank.formats.text.pictures import take_pictures
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.taxonomy import IMPORTANCES, Point, Range, Taxonomy, parent_of, weight_sums
from cbt.errors import NotFound
from cbt.exams.lines import lines_of
from cbt.rules.items.basis.authored import number
from cbt.sheets.findings import Finding, Place, Severity

NAME = "text"
TAXONOMY_FILE = "taxonomy.toml"
_AT_LINE = re.compile(r"at line (\d+)")

Lines = TypeVar("Lines")


def bank_folders(folder: Path) -> list[Path]:
    """Return the banks of a folder: itself, or the folders in it that hold a taxonomy.toml.

    Raises NotFound("bank.no_folder") when there is none.
    """
    if (folder / TAXONOMY_FILE).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{TAXONOMY_FILE}"))
    if not found:
        raise NotFound("bank.no_folder", path=str(folder))
    return found


def read_folder(folder: Path) -> Reading:
    """Read a bank's folder; what cannot be read becomes findings, places are `path:line`.

    Raises NotFound("bank.no_folder") when there is no taxonomy.toml in it.
    """
    if not (folder / TAXONOMY_FILE).is_file():
        raise NotFound("bank.no_folder", path=str(folder))
    findings: list[Finding] = []
    taxonomy = _read_taxonomy(folder / TAXONOMY_FILE, findings)
    items: list[ItemDraft] = []
    for path in sorted(folder.rglob("*.toml")):
        if path.name != TAXONOMY_FILE:
            items += _read_items(path, findings)
    return Reading(NAME, folder.name, items, findings, taxonomy=taxonomy)


def _load(path: Path, findings: list[Finding]) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        findings.append(Finding(Severity.ERROR, "file_not_text", Place(str(path))))
        return {}, ""
    try:
        return tomllib.loads(text, parse_float=Decimal), text
    except (
        ValueError,
        RecursionError,
    ) as error:  # an int of 5,000 digits and 5,000 brackets are no TOML error
        said = _AT_LINE.search(str(error))
        line = int(said[1]) if said else text.count("\n") + 1
        params = {"detail": str(error)}
        findings.append(
            Finding(Severity.ERROR, "file_unreadable", Place(str(path), line=line), params=params)
        )
        return {}, ""


def _read_items(path: Path, findings: list[Finding]) -> list[ItemDraft]:
    data, text = _load(path, findings)
    for key in data:
        if key != "item":
            findings.append(Finding(Severity.ERROR, "table_unknown", Place(str(path), line=1), key))
    located = _located(_rows(data, "item"), item_lines(text), {"": 1})
    drafts = [draft_of(row, lines, str(path)) for row, lines in located]
    return [draft for draft in drafts if take_pictures(draft, path.parent, findings)]


def _rows(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name, [])
    return [row if isinstance(row, Mapping) else {} for row in found] if isinstance(found, list) else []


def _located(
    rows: list[Mapping[str, Any]], lines: list[Lines], unknown: Lines
) -> list[tuple[Mapping[str, Any], Lines]]:
    """Pair each row with its line or lines; rows written inline have none and stand at the head of the file."""
    return list(zip(rows, lines if len(lines) == len(rows) else [unknown] * len(rows), strict=True))


def draft_of(row: Mapping[str, Any], lines: Mapping[str, int], file: str) -> ItemDraft:
    """Return an `[[item]]` as a draft; `lines` are those of its fields."""
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


def _read_taxonomy(path: Path, findings: list[Finding]) -> Taxonomy:
    data, text = _load(path, findings)

    def wrong(code: str, line: int, value: object = "", **params: object) -> None:
        findings.append(Finding(Severity.ERROR, code, Place(str(path), line=line), str(value), params=params))

    def located(name: str) -> list[tuple[Mapping[str, Any], int]]:
        return _located(_rows(data, name), row_lines(text, name), 1)

    ranges: dict[str, Range] = {}
    lines: dict[str, int] = {"": 1}
    for row, line in located("range"):
        found = _range(row)
        if found is None or found.code in ranges:
            wrong("range_unreadable", line, row.get("code", ""))
        else:
            ranges[found.code], lines[found.code] = found, line
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
    named = f"{head.get('occupation', path.parent.name)}（{head.get('level', '—')}）"
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
    """Return the line of each `[[name]]`."""
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
