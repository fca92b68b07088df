"""The text bank as a format: a folder with a taxonomy.toml, files of items, and pictures beside them.

It goes out as an archive, and comes in as one or as the folder. A picture is taken into its item as our own JPEG,
so a version of an item holds its picture as it holds its words: what a form has frozen never shows another one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from cbt.confined.runner import MEGABYTE, Exhausted, Limits, run
from cbt.errors import InvalidInput, NotFound
from cbt.interchange.archive import TAXONOMY_FILE
from cbt.interchange.export import proven
from cbt.interchange.format import Carried, Confidence, Content, Export, Format, LeftBehind, OutForm
from cbt.interchange.text_reader import FIELD, Unpacked, draft_of, named_pictures, read_items, read_taxonomy
from cbt.items.draft import Adjustments, ItemDraft, Reading
from cbt.items.media import digest_of
from cbt.items.taxonomy import Taxonomy, parent_of
from cbt.media.intake import redraw, size_of
from cbt.rules.items.registry import TYPES
from cbt.spreadsheets.findings import Finding, Severity

DATA = "data:image/jpeg;base64,"
"""How a picture begins that was taken in."""
UNLIKE = 0.01
"""By so much of itself may a picture's shape differ from the size its author wrote: whole pixels are rounded."""


Look = Callable[[str], "bytes | None"]
"""Gives a file by its name seen from a file of items, None where there is none."""


class _Intake:
    """Takes the pictures of items in: what is wrong with some, and what the others were before."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.came: dict[str, str] = {}

    def whole(self, draft: ItemDraft, look: Look) -> bool:
        """Put each picture an item names in the place of its name; return whether all of them could be read."""
        faults = [
            draft.find(Severity.ERROR, code, f"{prefix}{FIELD}", name)
            for prefix, data, name in named_pictures(draft)
            if (code := self._take(data, look(name)))
        ]
        self.findings += faults
        return not faults

    def _take(self, data: dict[str, Any], body: bytes | None) -> str:
        """Put a picture in the place of its name; return the code of what is wrong with it, "" when nothing is."""
        if body is None:
            return "picture_missing"
        try:
            jpeg = redraw(body)
        except InvalidInput as error:
            return (
                "picture_large" if error.code in {"photo.too_big", "photo.pixels"} else "picture_unreadable"
            )
        if not _fits(data, *size_of(jpeg)):
            return "picture_size"
        data[FIELD] = f"{DATA}{base64.b64encode(jpeg).decode()}"
        self.came[data[FIELD]] = digest_of(body)
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
_TASK = "cbt.interchange.text_reader:unpacked"
_LIMITS = Limits(answer=200 * MEGABYTE)


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
    intake, path = _Intake(), folder / TAXONOMY_FILE
    taxonomy = read_taxonomy(path.read_bytes(), str(path), intake.findings)
    items: list[ItemDraft] = []
    for path in sorted(folder.rglob("*.toml")):
        if path.name != TAXONOMY_FILE:
            drafts = read_items(path.read_bytes(), str(path), intake.findings)
            look = partial(_beside, path.parent.resolve())
            items += [draft for draft in drafts if intake.whole(draft, look)]
    return Reading(NAME, folder.name, items, intake.findings, taxonomy=taxonomy, came=intake.came)


def _beside(folder: Path, name: str) -> bytes | None:
    path = (folder / name).resolve()
    return path.read_bytes() if path.is_relative_to(folder) and path.is_file() else None


def read_archive(content: bytes, name: str) -> Reading:
    """Read a bank's folder in an archive as `read_folder` does; raise as `unpacked` does."""
    try:
        answer = run(_TASK, content, limits=_LIMITS, name=name)
    except Exhausted as error:
        raise InvalidInput("bank.workbook_too_big") from error
    bank = msgspec.msgpack.decode(answer, type=Unpacked)
    intake = _Intake()
    intake.findings += bank.findings
    items = [draft for draft in bank.items if intake.whole(draft, bank.pictures.get)]
    return Reading(NAME, name, items, intake.findings, taxonomy=bank.taxonomy, came=intake.came)


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
    """Be sure of a folder with a taxonomy.toml, and of an archive of one; of any other folder, reading says why."""
    if isinstance(content, bytes):
        return Confidence.SURE if is_archive(content) else Confidence.NO
    return Confidence.SURE if (content / TAXONOMY_FILE).is_file() else Confidence.MAYBE


def is_archive(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04") and TAXONOMY_FILE.encode() in content


def read(content: Content, name: str, _adjust: Adjustments) -> Reading:
    if isinstance(content, Path):
        return read_folder(content)
    if not is_archive(content):
        raise NotFound("bank.no_folder", path=name)
    return read_archive(content, name)


TEXT = Format(NAME, detect, read, writes=(FORM,))
