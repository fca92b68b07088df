"""From a blueprint file's text to an ExamBlueprint, or to the list of everything that keeps it from one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from cbt.exams import spec
from cbt.exams.spec import Field, KeyKind
from cbt.rules.exam.blueprint import (
    AdmissionPolicy,
    ClockPolicy,
    DifficultyMix,
    ExamBlueprint,
    Flaw,
    Paper,
    Path,
    RetakePolicy,
    Section,
    SubmitPolicy,
    Unit,
    check,
)
from cbt.rules.items.basis.authored import number
from cbt.rules.items.values import ItemType, PartialCredit

Table = Mapping[str, Any]

LONGEST = timedelta(days=1)
"""Spans of a blueprint are minutes and seconds of one sitting; a longer one is a slip of the pen."""


def read(text: str) -> tuple[ExamBlueprint | None, list[Flaw]]:
    """Read a blueprint file's text; return the blueprint, or None and what is wrong (paths in file keys).

    Source: R-1, R-2.
    """
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:  # 5,000 digits, or brackets, are no TOML error
        return None, [Flaw((), "blueprint.unreadable", {"detail": str(error)})]
    findings: list[Flaw] = []
    blueprint = _blueprint(data, findings)
    if findings or blueprint is None:
        return None, findings
    findings = [_in_file_keys(found) for found in check(blueprint)]
    return (None if findings else blueprint), findings


def _in_file_keys(found: Flaw) -> Flaw:
    # The rules call a paper's time `duration`, its file calls it `minutes`; all else has one name.
    path = tuple("minutes" if step == "duration" else step for step in found.path)
    return Flaw(path, found.code, found.params)


def _blueprint(data: Table, findings: list[Flaw]) -> ExamBlueprint | None:
    known = [*spec.TABLES, "papers"]
    values = _values(data, spec.TOP, (), findings, tables=known)
    tables = {
        name: _values(
            _table(data, name, (), findings, required=name in spec.REQUIRED_TABLES), fields, (name,), findings
        )
        for name, fields in spec.TABLES.items()
    }
    papers = {
        code: _paper(code, paper, ("papers", code), findings)
        for code, paper in _table(data, "papers", (), findings, required=True).items()
    }
    if values.get("schema", spec.SCHEMA_VERSION) != spec.SCHEMA_VERSION:
        params = {"value": values["schema"], "known": spec.SCHEMA_VERSION}
        findings.append(Flaw(("schema",), "blueprint.schema", params))
    if findings:
        return None
    return ExamBlueprint(
        **values,
        aliases=tables["occupation"].pop("aliases", ()),
        **tables["occupation"],
        **tables["level"],
        papers={code: paper for code, paper in papers.items() if paper is not None},
        admission=AdmissionPolicy(**tables["admission"]),
        retake=RetakePolicy(**tables["retake"]),
    )


def _paper(code: str, data: object, path: Path, findings: list[Flaw]) -> Paper | None:
    if not isinstance(data, Mapping):
        findings.append(_wrong(path, data, "table"))
        return None
    before = len(findings)
    values = _values(data, spec.PAPER, path, findings, tables=[*spec.PAPER_TABLES, *spec.PAPER_LISTS])
    tables = {
        name: _values(_table(data, name, path, findings), fields, (*path, name), findings)
        for name, fields in spec.PAPER_TABLES.items()
    }
    lists = {
        name: [
            _values(row, fields, (*path, name, index), findings)
            for index, row in enumerate(_rows(data, name, path, findings))
        ]
        for name, fields in spec.PAPER_LISTS.items()
    }
    if len(findings) > before:
        return None
    if "difficulty" in values:
        values["difficulty"] = DifficultyMix(values["difficulty"])
    return Paper(
        code=code,
        **values,
        submit=SubmitPolicy(**tables["submit"]),
        clock=ClockPolicy(**tables["clock"]),
        sections=tuple(_section(row) for row in lists["sections"]),
        units=tuple(Unit(**row) for row in lists["units"]),
    )


def _section(row: dict[str, Any]) -> Section:
    credit = PartialCredit(row.pop("credit", PartialCredit.ALL_OR_NOTHING))
    return Section(**(row | {"type": ItemType(row["type"]), "credit": credit}))


def _table(data: Table, name: str, path: Path, findings: list[Flaw], *, required: bool = False) -> Table:
    value = data.get(name)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        findings.append(_wrong((*path, name), value, "table"))
    elif required:
        findings.append(Flaw((*path, name), "blueprint.key_missing", {"key": name}))
    return {}


def _rows(data: Table, name: str, path: Path, findings: list[Flaw]) -> Sequence[Table]:
    value = data.get(name, [])
    if isinstance(value, list) and all(isinstance(row, Mapping) for row in value):
        return value
    findings.append(_wrong((*path, name), value, "tables"))
    return []


def _values(
    data: Table,
    fields: tuple[Field, ...],
    path: Path,
    findings: list[Flaw],
    tables: Sequence[str] = (),
) -> dict[str, Any]:
    """Read the keys of one table; every unknown, missing or unreadable key becomes a finding."""
    known = {field.key: field for field in fields}
    for key in data:
        if key not in known and key not in tables:
            near = get_close_matches(key, [*known, *tables], n=1)
            params = {"key": key, "near": near[0] if near else ", ".join(known)}
            findings.append(Flaw((*path, key), "blueprint.key_unknown", params))
    values: dict[str, Any] = {}
    for key, field in known.items():
        if key not in data:
            if field.required:
                findings.append(Flaw((*path, key), "blueprint.key_missing", {"key": key}))
            continue
        value = _READERS[field.kind](data[key])
        if value is None:
            findings.append(_wrong((*path, key), data[key], field.kind.value))
        elif outside := _outside(value, field):
            params = {"value": outside, "allowed": ", ".join(field.allowed)}
            findings.append(Flaw((*path, key), "blueprint.value_unknown", params))
        else:
            values[field.target] = value
    return values


def _outside(value: object, field: Field) -> str:
    """Return the value that is none of the allowed ones, or ""."""
    if not field.allowed or field.kind is KeyKind.CREDITS:
        return ""
    given = value if isinstance(value, tuple) else (value,)
    return next((str(entry) for entry in given if entry not in field.allowed), "")


def _wrong(path: Path, value: object, kind: str) -> Flaw:
    return Flaw(path, "blueprint.value_type", {"key": path[-1], "value": value, "kind": kind})


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _texts(value: object) -> tuple[str, ...] | None:
    return _tuple(value, _text)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _points(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return number(value)


def _switch(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _minutes(value: object) -> timedelta | None:
    return _span(value, timedelta(minutes=1))


def _seconds(value: object) -> timedelta | None:
    return _span(value, timedelta(seconds=1))


def _span(value: object, unit: timedelta) -> timedelta | None:
    found = _points(value)
    return unit * float(found) if found is not None and abs(found) < LONGEST / unit else None


def _credits(value: object) -> dict[ItemType, PartialCredit] | None:
    if not isinstance(value, Mapping):
        return None
    try:
        return {ItemType(kind): PartialCredit(credit) for kind, credit in value.items()}
    except ValueError:
        return None


def _tuple(value: object, read_one: Callable[[object], Any]) -> tuple[Any, ...] | None:
    if not isinstance(value, list):
        return None
    found = tuple(read_one(entry) for entry in value)
    return None if None in found else found


_READERS: Mapping[KeyKind, Callable[[object], Any]] = {
    KeyKind.TEXT: _text,
    KeyKind.TEXTS: _texts,
    KeyKind.WHOLE: _whole,
    KeyKind.WHOLES: lambda value: _tuple(value, _whole),
    KeyKind.POINTS: _points,
    KeyKind.SWITCH: _switch,
    KeyKind.MINUTES: _minutes,
    KeyKind.MINUTES_LIST: lambda value: _tuple(value, _minutes),
    KeyKind.SECONDS: _seconds,
    KeyKind.CREDITS: _credits,
}
