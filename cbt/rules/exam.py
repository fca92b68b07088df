"""The exam blueprint of one level: its choices, papers and tools, and the checks that find what does not add up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from cbt.errors import InvalidInput
from cbt.rules.enrolment.conditions import (
    Condition,
    EligibilityRules,
    EnrolmentPolicy,
    MajorTable,
    plain_major,
)
from cbt.rules.enrolment.fees import FeePolicy
from cbt.rules.items.content import ItemType, PartialCredit
from cbt.rules.items.registry import credit_suits


class ExamMode(StrEnum):
    """How a paper is sat: 机考 or 闭卷笔试. Source: R-5."""

    MACHINE = "machine"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class SubmitPolicy:
    """When a candidate may hand in: not before `earliest`, and not in the last `closed_before_end`.

    Source: R-23.
    """

    earliest: timedelta = timedelta(minutes=30)
    closed_before_end: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """How hard the minutes of a unit are, and the transport grace for what was on the wire.

    Source: R-21, R-24.
    """

    unit_timing: Literal["strict", "pooled"] = "strict"
    unused_time: Literal["carried", "lost"] = "carried"
    late_start: Literal["scale", "cut"] = "scale"
    grace: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """When the doors open and close, as lengths of time before the planned start.

    `late_limit` counts after `late_from`: the time to report, or the start.

    Source: R-11, R-13, R-14.
    """

    check_in_opens: timedelta = timedelta(minutes=40)
    report: timedelta = timedelta(minutes=30)
    sign_in_opens: timedelta = timedelta(minutes=20)
    late_limit: timedelta = timedelta(minutes=15)
    late_from: Literal["report_at", "start"] = "report_at"
    sign_in_needs_check_in: bool = True
    leave_allowed: bool = True


@dataclass(frozen=True, slots=True)
class RetakePolicy:
    """How long a failed paper may be retaken alone, and from when the years count.

    Source: R-4.
    """

    years: int = 2
    window_from: Literal["release", "exam"] = "release"
    absent_may_retake: bool = False


@dataclass(frozen=True, slots=True)
class DifficultyMix:
    """The shares of difficulty 1 to 5 in a form, as whole numbers in proportion.

    Source: R-8.
    """

    shares: tuple[int, int, int, int, int] = (1, 2, 4, 2, 1)

    @property
    def mean(self) -> Fraction:
        """The mean difficulty of a form with exactly these shares."""
        return Fraction(sum(level * share for level, share in enumerate(self.shares, 1)), sum(self.shares))


# A paper of a level (科目) with its sections or units, and the tools its answer page offers.
#
# Tools help somebody to read and to choose: offered to everybody on a paper, or to one person who needs
# them.
#
# Source.


class Tool(StrEnum):
    """A tool of the answer page."""

    HIGHLIGHTER = "highlighter"
    RULER = "ruler"
    MAGNIFIER = "magnifier"
    SPEECH = "speech"
    MASKING = "masking"


TOOLS = tuple(tool.value for tool in Tool)
"""Their names, in the order in which they stand everywhere."""


def offered(free: Iterable[str], own: Iterable[str] = ()) -> list[str]:
    """Return the tools a page gets, each once: those free for all on its paper, and the candidate's own.

    Source: R-30.
    """
    names = {*free, *own}
    return [name for name in TOOLS if name in names]


def tools_text(names: Iterable[str]) -> str:
    """Return tools as they are stored: their names in order, by commas; "" for none.

    Raise InvalidInput("person.tools") for one that is not known.
    """
    chosen = set(names)
    if not chosen <= set(TOOLS):
        raise InvalidInput("person.tools", field="tools")
    return ",".join(offered(chosen))


def tools_in(text: str) -> list[str]:
    """Return the tools that a stored text names; what a later version wrote is passed over."""
    return offered(text.split(","))


@dataclass(frozen=True, slots=True)
class Section:
    """大题: `count` items of one type, each worth `points_each`. Source: R-1."""

    name: str
    type: ItemType
    count: int
    points_each: Decimal
    minutes: timedelta | None = None
    shuffle_items: bool = True
    shuffle_choices: bool = True
    credit: PartialCredit = PartialCredit.ALL_OR_NOTHING

    @property
    def points(self) -> Decimal:
        return self.count * self.points_each


@dataclass(frozen=True, slots=True)
class Unit:
    """单元: one case with its own minutes and points. Source: R-2."""

    number: int
    name: str
    project: str
    minutes: timedelta
    points: Decimal
    credit: Mapping[ItemType, PartialCredit] = field(default_factory=dict)
    shuffle_choices: bool = True
    select: Literal["required"] = "required"


@dataclass(frozen=True, slots=True)
class Paper:
    """科目: theory or skills of one level, made of sections or of units, never of both.

    Source: R-1, R-2, R-3, R-5.
    """

    code: str
    name: str
    duration: timedelta
    points: Decimal = Decimal(100)
    pass_points: Decimal = Decimal(60)
    score_step: Decimal = Decimal("0.1")
    void_points: Literal["group", "paper", "dropped"] = "group"
    """Who gets the points of an item that was void: its section or unit, the whole paper, nobody (R-54)."""
    modes: tuple[str, ...] = tuple(ExamMode)
    sections: tuple[Section, ...] = ()
    units: tuple[Unit, ...] = ()
    submit: SubmitPolicy = field(default_factory=SubmitPolicy)
    clock: ClockPolicy = field(default_factory=ClockPolicy)
    warnings: tuple[timedelta, ...] = (timedelta(minutes=15), timedelta(minutes=5), timedelta(minutes=1))
    unit_warnings: tuple[timedelta, ...] = (timedelta(minutes=3), timedelta(minutes=1))
    calculator: bool = False
    tools: tuple[str, ...] = ()
    lock_down: bool = True
    release: Literal["score", "verdict", "none"] = "score"
    difficulty: DifficultyMix = field(default_factory=DifficultyMix)
    one_per_point: bool = True

    @property
    def minutes(self) -> tuple[timedelta | None, ...]:
        return tuple(part.minutes for part in self.units or self.sections)

    @property
    def windows(self) -> tuple[timedelta, ...]:
        """The strict windows of the paper; () when time is one pool.

        Source: R-24.
        """
        spans = tuple(span for span in self.minutes if span is not None)
        if self.clock.unit_timing == "pooled" or len(spans) != len(self.minutes):
            return ()
        return spans

    def with_fitting_warnings(self, names: Collection[str]) -> Paper:
        """Return the paper without those of the `names`d warnings that come before its time, or a unit's, begins.

        So what holds where nothing is written fits a short paper, too.
        """
        window = min(self.windows, default=self.duration)
        fitting = tuple(one for one in self.warnings if one < self.duration or "warnings" not in names)
        of_unit = tuple(one for one in self.unit_warnings if one < window or "unit_warnings" not in names)
        return replace(self, warnings=fitting, unit_warnings=of_unit)

    @property
    def label(self) -> str:
        return self.name

    @property
    def is_marked_by_people(self) -> bool:
        """Whether it asks short answers, which no machine scores. Source: R-51."""
        return any(section.type is ItemType.SHORT_ANSWER for section in self.sections)


# The exam blueprint of one level, and the checks that find what in it does not add up.
#
# Source.

Path = tuple[str | int, ...]
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that does not hold: where (keys and 0-based places), what, and the numbers."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def known(value: str, allowed: tuple[str, ...], path: Path) -> Iterator[Flaw]:
    if value not in allowed:
        yield Flaw(path, "blueprint.value_unknown", {"value": value, "allowed": ", ".join(allowed)})


def positive(value: timedelta | Decimal | int, path: Path) -> Iterator[Flaw]:
    if value <= (ZERO if isinstance(value, timedelta) else 0):  # type: ignore[operator]  # zero is of the value's own type
        yield not_positive(path, value)


def not_negative(value: timedelta | int, path: Path) -> Iterator[Flaw]:
    if isinstance(value, timedelta):
        if value < ZERO:
            yield Flaw(path, "blueprint.negative", {"value": minutes(value)})
    elif value < 0:
        yield Flaw(path, "blueprint.negative", {"value": value})


def not_positive(path: Path, value: timedelta | Decimal | int) -> Flaw:
    shown = minutes(value) if isinstance(value, timedelta) else value
    return Flaw(path, "blueprint.not_positive", {"value": shown})


def minutes(span: timedelta) -> str:
    return f"{span / timedelta(minutes=1):g}"


def check_policy(policy: EnrolmentPolicy) -> Iterator[Flaw]:
    """Yield what does not hold of applying and counting. Source: R-72, R-73."""
    yield from not_negative(policy.days_ahead, ("enrolment", "days_ahead"))
    yield from not_negative(policy.gap_days, ("enrolment", "gap_days"))
    yield from known(policy.counted_to, ("application", "exam"), ("enrolment", "counted_to"))


def check_majors(table: MajorTable) -> Iterator[Flaw]:
    """Yield the majors that stand in a table twice: nobody could say what they are. Source: R-73."""
    seen: set[str] = set()
    for kind in ("own", "related", "other"):
        for name in getattr(table, kind):
            if plain_major(name) in seen:
                yield Flaw(("majors", kind), "blueprint.major_twice", {"value": name})
            seen.add(plain_major(name))


def check_conditions(conditions: tuple[Condition, ...]) -> Iterator[Flaw]:
    """Yield what does not hold of the conditions: numbers in order, each asks something that can be met.

    Source: R-73.
    """
    for index, condition in enumerate(conditions):
        here: Path = ("eligibility", index)
        if condition.number != index + 1:
            numbers = {"number": condition.number, "expected": index + 1}
            yield Flaw((*here, "number"), "blueprint.condition_number", numbers)
        for name in ("years", "training_hours"):
            if getattr(condition, name) is not None:
                yield from positive(getattr(condition, name), (*here, name))
        yield from _whole(condition, here)


def _whole(condition: Condition, here: Path) -> Iterator[Flaw]:
    diploma = condition.education is not None or bool(condition.schools)
    followed = condition.years is not None or condition.training is not None
    if not (diploma or condition.certificate is not None or followed):
        yield Flaw(here, "blueprint.condition_empty", {"number": condition.number})
    needs = [
        ("major", condition.major is not None, diploma, "education"),
        ("senior_skills", condition.senior_skills, bool(condition.schools), "schools"),
        ("training_hours", condition.training_hours is not None, condition.training is not None, "training"),
        ("after", condition.after == "certificate", condition.certificate is not None, "certificate"),
        ("after", condition.after == "degree", diploma, "education"),
        ("after", condition.after is not None, followed, "years"),
    ]
    for key, stated, there, needed in needs:
        if stated and not there:
            yield Flaw((*here, key), "blueprint.condition_needs", {"key": key, "needed": needed})


def check_fees(fees: FeePolicy, papers: Collection[str]) -> Iterator[Flaw]:
    """Yield what does not hold of the fees. Source: R-76."""
    for name in ("first", "retake", "materials"):
        yield from not_negative(getattr(fees, name), ("fees", name))
    if fees.materials:
        for code in fees.materials_papers:
            yield from known(code, tuple(papers), ("fees", "materials_papers"))


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
    enrolment: EnrolmentPolicy = field(default_factory=EnrolmentPolicy)
    majors: MajorTable = field(default_factory=MajorTable)
    conditions: tuple[Condition, ...] = ()
    fees: FeePolicy = field(default_factory=FeePolicy)

    @property
    def eligibility(self) -> EligibilityRules:
        """Who may apply for this level, as `assess` takes it. Source: R-73."""
        occupations = (self.occupation_name, *self.aliases, self.occupation_code)
        return EligibilityRules(self.conditions, self.enrolment, self.majors, occupations)

    def paper_title(self, code: str) -> str:
        """Return the title of a paper as candidates read it: 客户服务管理员（三级）· 理论知识."""
        return f"{self.occupation_name}（{self.level_name}）· {self.papers[code].label}"


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
        findings.append(not_positive(("retake", "years"), blueprint.retake.years))
    findings += known(blueprint.retake.window_from, ("release", "exam"), ("retake", "window_from"))
    findings += check_policy(blueprint.enrolment)
    findings += check_majors(blueprint.majors)
    findings += check_conditions(blueprint.conditions)
    findings += check_fees(blueprint.fees, blueprint.papers)
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
        yield from positive(getattr(paper, name), (*path, name))
    if not 0 <= paper.pass_points <= paper.points:
        yield Flaw(
            (*path, "pass_points"),
            "blueprint.pass_outside",
            {"pass_points": paper.pass_points, "points": paper.points},
        )
    if not paper.modes or not set(paper.modes) <= set(ExamMode):
        yield Flaw((*path, "modes"), "blueprint.mode_unknown", {"modes": ", ".join(paper.modes)})
    if (
        len(paper.difficulty.shares) != 5
        or min(paper.difficulty.shares) < 0
        or not any(paper.difficulty.shares)
    ):
        yield Flaw((*path, "difficulty"), "blueprint.difficulty_mix")
    yield from known(paper.void_points, ("group", "paper", "dropped"), (*path, "void_points"))
    yield from known(paper.release, ("score", "verdict", "none"), (*path, "release"))
    for tool in paper.tools:
        yield from known(tool, TOOLS, (*path, "tools"))
    yield from _sections(paper, path)
    yield from _units(paper, path)
    yield from _sums(paper, path)
    yield from _times(paper, path)


def _sections(paper: Paper, path: Path) -> Iterator[Flaw]:
    seen: set[ItemType] = set()
    for index, section in enumerate(paper.sections):
        here = (*path, "sections", index)
        yield from positive(section.count, (*here, "count"))
        yield from positive(section.points_each, (*here, "points_each"))
        if section.minutes is not None:
            yield from positive(section.minutes, (*here, "minutes"))
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
        yield from positive(unit.minutes, (*here, "minutes"))
        yield from positive(unit.points, (*here, "points"))
        yield from known(unit.select, ("required",), (*here, "select"))
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
            {"minutes": minutes(paper.duration), "sum": minutes(sum(spans, ZERO))},
        )


def _times(paper: Paper, path: Path) -> Iterator[Flaw]:
    submit, clock = paper.submit, paper.clock
    yield from not_negative(submit.earliest, (*path, "submit", "earliest"))
    yield from not_negative(submit.closed_before_end, (*path, "submit", "closed_before_end"))
    if submit.earliest + submit.closed_before_end > paper.duration:
        yield Flaw(
            (*path, "submit"),
            "blueprint.never_submittable",
            {
                "earliest": minutes(submit.earliest),
                "closed": minutes(submit.closed_before_end),
                "minutes": minutes(paper.duration),
            },
        )
    yield from not_negative(clock.grace, (*path, "clock", "grace"))
    yield from known(clock.unit_timing, ("strict", "pooled"), (*path, "clock", "unit_timing"))
    yield from known(clock.unused_time, ("carried", "lost"), (*path, "clock", "unused_time"))
    yield from known(clock.late_start, ("scale", "cut"), (*path, "clock", "late_start"))
    yield from _warnings(paper.warnings, paper.duration, (*path, "warnings"))
    if paper.windows:
        yield from _warnings(paper.unit_warnings, min(paper.windows), (*path, "unit_warnings"))


def _warnings(warnings: tuple[timedelta, ...], span: timedelta, path: Path) -> Iterator[Flaw]:
    for index, warning in enumerate(warnings):
        if not ZERO < warning < span:
            params = {"warning": minutes(warning), "minutes": minutes(span)}
            yield Flaw((*path, index), "blueprint.warning_outside", params)


def _admission(policy: AdmissionPolicy) -> Iterator[Flaw]:
    for name in ("check_in_opens", "report", "sign_in_opens", "late_limit"):
        yield from not_negative(getattr(policy, name), ("admission", name))
    yield from known(policy.late_from, ("report_at", "start"), ("admission", "late_from"))
    for name in ("report", "sign_in_opens"):
        if getattr(policy, name) > policy.check_in_opens:
            params = {
                "minutes": minutes(getattr(policy, name)),
                "check_in_opens": minutes(policy.check_in_opens),
            }
            yield Flaw(("admission", name), "blueprint.before_check_in", params)


def _credit(kind: ItemType, credit: PartialCredit, path: Path) -> Iterator[Flaw]:
    if not credit_suits(kind, credit):
        yield Flaw(path, "blueprint.credit_type", {"type": kind.value, "credit": credit.value})
