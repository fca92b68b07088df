"""The text bank as a format: a folder with a taxonomy.toml, files of items, and pictures beside them.

A picture is taken into its item as our own JPEG, so a version of an item holds its picture as it holds its
words: what a form has frozen never shows another one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, TypeVar

from cbt.blueprints.toml_file import lines_of
from cbt.errors import InvalidInput, NotFound
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Confidence, Content, Export, Format, LeftBehind, OutForm
from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.taxonomy import IMPORTANCES, Point, Range, Taxonomy, parent_of, weight_sums
from cbt.media.intake import redraw, size_of
from cbt.rules.items.hotspot import KEPT
from cbt.rules.items.inputs import number
from cbt.rules.items.registry import TYPES
from cbt.spreadsheets.findings import Finding, Place, Severity

FIELD = "picture"
DATA = "data:image/jpeg;base64,"
"""How a picture begins that was taken in."""
UNLIKE = 0.01
"""By so much of itself may a picture's shape differ from the size its author wrote: whole pixels are rounded."""


def take_pictures(draft: ItemDraft, folder: Path, findings: list[Finding]) -> bool:
    """Put each picture an item names in the place of its name; return whether all of them could be read.

    A name is a file's in the folder of the item or below it.
    """
    faults = list(_faults(draft, folder))
    findings += faults
    return not faults


def _faults(draft: ItemDraft, folder: Path) -> Iterator[Finding]:
    for prefix, data in draft.parts():
        name = data.get(FIELD)
        if isinstance(name, str) and name and not KEPT.fullmatch(name) and isinstance(data, dict):
            code = _take(data, folder.resolve(), name)
            if code:
                yield draft.find(Severity.ERROR, code, f"{prefix}{FIELD}", name)


def _take(data: dict[str, Any], folder: Path, name: str) -> str:
    """Replace the name by the picture; return the code of what is wrong with it, "" when nothing is."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        return "picture_missing"
    try:
        jpeg = redraw(path.read_bytes())
    except InvalidInput as error:
        return "picture_large" if error.code in {"photo.too_big", "photo.pixels"} else "picture_unreadable"
    if not _fits(data, *size_of(jpeg)):
        return "picture_size"
    data[FIELD] = f"{DATA}{base64.b64encode(jpeg).decode()}"
    return ""


def _fits(data: Mapping[str, Any], width: int, height: int) -> bool:
    """Return whether a picture has the shape its author says; a size that is none is found by the item's type."""
    size = data.get("size")
    if not (
        isinstance(size, list) and len(size) == 2 and all(type(side) is int and side > 0 for side in size)
    ):
        return True
    return bool(abs(width * size[1] - height * size[0]) <= UNLIKE * width * size[1] + max(size))


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
    folders = sorted(path.parent for path in folder.glob(f"*/{TAXONOMY_FILE}"))
    if not folders:
        raise NotFound("bank.no_folder", path=str(folder))
    return folders


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
        match = _AT_LINE.search(str(error))
        line = int(match[1]) if match else text.count("\n") + 1
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


def _read_taxonomy(path: Path, findings: list[Finding]) -> Taxonomy:
    data, text = _load(path, findings)

    def wrong(code: str, line: int, value: object = "", **params: object) -> None:
        findings.append(Finding(Severity.ERROR, code, Place(str(path), line=line), str(value), params=params))

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


class _WholeItems(Mapping[str, frozenset[str]]):
    """Our own texts hold whatever a type has."""

    def __getitem__(self, kind: str) -> frozenset[str]:
        return TYPES[kind].fields

    def __iter__(self) -> Iterator[str]:
        return iter(TYPES)

    def __len__(self) -> int:
        return len(TYPES)


CARRIES: Carried = _WholeItems()
MOST_IN_A_FILE = 300
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = re.compile(r"(.+)（([^（）]+)）", re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ORDER = (
    "type",
    "point",
    "unit",
    "title",
    "difficulty",
    "consistency",
    "points",
    "stimulus",
    "stem",
    "choices",
)


def write(export: Export, target: IO[bytes]) -> None:
    """Write the 细目表, files of items by their ranges, and the pictures beside them."""
    root = re.sub(r"[^A-Za-z0-9._-]", "-", export.ref).strip(".") or "bank"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, f"{root}/{TAXONOMY_FILE}", taxonomy_text(export.taxonomy))
        for name, items in _files(export):
            pictures: list[tuple[str, bytes]] = []
            _put(archive, f"{root}/items/{name}", "\n".join(_text(one, pictures, export) for one in items))
            for file, body in pictures:
                archive.writestr(zipfile.ZipInfo(f"{root}/items/{file}", _EPOCH), body)


