"""From the text of a file of reasons to a ReasonTable, or to the list of everything that keeps it from one."""

from __future__ import annotations

from typing import Any

from cbt.exams.keys import check_version, parse, read_rows, read_values
from cbt.exams.reasons import spec
from cbt.rules.exam.blueprint import Flaw
from cbt.rules.reasons import Reason, ReasonTable, check_reasons
from cbt.rules.violation import Effect, Evidence, Tier, Violation


def read(text: str) -> tuple[ReasonTable | None, list[Flaw]]:
    """Read the text of a file of reasons; return the table, or None and what is wrong (paths in file keys).

    Source: R-26, R-63.
    """
    data, findings = parse(text)
    if data is None:
        return None, findings
    check_version(read_values(data, spec.TOP, (), findings, tables=list(spec.LISTS)), findings)
    rows: dict[str, list[dict[str, Any]]] = {
        name: [
            read_values(row, fields, (name, place), findings)
            for place, row in enumerate(read_rows(data, name, (), findings))
        ]
        for name, fields in spec.LISTS.items()
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
