"""A blueprint as the tables people know from a notice, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from flask_babel import gettext as _

from cbt.console.columns import Row, align
from cbt.rules.exam.blueprint import ExamBlueprint, Paper
from cbt.rules.reasons import Reason, ReasonTable
from cbt.rules.violation import Violation


def describe(blueprint: ExamBlueprint) -> str:
    """Return every paper of a blueprint as an aligned table with its rules above it."""
    title = _(
        "exams.table.title",
        occupation=blueprint.occupation_name,
        level=blueprint.level_name,
        ref=blueprint.ref,
        bank=blueprint.bank,
    )
    return "\n".join([title, *(line for paper in blueprint.papers.values() for line in _paper(paper))])


def describe_reasons(table: ReasonTable) -> str:
    """Return a table of reasons as aligned lines: code, names, and what a violation does."""
    violations = [
        [one.code, one.zh, one.en, one.clause, "、".join(one.effects), _retired(one)]
        for one in table.violations
    ]
    reasons = [[one.code, one.zh, one.en, _retired(one)] for one in table.reasons]
    lines = [_("exams.reasons.violations", count=len(violations)), *_indented(violations)]
    return "\n".join([*lines, _("exams.reasons.reasons", count=len(reasons)), *_indented(reasons)])


def _indented(rows: Sequence[Row]) -> Iterator[str]:
    return ("  " + line for line in align(rows, frozenset())) if rows else iter(())


def _retired(one: Violation | Reason) -> str:
    return _("exams.reasons.retired") if one.retired else ""


def _paper(paper: Paper) -> Iterator[str]:
    yield ""
    yield _(
        "exams.table.paper",
        name=paper.label,
        minutes=_minutes(paper.duration),
        points=_plain(paper.points),
        pass_points=_plain(paper.pass_points),
    )
    yield "  " + _submit(paper)
    rows = _unit_rows(paper) if paper.units else _section_rows(paper)
    numbers = frozenset({0, 4, 5}) if paper.units else frozenset({2, 3, 4, 5})
    yield from ("  " + line for line in align(rows, numbers))


def _submit(paper: Paper) -> str:
    said = [_("exams.table.earliest", minutes=_minutes(paper.submit.earliest))]
    if paper.submit.closed_before_end:
        said.append(_("exams.table.closed", minutes=_minutes(paper.submit.closed_before_end)))
    if paper.windows:
        said.append(_(f"exams.table.strict_{paper.clock.unused_time}"))
    return "　".join(said)


def _section_rows(paper: Paper) -> list[Row]:
    heads = ("section", "type", "count", "points_each", "points", "minutes")
    rows: list[Row] = [[_(f"exams.table.head.{head}") for head in heads]]
    for section in paper.sections:
        minutes = "" if section.minutes is None else _minutes(section.minutes)
        kind = _(f"exams.type.{section.type.value}")
        each, points = _plain(section.points_each), _plain(section.points)
        rows.append([section.name, kind, str(section.count), each, points, minutes])
    count = sum(section.count for section in paper.sections)
    total = _("exams.table.total")
    rows.append([total, "", str(count), "", _plain(paper.points), _minutes(paper.duration)])
    return rows


def _unit_rows(paper: Paper) -> list[Row]:
    heads = ("unit", "project", "content", "select", "minutes", "points")
    rows: list[Row] = [[_(f"exams.table.head.{head}") for head in heads]]
    for unit in paper.units:
        select = _(f"exams.select.{unit.select}")
        minutes, points = _minutes(unit.minutes), _plain(unit.points)
        rows.append([str(unit.number), unit.project, unit.name, select, minutes, points])
    rows.append(["", _("exams.table.total"), "", "", _minutes(paper.duration), _plain(paper.points)])
    return rows


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):g}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