def taxonomy_text(taxonomy: Taxonomy) -> str:
    """Return the file of a 细目表."""
    named = _LEVEL.fullmatch(taxonomy.name)
    head = {"occupation": named[1], "level": named[2]} if named else {"name": taxonomy.name}
    rows = ["[taxonomy]", *_fields({**head, "note": taxonomy.note})]
    for bank_range in taxonomy.ranges:
        rows += [
            "",
            "[[range]]",
            *_fields({"code": bank_range.code, "name": bank_range.name, "weight": bank_range.weight}),
        ]
    for point in taxonomy.points:
        about = {"code": point.code, "name": point.name, "importance": point.importance}
        rows += ["", "[[point]]", *_fields(about)]
    return "\n".join(rows) + "\n"


def item_text(ref: str, data: Mapping[str, Any]) -> str:
    parts = data.get("parts", ())
    rows = ["[[item]]", *_fields({"ref": ref}), *_fields(_sorted(data))]
    for part in parts:
        rows += ["", "[[item.part]]", *_fields(_sorted(part))]
    return "\n".join(rows) + "\n"


def _files(export: Export) -> Iterator[tuple[str, list[ItemDraft]]]:
    """Yield names of files and their items: those of one range that follow each other, and never very many."""
    codes = [one.code for one in export.taxonomy.ranges]
    batch: list[ItemDraft] = []
    last, counts = "", dict[str, int]()

    def file() -> tuple[str, list[ItemDraft]]:
        counts[last] = counts.get(last, 0) + 1
        number = f"-{counts[last]}" if counts[last] > 1 else ""
        return f"{re.sub(r'[^A-Za-z0-9._-]', '-', last) or 'items'}{number}.toml", batch

    for draft, _text_of in proven(export, CARRIES, _written):
        range_code = parent_of(str(draft.data.get("point", "")), codes)
        if batch and (range_code != last or len(batch) == MOST_IN_A_FILE):
            yield file()
            batch = []
        last = range_code
        batch.append(draft)
    if batch:
        yield file()


def _written(draft: ItemDraft) -> tuple[str, Mapping[str, Any] | None]:
    text = item_text(draft.ref, draft.data)
    try:
        row = tomllib.loads(text, parse_float=Decimal)["item"][0]
    except (ValueError, RecursionError):
        return text, None
    back = draft_of(row, {"": 1}, "")
    return text, back.data if back.ref == draft.ref else None


def _text(draft: ItemDraft, pictures: list[tuple[str, bytes]], export: Export) -> str:
    """Return one item with its picture in a file beside it; that is drawn anew when it comes in again."""
    value = draft.data.get(FIELD)
    if not isinstance(value, str) or not value.startswith(DATA):
        return item_text(draft.ref, draft.data)
    name = f"pictures/{draft.ref}.jpg"
    try:
        pictures.append((name, base64.b64decode(value.removeprefix(DATA), validate=True)))
    except binascii.Error:
        pictures.append((name, b""))
    export.left.append(LeftBehind(draft.ref, str(draft.data.get("type")), (FIELD,)))
    return item_text(draft.ref, {**draft.data, FIELD: name})


def _sorted(data: Mapping[str, Any]) -> dict[str, Any]:
    named = [name for name in _ORDER if name in data]
    rest = [name for name in data if name not in _ORDER and name != "parts"]
    return {name: data[name] for name in (*named, *rest)}


def _fields(data: Mapping[str, Any]) -> list[str]:
    return [f"{_key(name)} = {_value(name, value)}" for name, value in data.items() if value is not None]


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) else _string(name)


def _value(name: str, value: object) -> str:
    if name == "points" and isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        return value
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return str(value)
        case Mapping():
            inner = ", ".join(f"{_key(key)} = {_value('', one)}" for key, one in value.items())
            return f"{{{inner}}}"
        case str():
            return _string(value)
        case Sequence():
            return f"[{', '.join(_value('', one) for one in value)}]"
        case _:
            return _string(str(value))


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _put(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)


FORM = OutForm("text", ".zip", "application/zip", write, CARRIES)


def detect(content: Content, _name: str) -> Confidence:
    """Be sure of a folder with a taxonomy.toml; of any other, reading it says what is missing."""
    if not isinstance(content, Path):
        return Confidence.NO
    return Confidence.SURE if (content / TAXONOMY_FILE).is_file() else Confidence.MAYBE


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    if not isinstance(content, Path):
        raise NotFound("bank.no_folder", path=name)
    return read_folder(content)


TEXT = Format(NAME, detect, read, writes=(FORM,))
