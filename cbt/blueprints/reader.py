"""The reader of blueprint files: from the text to an ExamBlueprint, or to all that keeps it from one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from cbt.blueprints import spec
from cbt.blueprints.toml_file import (
    SCHEMA_VERSION,
    Field,
    KeyKind,
    Table,
    check_version,
    parse,
    read_rows,
    read_table,
    read_values,
    wrong_value,
)
from cbt.rules.enrolment.conditions import Condition, EducationLevel, EnrolmentPolicy, MajorTable, SchoolKind
from cbt.rules.enrolment.fees import FeePolicy
from cbt.rules.exam import (
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
from cbt.rules.items.content import ItemType, PartialCredit


def read(text: str) -> tuple[ExamBlueprint | None, list[Flaw]]:
    """Read a blueprint file's text; return the blueprint, or None and what is wrong (paths in file keys).

    Source: R-1, R-2.
    """
    data, unread = parse(text)
    if data is None:
        return None, unread
    blueprint = _blueprint(data, unread)
    if blueprint is None:
        return None, [*unread, *flaws_beside(data, unread, _rules)]
    findings = _checked(blueprint)
    return (None if findings else blueprint), findings


def _rules(data: Table) -> list[Flaw] | None:
    """Return what does not add up in a file's tables; None where they cannot be read."""
    blueprint = _blueprint(data, [])
    return None if blueprint is None else _checked(blueprint)


def _checked(blueprint: ExamBlueprint) -> list[Flaw]:
    return [_in_file_keys(found) for found in check(blueprint)]


def _in_file_keys(flaw: Flaw) -> Flaw:
    # The rules call a paper's time `duration`, its file calls it `minutes`; all else has one name.
    path = tuple("minutes" if step == "duration" else step for step in flaw.path)
    return Flaw(path, flaw.code, flaw.params)


def _blueprint(data: Table, findings: list[Flaw]) -> ExamBlueprint | None:
    keys = [*spec.TABLES, *spec.LISTS, "papers"]
    values = read_values(data, spec.TOP, (), findings, tables=keys)
    tables = {
        name: read_values(
            read_table(data, name, (), findings, required=name in spec.REQUIRED_TABLES),
            fields,
            (name,),
            findings,
        )
        for name, fields in spec.TABLES.items()
    }
    lists = {name: _rows(data, name, fields, (), findings) for name, fields in spec.LISTS.items()}
    papers = {
        code: _paper(code, paper, ("papers", code), findings)
        for code, paper in read_table(data, "papers", (), findings, required=True).items()
    }
    check_version(values, findings)
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
        enrolment=EnrolmentPolicy(**tables["enrolment"]),
        majors=MajorTable(**tables["majors"]),
        conditions=tuple(_condition(row) for row in lists["eligibility"]),
        fees=FeePolicy(**tables["fees"]),
    )


def _rows(
    data: Table, name: str, fields: tuple[Field, ...], path: Path, findings: list[Flaw]
) -> list[dict[str, Any]]:
    return [
        read_values(row, fields, (*path, name, index), findings)
        for index, row in enumerate(read_rows(data, name, path, findings))
    ]


def _condition(row: dict[str, Any]) -> Condition:
    if "education" in row:
        row["education"] = EducationLevel(row["education"])
    return Condition(**row | {"schools": tuple(SchoolKind(one) for one in row.get("schools", ()))})


def _paper(code: str, data: object, path: Path, findings: list[Flaw]) -> Paper | None:
    if not isinstance(data, Mapping):
        findings.append(wrong_value(path, data, "table"))
        return None
    before = len(findings)
    values = read_values(data, spec.PAPER, path, findings, tables=[*spec.PAPER_TABLES, *spec.PAPER_LISTS])
    tables = {
        name: read_values(read_table(data, name, path, findings), fields, (*path, name), findings)
        for name, fields in spec.PAPER_TABLES.items()
    }
    lists = {name: _rows(data, name, fields, path, findings) for name, fields in spec.PAPER_LISTS.items()}
    if len(findings) > before:
        return None
    if "difficulty" in values:
        values["difficulty"] = DifficultyMix(values["difficulty"])
    paper = Paper(
        code=code,
        **values,
        submit=SubmitPolicy(**tables["submit"]),
        clock=ClockPolicy(**tables["clock"]),
        sections=tuple(_section(row) for row in lists["sections"]),
        units=tuple(Unit(**row) for row in lists["units"]),
    )
    return paper.with_fitting_warnings({"warnings", "unit_warnings"} - values.keys())


