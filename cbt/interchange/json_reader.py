"""The child's side of reading JSON: bytes to rows of named values. Only `cbt.confined` runs this."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from cbt.errors import InvalidInput

_PREFIX = re.compile(
    r"^\s*(?:(?:export\s+default|module\.exports\s*=|(?:var|let|const)\s+[\w$]+\s*=|(?:window|self|globalThis)(?:\.[\w$]+|\[[^\]]{1,60}\])\s*=)\s*)"
)
_BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z_$][\w$]*)\s*:")
_DEEPEST = 12
_MOST = 100_000


def read_json(content: bytes) -> bytes:
    """Return [[path, row], …] of every object in a list or map of objects, as msgpack.

    Raise InvalidInput("bank.json_broken") with the line, ("bank.json_too_big").
    """
    text = content.decode("utf-8")
    try:
        parsed = _loaded(_PREFIX.sub("", text, count=1).rstrip().rstrip(";"))
    except RecursionError as error:
        raise InvalidInput("bank.json_broken", line=1) from error
    rows: list[tuple[str, dict[str, Any]]] = []
    _gather(parsed, "", rows, 0)
    if len(rows) > _MOST:
        raise InvalidInput("bank.json_too_big", limit=_MOST)
    return msgspec.msgpack.encode(rows, enc_hook=str)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a name that comes twice keeps both values, so that none is lost unseen."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        while name in made and made[name] != value:
            name += " "
        made[name] = value
    return made


def list_json(content: bytes) -> bytes:
    """Return [[path, object], …] of every list or map of objects as it is, as msgpack; raise as `read_json` does.

    Objects of inner lists have the plain values of those around them, under names with ↑ before.
    """
    text = content.decode("utf-8")
    rows: list[tuple[str, dict[str, Any]]] = []
    try:
        _list(_loaded(_PREFIX.sub("", text, count=1).rstrip().rstrip(";")), "", {}, rows, 0)
    except RecursionError as error:
        raise InvalidInput("bank.json_broken", line=1) from error
    if len(rows) > _MOST:
        raise InvalidInput("bank.json_too_big", limit=_MOST)
    return msgspec.msgpack.encode(rows, enc_hook=str)


def _list(
    value: Any, path: str, around: dict[str, Any], rows: list[tuple[str, dict[str, Any]]], depth: int
) -> None:
    if depth > _DEEPEST or len(rows) > _MOST:
        return
    if isinstance(value, list) and value and isinstance(value[0], list):
        value = [
            {str(number): cell for number, cell in enumerate(row, 1)}
            for row in value
            if isinstance(row, list)
        ]
    if (
        isinstance(value, dict)
        and len(value) > 1
        and all(isinstance(inner, dict) for inner in value.values())
    ):
        value = [{"↑": name, **inner} for name, inner in value.items()]  # a map of objects by their numbers
    objects = value if isinstance(value, list) else [value]
    for inner in objects:
        if not isinstance(inner, dict):
            continue
        if depth or isinstance(value, list):
            rows.append((path, {**around, **inner}))
        above = {
            f"↑{name}": text for name, text in inner.items() if isinstance(text, str) and len(text) < 200
        }
        for name, child in inner.items():
            if isinstance(child, list | dict) and child:
                held = child if isinstance(child, list) else list(child.values())
                if any(isinstance(entry, dict | list) for entry in held):
                    _list(child, f"{path}.{name}" if path else str(name), above, rows, depth + 1)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as first:
        lines = [one for one in text.splitlines() if one.strip()]
        if len(lines) > 1 and lines[0].lstrip().startswith(("{", "[")):
            try:
                return [json.loads(one.rstrip(","), object_pairs_hook=_object) for one in lines]
            except json.JSONDecodeError:
                pass
        tidy = re.sub(r",(\s*[\]}])", r"\1", text)
        for mended in (tidy, _BARE_NAME.sub(r'\1"\2":', tidy)):
            try:
                return json.loads(mended, object_pairs_hook=_object)
            except json.JSONDecodeError:
                continue
        raise InvalidInput("bank.json_broken", line=first.lineno) from first


def _gather(value: Any, path: str, rows: list[tuple[str, dict[str, Any]]], depth: int) -> None:
    """Collect objects that hold texts; what holds lists of objects gives its name to them."""
    if depth > _DEEPEST or len(rows) > _MOST:
        return
    if isinstance(value, list):
        for place, child in enumerate(value):
            if isinstance(child, list) and child and isinstance(child[0], str):
                rows.append((path, {str(number): cell for number, cell in enumerate(child)}))
            elif isinstance(child, dict | list):
                _gather(child, path, rows, depth + 1)
            elif place == 0:
                return
        return
    if not isinstance(value, dict):
        return
    inner = {name: one for name, one in value.items() if _holds_rows(name, one)}
    own = {str(name): one for name, one in value.items() if name not in inner}
    if any(isinstance(one, str) and len(one) > 1 for one in own.values()) and not (inner and len(own) < 3):
        rows.append((path, own))
    titles = [one for one in own.values() if isinstance(one, str) and 1 < len(one) <= 30] if inner else []
    for name, child in inner.items():
        _gather(child, "/".join(filter(None, (path, *titles[:2], name))), rows, depth + 1)


_CHOICES = re.compile(r"opt|choice|answer|选项|^[oac]$|^items?$|^list$|correct|select", re.IGNORECASE)


def _holds_rows(name: str, value: Any) -> bool:
    """Say whether a value is a list or map of objects, and not the choices of a question."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    objects = [each for each in inside if isinstance(each, dict)]
    if objects:
        fields = len(objects[0])
        return not (_CHOICES.search(str(name)) and fields <= 5 and not _asks(objects[0]))
    lists = [each for each in inside if isinstance(each, list) and each and isinstance(each[0], dict | list)]
    return bool(lists) and isinstance(value, dict)


_STEM = re.compile(
    r"^(?:q|question|stem|title|题干|题目|试题|content|topic|questionText|name|subject)$", re.IGNORECASE
)


def _asks(row: dict[str, Any]) -> bool:
    return any(_STEM.match(str(name)) for name in row) and any(
        isinstance(each, list | dict) for each in row.values()
    )
