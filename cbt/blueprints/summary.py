"""A blueprint as the tables people know from a notice, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from flask_babel import gettext as _

from cbt.console.output import Row, align
from cbt.rules.enrolment.fees import FeePolicy
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.violations import Reason, ReasonTable, Violation


def describe(blueprint: ExamBlueprint) -> str:
    """Return every paper of a blueprint as an aligned table with its rules above it."""
    title = _(
        "exams.table.title",
        occupation=blueprint.occupation_name,
        level=blueprint.level_name,
        ref=blueprint.ref,
        bank=blueprint.bank,
    )
    papers = (line for paper in blueprint.papers.values() for line in _paper(paper))
    return "\n".join([title, *_enrolment(blueprint), *papers])


def _enrolment(blueprint: ExamBlueprint) -> Iterator[str]:
    """Return who may apply and what it costs, where a blueprint says so."""
    fees = blueprint.fees
    if blueprint.conditions:
        days = blueprint.enrolment.days_ahead
        yield from ("", _("exams.table.conditions", days=days))
        yield from (f"  （{one.number}）{one.text}" for one in blueprint.conditions)
    if fees != FeePolicy():
        first, retake, materials = (f"{fen / 100:g}" for fen in (fees.first, fees.retake, fees.materials))
        yield from ("", _("exams.table.fees", first=first, retake=retake, materials=materials))


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


def _retired(entry: Violation | Reason) -> str:
    return _("exams.reasons.retired") if entry.retired else ""


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A paper as people know it from a notice: its heading, when one may hand in, and a table in words.

    `numbers` are the columns of figures; the last row is the total.
    """

    title: str
    rules: str
    heads: list[str]
    rows: list[Row]
    numbers: frozenset[int]

    def headings(self) -> list[dict[str, object]]:
        return [{"label": head, "n": place in self.numbers} for place, head in enumerate(self.heads)]


def paper_table(paper: Paper) -> PaperTable:
    """Return a paper as a table, in the reader's language."""
    title = _(
        "exams.table.paper",
        name=paper.label,
        minutes=minutes_of(paper.duration),
        points=plain_points(paper.points),
        pass_points=plain_points(paper.pass_points),
    )
    heads, *rows = _unit_rows(paper) if paper.units else _section_rows(paper)
    numbers = frozenset({0, 4, 5}) if paper.units else frozenset({2, 3, 4, 5})
    return PaperTable(title, _submit(paper), list(heads), rows, numbers)


def _paper(paper: Paper) -> Iterator[str]:
    shown = paper_table(paper)
    yield ""
    yield shown.title
    yield "  " + shown.rules
    if paper.is_marked_by_people:
        yield "  " + _("exams.marked.what", paper=paper.label)
        yield "  " + _("exams.marked.fix")
    yield from ("  " + line for line in align([shown.heads, *shown.rows], shown.numbers))


def _submit(paper: Paper) -> str:
    rules = [_("exams.table.earliest", minutes=minutes_of(paper.submit.earliest))]
    if paper.submit.closed_before_end:
        rules.append(_("exams.table.closed", minutes=minutes_of(paper.submit.closed_before_end)))
    if paper.windows:
        rules.append(_(f"exams.table.strict_{paper.clock.unused_time}"))
    return "　".join(rules)


def _section_rows(paper: Paper) -> list[Row]:
    heads = ("section", "type", "count", "points_each", "points", "minutes")
    rows: list[Row] = [[_(f"exams.table.head.{head}") for head in heads]]
    for section in paper.sections:
        minutes = "" if section.minutes is None else minutes_of(section.minutes)
        kind = _(f"exams.type.{section.type.value}")
        each, points = plain_points(section.points_each), plain_points(section.points)
        rows.append([section.name, kind, str(section.count), each, points, minutes])
    count = sum(section.count for section in paper.sections)
    total = _("exams.table.total")
    rows.append([total, "", str(count), "", plain_points(paper.points), minutes_of(paper.duration)])
    return rows


def _unit_rows(paper: Paper) -> list[Row]:
    heads = ("unit", "project", "content", "select", "minutes", "points")
    rows: list[Row] = [[_(f"exams.table.head.{head}") for head in heads]]
    for unit in paper.units:
        select = _(f"exams.select.{unit.select}")
        minutes, points = minutes_of(unit.minutes), plain_points(unit.points)
        rows.append([str(unit.number), unit.project, unit.name, select, minutes, points])
    rows.append(["", _("exams.table.total"), "", "", minutes_of(paper.duration), plain_points(paper.points)])
    return rows


def minutes_of(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):g}"


def plain_points(number: Decimal) -> str:
    return f"{number.normalize():f}"
