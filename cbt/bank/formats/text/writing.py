"""A bank as the repository's own text form: its folder, as an archive."""

from __future__ import annotations

import base64
import binascii
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any

from cbt.bank.exports.proof import proven
from cbt.bank.formats.outgoing import Carried, Export, LeftBehind, OutForm
from cbt.bank.formats.text.pictures import DATA, FIELD
from cbt.bank.formats.text.reading import TAXONOMY_FILE, draft_of
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.taxonomy import Taxonomy, parent_of
from cbt.rules.items.registry import TYPES


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
    for one in taxonomy.ranges:
        rows += ["", "[[range]]", *_fields({"code": one.code, "name": one.name, "weight": one.weight})]
    for point in taxonomy.points:
        about = {"code": point.code, "name": point.name, "importance": point.importance}
        rows += ["", "[[point]]", *_fields(about)]
    return "\n".join(rows) + "\n"


def item_text(ref: str, data: Mapping[str, Any]) -> str:
    """Return one item as its author writes it."""
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
