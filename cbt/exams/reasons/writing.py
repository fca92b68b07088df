"""A table of reasons as the text of its file, which reads back as the same table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal

from cbt.exams.keys import Field
from cbt.exams.reasons.spec import LISTS
from cbt.rules.reasons import ReasonTable


def written(table: ReasonTable) -> str:
    """Return the text of a table; what is as if it were not written is left out."""
    lines = ["schema = 1"]
    for name, fields in LISTS.items():
        for row in getattr(table, name):
            lines += ["", f"[[{name}]]", *_pairs(asdict(row), fields)]
    return "\n".join(lines) + "\n"


def _pairs(row: dict[str, object], fields: Sequence[Field]) -> Iterator[str]:
    for field in fields:
        value = row[field.key]
        if value is not False and value != Decimal(0):
            yield f"{field.key} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
