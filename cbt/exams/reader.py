"""From a blueprint file's text to an ExamBlueprint, or to the list of everything that keeps it from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.exams import spec
from cbt.exams.keys import Field, Table, check_version, parse, read_rows, read_table, read_values, wrong_value
from cbt.exams.supposing import flaws_beside
from cbt.rules.enrolment.eligibility.conditions import Condition, EnrolmentPolicy
from cbt.rules.enrolment.eligibility.facts import EducationLevel, SchoolKind
from cbt.rules.enrolment.eligibility.majors import MajorTable
from cbt.rules.enrolment.fees.prices import FeePolicy
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
from cbt.rules.items.values import ItemType, PartialCredit


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


def _in_file_keys(found: Flaw) -> Flaw:
    # The rules call a paper's time `duration`, its file calls it `minutes`; all else has one name.
    path = tuple("minutes" if step == "duration" else step for step in found.path)
    return Flaw(path, found.code, found.params)


def _blueprint(data: Table, findings: list[Flaw]) -> ExamBlueprint | None:
    known = [*spec.TABLES, *spec.LISTS, "papers"]
    values = read_values(data, spec.TOP, (), findings, tables=known)
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
