"""A blueprint's tables as TOML, in the order of the table of keys; what is read from it are the same tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cbt.exams import spec
from cbt.exams.keys import Field


def written(data: Mapping[str, Any], head: Sequence[str] = ()) -> str:
    """Return the text of a blueprint; `head` are the lines of comment that it begins with.

    Values are what TOML has (texts, whole numbers, Decimals, switches, lists of them; `credit` is a table).
    """
    lines = [*head, *([""] if head else []), *_pairs(data, spec.TOP)]
    for name, fields in spec.TABLES.items():
        if name in data:
            lines += ["", f"[{name}]", *_pairs(data[name], fields)]
    for name, fields in spec.LISTS.items():
        for row in data.get(name, []):
            lines += ["", f"[[{name}]]", *_pairs(row, fields)]
    for code, paper in data.get("papers", {}).items():
        lines += ["", f"[papers.{_key(code)}]", *_pairs(paper, spec.PAPER)]
        for name, fields in spec.PAPER_TABLES.items():
            if name in paper:
                lines += ["", f"[papers.{_key(code)}.{name}]", *_pairs(paper[name], fields)]
        for name, fields in spec.PAPER_LISTS.items():
            for row in paper.get(name, []):
                lines += ["", f"[[papers.{_key(code)}.{name}]]", *_pairs(row, fields)]
    return "\n".join(lines) + "\n"


def head_of(text: str) -> list[str]:
    """Return the lines of comment that a text begins with."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line)
    return lines


def _pairs(table: Mapping[str, Any], fields: Sequence[Field]) -> Iterator[str]:
    for field in fields:
        if field.key in table:
            yield f"{field.key} = {_value(table[field.key])}"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(one) for one in value)}]"
    return str(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
