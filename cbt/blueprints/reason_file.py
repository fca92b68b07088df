"""The file of reasons: its keys and what each may hold, its text read into a table and written from one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from cbt.blueprints.toml_file import (
    SCHEMA,
    Field,
    KeyKind,
    check_version,
    needed,
    parse,
    read_rows,
    read_values,
)
from cbt.rules.exam import Flaw
from cbt.rules.violations import Effect, Evidence, Reason, ReasonTable, Tier, Violation, check_reasons

REASONS_FILE = "reasons.toml"
"""Its name in the folder of the blueprints."""

_NAMED = (
    needed("code", KeyKind.TEXT, "代码：小写字母、数字和下划线，最多 20 个字符；用过的不要改"),
    needed("zh", KeyKind.TEXT, "中文名称"),
    needed("en", KeyKind.TEXT, "英文名称"),
    Field("retired", KeyKind.SWITCH, "停用：不再可选，以往的记录照常显示"),
)
TOP = (SCHEMA,)
VIOLATION = (
    *_NAMED,
    needed("clause", KeyKind.TEXT, "所违反的条款，如 考场须知第 5 条"),
    needed("tier", KeyKind.TEXT, "类别：breach 违纪，cheating 作弊", allowed=tuple(Tier)),
    needed(
        "effects",
        KeyKind.TEXTS,
        "处理：warning 警告，deduct 扣分，terminate 终止考试，paper_void 该科无效，all_void 全部无效",
        allowed=tuple(Effect),
    ),
    needed(
        "evidence",
        KeyKind.TEXTS,
        "应附证据：statement 监考陈述，witness 第二人见证，object 物证，video 录像，system_log 系统日志",
        allowed=tuple(Evidence),
    ),
    Field("deduct", KeyKind.POINTS, "扣几分；处理含 deduct 时填写"),
)
REASON = _NAMED
LISTS: Mapping[str, tuple[Field, ...]] = {
    "violations": VIOLATION,
    "reasons": REASON,
    "messages": REASON,
}


def read(text: str) -> tuple[ReasonTable | None, list[Flaw]]:
    """Read the text of a file of reasons; return the table, or None and what is wrong (paths in file keys).

    Source: R-26, R-63.
    """
    data, findings = parse(text)
    if data is None:
        return None, findings
    check_version(read_values(data, TOP, (), findings, tables=list(LISTS)), findings)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [
            read_values(row, fields, (name, place), findings)
            for place, row in enumerate(read_rows(data, name, (), findings))
        ]
        for name, fields in LISTS.items()
    }
    if findings:
        return None, findings
    table = ReasonTable(
        violations=tuple(_violation(row) for row in rows["violations"]),
        reasons=tuple(Reason(**row) for row in rows["reasons"]),
        messages=tuple(Reason(**row) for row in rows["messages"]),
    )
    findings = check_reasons(table)
    return (None if findings else table), findings


def _violation(row: dict[str, Any]) -> Violation:
    return Violation(
        **row
        | {
            "tier": Tier(row["tier"]),
            "effects": tuple(Effect(one) for one in row["effects"]),
            "evidence": tuple(Evidence(one) for one in row["evidence"]),
        }
    )


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