def _section(row: dict[str, Any]) -> Section:
    credit = PartialCredit(row.pop("credit", PartialCredit.ALL_OR_NOTHING))
    return Section(**(row | {"type": ItemType(row["type"]), "credit": credit}))


# What is wrong with a blueprint beside what could not be read: its rules are asked as well.
#
# Where a key cannot be read, two different values are supposed for it, one after the other. What is found
# with both of them, in the same words, holds whatever the key is meant to say; all else is left unsaid.

SUPPOSED = (7, 11)

Read = Callable[[Table], list[Flaw] | None]
Shape = Field | str | None
"""What stands at a path: a key, "table", "rows", or nothing that is known."""


def flaws_beside(data: Table, unread: list[Flaw], rules: Read) -> list[Flaw]:
    """Return what the `rules` find in `data` whatever its unread keys say; None of theirs is nothing to say."""
    try:
        first, second = (rules(_mended(data, unread, size)) for size in SUPPOSED)
    except RecursionError:  # tables within tables without end are told as what they are: keys there are not
        return []
    if first is None or second is None:
        return []
    papers = any(flaw.path[:1] == ("papers",) and len(flaw.path) <= 2 for flaw in unread)
    return [flaw for flaw in first if flaw in second and not (papers and flaw.path == ("papers",))]


def _mended(data: Table, unread: list[Flaw], size: int) -> dict[str, Any]:
    mended: dict[str, Any] = copy.deepcopy(dict(data))
    for flaw in unread:
        around, key = _holder(mended, flaw.path), flaw.path[-1] if flaw.path else ""
        if around is None or not isinstance(key, str):
            continue
        shape = shape_at(flaw.path)
        if shape is None:
            around.pop(key, None)
            near = str(flaw.params.get("near", ""))
            # A key that is only misspelt says something nobody could read.
            meant = shape_at((*flaw.path[:-1], near))
            if flaw.code == "blueprint.key_unknown" and meant is not None and near not in around:
                around[near] = _value(meant, (*flaw.path[:-1], near), size)
        else:
            around[key] = _value(shape, flaw.path, size)
    return mended


def _holder(data: dict[str, Any], path: Path) -> dict[str, Any] | None:
    """Return the table in which the key at the end of a path stands; None where there is none."""
    here: Any = data
    for step in path[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    return here if isinstance(here, dict) else None


def shape_at(path: Path) -> Shape:
    """Return what a blueprint has at a path."""
    match path:
        case (str(key),):
            return _kind_at_top(key) or _field(spec.TOP, key)
        case ("papers", _):
            return None
        case ("papers", _, str(key)):
            kinds = {**dict.fromkeys(spec.PAPER_TABLES, "table"), **dict.fromkeys(spec.PAPER_LISTS, "rows")}
            return kinds.get(key) or _field(spec.PAPER, key)
        case ("papers", _, str(table), str(key)):
            return _field(spec.PAPER_TABLES.get(table, ()), key)
        case ("papers", _, str(rows), int(), str(key)):
            return _field(spec.PAPER_LISTS.get(rows, ()), key)
        case (str(rows), int(), str(key)):
            return _field(spec.LISTS.get(rows, ()), key)
        case (str(table), str(key)):
            return _field(spec.TABLES.get(table, ()), key)
    return None


def _kind_at_top(key: str) -> str:
    if key in (*spec.TABLES, "papers"):
        return "table"
    return "rows" if key in spec.LISTS else ""


def _field(fields: tuple[Field, ...], key: str) -> Field | None:
    return next((field for field in fields if field.key == key), None)


def _value(shape: Shape, path: Path, size: int) -> object:
    if isinstance(shape, Field):
        return _of_kind(shape, size)
    key = str(path[-1])
    if shape == "rows":
        return [_table({**spec.LISTS, **spec.PAPER_LISTS}[key], size)]
    fields = spec.TABLES.get(key) or spec.PAPER_TABLES.get(key, ())
    return _table(fields, size)


def _table(fields: tuple[Field, ...], size: int) -> dict[str, object]:
    return {field.key: _of_kind(field, size) for field in fields}


def _of_kind(field: Field, size: int) -> object:
    if field.key == "schema":
        return SCHEMA_VERSION
    values: Mapping[KeyKind, object] = {
        KeyKind.TEXT: field.allowed[size % len(field.allowed)] if field.allowed else f"x{size}",
        KeyKind.TEXTS: list(field.allowed[:1]) or [f"x{size}"],
        KeyKind.WHOLES: [1, 2, 4, 2, 1],
        KeyKind.SWITCH: size == SUPPOSED[0],
        KeyKind.MINUTES_LIST: [],
        KeyKind.CREDITS: {},
    }
    return values.get(field.kind, size)
