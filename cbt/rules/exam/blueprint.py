"""考核方案: the papers of one level, and everything about them that does not add up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from cbt.rules.exam.paper import Paper, Section, Unit
from cbt.rules.exam.policies import AdmissionPolicy, ClockPolicy, DifficultyMix, RetakePolicy, SubmitPolicy
from cbt.rules.exam.tools import TOOLS
from cbt.rules.items.registry import credit_suits
from cbt.rules.items.values import ItemType, PartialCredit

__all__ = [
    "AdmissionPolicy",
    "ClockPolicy",
    "DifficultyMix",
    "ExamBlueprint",
    "Flaw",
    "Paper",
    "Path",
    "RetakePolicy",
    "Section",
    "SubmitPolicy",
    "Unit",
    "check",
    "check_names",
]

Path = tuple[str | int, ...]
ZERO = timedelta(0)
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
LONGEST_REF, LONGEST_CODE = 60, 20
"""Characters of a blueprint's own name and of a paper's."""

# A section asks single items, so a case belongs in a unit; short answers need people to mark them.
SECTION_TYPES = frozenset(ItemType) - {ItemType.CASE}


@dataclass(frozen=True, slots=True)
class ExamBlueprint:
    """Everything an exam of one level needs to know that is not an item. Source: R-1 to R-6."""

    ref: str
    schema: int
    occupation_code: str
    occupation_name: str
    aliases: tuple[str, ...]
    level_code: str
    level_name: str
    bank: str
    papers: Mapping[str, Paper]
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    retake: RetakePolicy = field(default_factory=RetakePolicy)

    def paper_title(self, code: str) -> str:
        """Return the title of a paper as candidates read it: 客户服务管理员（三级）· 理论知识."""
        return f"{self.occupation_name}（{self.level_name}）· {self.papers[code].label}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that does not hold: where (keys and 0-based places), what, and the numbers."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def check(blueprint: ExamBlueprint) -> list[Flaw]:
    """Return everything in a blueprint that does not add up; an empty list means it can be used.

    Minutes in the findings are minutes, points are points.

    Source: R-1, R-2.
    """
    findings = [] if blueprint.papers else [Flaw(("papers",), "blueprint.no_paper")]
    for code, paper in blueprint.papers.items():
        findings += _paper(paper, ("papers", code))
    findings += _admission(blueprint.admission)
    if blueprint.retake.years < 1:
        findings.append(_not_positive(("retake", "years"), blueprint.retake.years))
    findings += _known(blueprint.retake.window_from, ("release", "exam"), ("retake", "window_from"))
    return findings


def check_names(blueprint: ExamBlueprint) -> list[Flaw]:
    """Return which names of a new blueprint cannot stand in an address, or in a table."""
    named: list[tuple[Path, str, int]] = [(("ref",), blueprint.ref, LONGEST_REF)]
    named += [(("papers", code), code, LONGEST_CODE) for code in blueprint.papers]
    return [
        Flaw(path, "blueprint.name_form", {"value": name[:LONGEST_REF], "most": most})
        for path, name, most in named
        if not NAME.fullmatch(name) or len(name) > most
    ]


def _paper(paper: Paper, path: Path) -> Iterator[Flaw]:
    if bool(paper.sections) == bool(paper.units):
        yield Flaw(path, "blueprint.sections_or_units")
    for name in ("duration", "points", "score_step"):
        yield from _positive(getattr(paper, name), (*path, name))
    if not 0 <= paper.pass_points <= paper.points:
        yield Flaw(
            (*path, "pass_points"),
            "blueprint.pass_outside",
            {"pass_points": paper.pass_points, "points": paper.points},
        )
    if not paper.modes or not set(paper.modes) <= {"machine", "paper"}:
        yield Flaw((*path, "modes"), "blueprint.mode_unknown", {"modes": ", ".join(paper.modes)})
    if (
        len(paper.difficulty.shares) != 5
        or min(paper.difficulty.shares) < 0
        or not any(paper.difficulty.shares)
    ):
        yield Flaw((*path, "difficulty"), "blueprint.difficulty_mix")
    yield from _known(paper.release, ("score", "verdict", "none"), (*path, "release"))
    for tool in paper.tools:
        yield from _known(tool, TOOLS, (*path, "tools"))
    yield from _sections(paper, path)
    yield from _units(paper, path)
    yield from _sums(paper, path)
    yield from _times(paper, path)


def _sections(paper: Paper, path: Path) -> Iterator[Flaw]:
    seen: set[ItemType] = set()
    for index, section in enumerate(paper.sections):
        here = (*path, "sections", index)
        yield from _positive(section.count, (*here, "count"))
        yield from _positive(section.points_each, (*here, "points_each"))
        if section.minutes is not None:
            yield from _positive(section.minutes, (*here, "minutes"))
        if section.type not in SECTION_TYPES:
            yield Flaw((*here, "type"), "blueprint.section_type", {"type": section.type.value})
        if section.type in seen:
            yield Flaw((*here, "type"), "blueprint.section_repeated", {"type": section.type.value})
        seen.add(section.type)
        yield from _credit(section.type, section.credit, (*here, "credit"))
    if len({section.minutes is None for section in paper.sections}) == 2:
        yield Flaw((*path, "sections"), "blueprint.minutes_partial")


def _units(paper: Paper, path: Path) -> Iterator[Flaw]:
    for index, unit in enumerate(paper.units):
        here = (*path, "units", index)
        if unit.number != index + 1:
            yield Flaw(
                (*here, "number"), "blueprint.unit_number", {"number": unit.number, "expected": index + 1}
            )
        yield from _positive(unit.minutes, (*here, "minutes"))
        yield from _positive(unit.points, (*here, "points"))
        yield from _known(unit.select, ("required",), (*here, "select"))
        for kind, credit in unit.credit.items():
            yield from _credit(kind, credit, (*here, "credit", kind.value))


def _sums(paper: Paper, path: Path) -> Iterator[Flaw]:
    points = sum((part.points for part in paper.units or paper.sections), Decimal(0))
    if points != paper.points:
        yield Flaw((*path, "points"), "blueprint.points_sum", {"points": paper.points, "sum": points})
    spans = [span for span in paper.minutes if span is not None]
    if spans and sum(spans, ZERO) != paper.duration:
        yield Flaw(
            (*path, "duration"),
            "blueprint.minutes_sum",
            {"minutes": _minutes(paper.duration), "sum": _minutes(sum(spans, ZERO))},
        )


def _times(paper: Paper, path: Path) -> Iterator[Flaw]:
    submit, clock = paper.submit, paper.clock
    yield from _not_negative(submit.earliest, (*path, "submit", "earliest"))
    yield from _not_negative(submit.closed_before_end, (*path, "submit", "closed_before_end"))
    if submit.earliest + submit.closed_before_end > paper.duration:
        yield Flaw(
            (*path, "submit"),
            "blueprint.never_submittable",
            {
                "earliest": _minutes(submit.earliest),
                "closed": _minutes(submit.closed_before_end),
                "minutes": _minutes(paper.duration),
            },
        )
    yield from _not_negative(clock.grace, (*path, "clock", "grace"))
    yield from _known(clock.unit_timing, ("strict", "pooled"), (*path, "clock", "unit_timing"))
    yield from _known(clock.unused_time, ("carried", "lost"), (*path, "clock", "unused_time"))
    yield from _known(clock.late_start, ("scale", "cut"), (*path, "clock", "late_start"))
    yield from _warnings(paper.warnings, paper.duration, (*path, "warnings"))
    if paper.windows:
        yield from _warnings(paper.unit_warnings, min(paper.windows), (*path, "unit_warnings"))


def _warnings(warnings: tuple[timedelta, ...], span: timedelta, path: Path) -> Iterator[Flaw]:
    for index, warning in enumerate(warnings):
        if not ZERO < warning < span:
            params = {"warning": _minutes(warning), "minutes": _minutes(span)}
            yield Flaw((*path, index), "blueprint.warning_outside", params)


def _admission(policy: AdmissionPolicy) -> Iterator[Flaw]:
    for name in ("check_in_opens", "report", "sign_in_opens", "late_limit"):
        yield from _not_negative(getattr(policy, name), ("admission", name))
    yield from _known(policy.late_from, ("report_at", "start"), ("admission", "late_from"))
    for name in ("report", "sign_in_opens"):
        if getattr(policy, name) > policy.check_in_opens:
            params = {
                "minutes": _minutes(getattr(policy, name)),
                "check_in_opens": _minutes(policy.check_in_opens),
            }
            yield Flaw(("admission", name), "blueprint.before_check_in", params)


def _credit(kind: ItemType, credit: PartialCredit, path: Path) -> Iterator[Flaw]:
    if not credit_suits(kind, credit):
        yield Flaw(path, "blueprint.credit_type", {"type": kind.value, "credit": credit.value})


def _known(value: str, allowed: tuple[str, ...], path: Path) -> Iterator[Flaw]:
    if value not in allowed:
        yield Flaw(path, "blueprint.value_unknown", {"value": value, "allowed": ", ".join(allowed)})


def _positive(value: timedelta | Decimal | int, path: Path) -> Iterator[Flaw]:
    if value <= (ZERO if isinstance(value, timedelta) else 0):  # type: ignore[operator]  # zero is of the value's own type
        yield _not_positive(path, value)


def _not_negative(value: timedelta, path: Path) -> Iterator[Flaw]:
    if value < ZERO:
        yield Flaw(path, "blueprint.negative", {"value": _minutes(value)})


def _not_positive(path: Path, value: timedelta | Decimal | int) -> Flaw:
    shown = _minutes(value) if isinstance(value, timedelta) else value
    return Flaw(path, "blueprint.not_positive", {"value": shown})


def _minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):g}"
