"""The score sheet of one sitting: each candidate's result, how many ended how, how scores are spread.

Registrations that ended alike are judged once, with how many they are.

Source: R-3, R-53, R-60, R-61.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import chain, groupby, repeat
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from cbt.audit.chain import Head, head_of
from cbt.blueprints.reasons import violation_of
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.results import store
from cbt.results.models import Release, Result
from cbt.results.retake_ledger import NOT_EXAMINED, Ledger, TakenRegistration, counting, released
from cbt.results.sheet.outcome import (
    Decision,
    EndFacts,
    JudgedEnd,
    Standing,
    balance_of,
    counts_of,
    decision_by,
    standing_by,
)
from cbt.results.store import ResultRow
from cbt.rules.exam import ExamBlueprint, ExamMode, Paper
from cbt.rules.form_score import passes
from cbt.rules.retake import Overall, PaperOutcome, overall
from cbt.rules.states import Balance, RoomCounts
from cbt.rules.violations import Violation
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.sittings.models import Sitting, SittingRoom

CLASSES = 10
_TENTH = Decimal("0.1")

# The view box of the chart; the top leaves room for the name of the pass mark above the tallest count.
WIDTH, HEIGHT = 640, 256
_LEFT, _TOP, _BOTTOM = 16, 44, 34
_GAP = 8


@dataclass(frozen=True, slots=True)
class ScoreClass:
    """How many scores lie in [low, high); the last class holds the full mark too."""

    low: Decimal
    high: Decimal
    last: bool
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart in units of its view box, with the class it shows."""

    x: float
    y: float
    width: float
    height: float
    of: ScoreClass
    passing: bool

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Distribution:
    """The scores of one paper in figures; `mean` is rounded half up to a tenth."""

    scored: int
    passed: int
    mean: Decimal
    highest: Decimal
    lowest: Decimal
    pass_points: Decimal
    classes: tuple[ScoreClass, ...]
    bars: tuple[Bar, ...]
    pass_x: float

    @property
    def pass_percent(self) -> Decimal:
        """The share that passed, in per cent, to a tenth."""
        return (Decimal(100 * self.passed) / self.scored).quantize(_TENTH, ROUND_HALF_UP)

    @property
    def base(self) -> int:
        return HEIGHT - _BOTTOM


def distribution(scores: Sequence[Decimal], *, points: Decimal, pass_points: Decimal) -> Distribution | None:
    """Return how `scores` are spread over ten equal classes of `points`; None when there is no score.

    Source: R-3.
    """
    if not scores:
        return None
    classes = _classes(scores, points)
    return Distribution(
        scored=len(scores),
        passed=sum(passes(score, pass_points) for score in scores),
        mean=(sum(scores, Decimal(0)) / len(scores)).quantize(_TENTH, ROUND_HALF_UP),
        highest=max(scores),
        lowest=min(scores),
        pass_points=pass_points,
        classes=classes,
        bars=_bars(classes, pass_points),
        pass_x=round(_LEFT + float(pass_points / points) * (WIDTH - 2 * _LEFT), 1),
    )


def _classes(scores: Sequence[Decimal], points: Decimal) -> tuple[ScoreClass, ...]:
    width = points / CLASSES
    counts = [0] * CLASSES
    for score in scores:
        counts[min(int(score / width), CLASSES - 1)] += 1
    return tuple(
        ScoreClass(low=width * place, high=width * (place + 1), last=place == CLASSES - 1, count=count)
        for place, count in enumerate(counts)
    )


def _bars(classes: tuple[ScoreClass, ...], pass_points: Decimal) -> tuple[Bar, ...]:
    room = HEIGHT - _TOP - _BOTTOM
    step = (WIDTH - 2 * _LEFT) / CLASSES
    tallest = max(one.count for one in classes)
    bars = []
    for place, score_class in enumerate(classes):
        height = round(room * score_class.count / tallest, 1)
        bars.append(
            Bar(
                x=round(_LEFT + step * place + _GAP / 2, 1),
                y=round(_TOP + room - height, 1),
                width=round(step - _GAP, 1),
                height=height,
                of=score_class,
                passing=passes(score_class.low, pass_points),
            )
        )
    return tuple(bars)


@dataclass(frozen=True, slots=True)
class Group:
    """A unit or a section of a paper, as the head of a column."""

    number: int
    name: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """One paper of one level in figures."""

    blueprint: ExamBlueprint
    paper: Paper
    groups: tuple[Group, ...]
    people: int
    distribution: Distribution | None
    unanswered: int
    """Who came and never opened the paper: they have no score that counts in its figures (R-12)."""

    @property
    def title(self) -> str:
        return f"{self.blueprint.level_name} {self.paper.label}"


@dataclass(frozen=True, slots=True)
class SittingFigures:
    """A sitting's sheet in figures; `judged` are its registrations, who ended alike once with how many they are."""

    sitting: Sitting
    papers: tuple[PaperFigures, ...]
    rooms: Sequence[tuple[SittingRoom, str]]
    release: Release | None
    judged: tuple[tuple[JudgedEnd, int], ...]
    head: Head | None
    """Where the log ended when this was read (日志锚点)."""

    def _standings(self) -> Iterator[Standing]:
        return chain.from_iterable(repeat(one.standing, people) for one, people in self.judged)

    @property
    def balance(self) -> Balance:
        return balance_of(self._standings())

    @property
    def counts(self) -> RoomCounts:
        return counts_of(self._standings())

    @property
    def violations(self) -> int:
        return sum(people for one, people in self.judged if one.facts.violation is not None)

    @property
    def outcomes(self) -> Counter[PaperOutcome]:
        counts: Counter[PaperOutcome] = Counter()
        for end, people in self.judged:
            if end.shown is not None:
                counts[end.shown.outcome] += people
        return counts

    @property
    def to_correct(self) -> int:
        """How many are to be released again, because a score or a violation changed."""
        return sum(people for one, people in self.judged if one.changed)

    @property
    def undecided(self) -> int:
        return sum(people for one, people in self.judged if one.open)

    @property
    def to_mark(self) -> int:
        return sum(people for one, people in self.judged if one.pending)

    @property
    def open_rooms(self) -> list[str]:
        over = {*store.SHOWN, *NOT_EXAMINED}
        return [name for room, name in self.rooms if room.state not in over]

    @property
    def releasable(self) -> bool:
        """Whether everything is there for a first release (R-62)."""
        return self.release is None and not self.undecided and not self.open_rooms and bool(self.outcomes)

    @property
    def held(self) -> int:
        """How many were left out of the release, because somebody objected (R-90)."""
        return sum(people for one, people in self.judged if one.unreleased) if self.release else 0


@dataclass(frozen=True, slots=True)
class Alike:
    """Registrations of one paper that ended alike, and what finds them among those of their sitting."""

    judged: JudgedEnd
    version_id: int
    code: str
    people: int
    found_by: ColumnElement[bool]


def figures_of(
    session: Session, sitting: Sitting, elsewhere: Mapping[int, list[Violation]]
) -> tuple[SittingFigures, list[Alike]]:
    """Return a sitting's figures, and of whom they are; `elsewhere` is `store.violations_elsewhere`.

    Source: R-53, R-60, R-61.
    """
    alike = _alike(session, sitting.id, elsewhere)
    papers: dict[tuple[int, str], list[tuple[JudgedEnd, int]]] = {}
    for group in alike:
        papers.setdefault((group.version_id, group.code), []).append((group.judged, group.people))
    figures = SittingFigures(
        sitting=sitting,
        papers=tuple(
            paper_figures(blueprint_of(session, version_id), code, judged)
            for (version_id, code), judged in papers.items()
        ),
        rooms=store.rooms_of(session, sitting.id),
        release=store.release_of(session, sitting.id),
        judged=tuple((one.judged, one.people) for one in alike),
        head=head_of(session),
    )
    return figures, alike


def paper_figures(
    blueprint: ExamBlueprint, code: str, judged: Sequence[tuple[JudgedEnd, int]]
) -> PaperFigures:
    """Return one paper of a sitting in figures."""
    paper = blueprint.papers[code]
    scores = [
        repeat(one.shown.score, people)
        for one, people in judged
        if one.shown is not None and one.shown.score is not None and one.standing is not Standing.UNANSWERED
    ]
    unanswered = sum(people for one, people in judged if one.standing is Standing.UNANSWERED)
    spread = distribution(
        list(chain.from_iterable(scores)), points=paper.points, pass_points=paper.pass_points
    )
    everybody = sum(people for _, people in judged)
    return PaperFigures(blueprint, paper, groups_of(paper), everybody, spread, unanswered)


def groups_of(paper: Paper) -> tuple[Group, ...]:
    if paper.units:
        return tuple(Group(unit.number, unit.name, unit.points) for unit in paper.units)
    return tuple(Group(number, one.name, one.points) for number, one in enumerate(paper.sections, 1))


def _end_keys(elsewhere: Mapping[int, list[Violation]]) -> dict[str, ColumnElement[Any]]:
    """Return what the end of a registration is judged by; whoever has a violation in another paper is alone."""
    return {
        "version": Registration.blueprint_version_id.expression,
        "paper": Registration.paper.expression,
        "room_state": SittingRoom.state.expression,
        "on_paper": SittingRoom.mode == ExamMode.PAPER.value,
        "absent": Registration.absent_at.is_not(None),
        "arrived": or_(
            Registration.arrived_at.is_not(None),
            Registration.checked_in_at.is_not(None),
            Registration.signed_in_at.is_not(None),
        ),
        "attempt_state": Attempt.state.expression,
        "started": Attempt.started_at.is_not(None),
        "closed_by": Attempt.closed_by.expression,
        "marked": Score.id.is_not(None),
        "score": Score.score.expression,
        "violation": Registration.violation_code.expression,
        "violation_version": Registration.violation_version_id.expression,
        "outcome": Result.outcome.expression,
        "released": Result.score.expression,
        "alone": case((Registration.id.in_(elsewhere), Registration.id), else_=0),
    }


def _judged(
    session: Session, values: Mapping[str, Any], elsewhere: Mapping[int, list[Violation]]
) -> JudgedEnd:
    paper = blueprint_of(session, values["version"]).papers[values["paper"]]
    facts = _facts(session, values)
    standing = standing_by(facts)
    return JudgedEnd(facts, standing, decision_by(facts, standing, paper, elsewhere.get(values["alone"], ())))


def _alike(session: Session, sitting_id: int, elsewhere: Mapping[int, list[Violation]]) -> list[Alike]:
    """Return who ended alike."""
    keys = _end_keys(elsewhere)
    each = store.joined_rows(
        select(Registration.blueprint_ref, *(key.label(name) for name, key in keys.items()))
    ).where(Registration.sitting_id == sitting_id)
    rows = each.subquery()
    named = [rows.c[name] for name in keys]
    counted = (
        select(*named, func.count())
        .group_by(rows.c.blueprint_ref, *named)
        .order_by(rows.c.blueprint_ref.desc(), rows.c.paper.desc(), rows.c.version)
    )
    groups = []
    for *values, people in session.execute(counted):
        end = dict(zip(keys, values, strict=True))
        same = and_(*(key.is_not_distinct_from(end[name]) for name, key in keys.items()))
        groups.append(Alike(_judged(session, end, elsewhere), end["version"], end["paper"], people, same))
    return groups


@dataclass(frozen=True, slots=True)
class RegistrationEnd:
    """Whose registration it is and how it ended, by which score, and the result that was released of it."""

    registration_id: int
    ref: str
    score_id: int | None
    result_id: int | None
    result_score_id: int | None
    judged: JudgedEnd

    @property
    def decided(self) -> Decision | None:
        return self.judged.decided


def ends_of(session: Session, sitting_id: int, *conditions: ColumnElement[bool]) -> list[RegistrationEnd]:
    """Return how each registration of a sitting ended, or each that meets conditions, in the order of their ids.

    A quick reader for many: nothing is loaded but what decides, and those alike are judged once.

    Source: R-60, R-61.
    """
    elsewhere = store.violations_elsewhere(session, sitting_id, *conditions)
    keys = _end_keys(elsewhere)
    own = (Registration.id, Registration.ref, Score.id, Result.id, Result.score_id)
    query = (
        store.joined_rows(select(*own, *(key.label(f"key_{name}") for name, key in keys.items())))
        .where(Registration.sitting_id == sitting_id, *conditions)
        .order_by(Registration.id)
    )
    judged: dict[tuple[Any, ...], JudgedEnd] = {}
    ends = []
    for row in session.execute(query):
        values = tuple(row[len(own) :])
        if (end := judged.get(values)) is None:
            end = judged[values] = _judged(session, dict(zip(keys, values, strict=True)), elsewhere)
        registration_id, ref, score_id, result_id, result_score_id = row[: len(own)]
        ends.append(RegistrationEnd(registration_id, ref, score_id, result_id, result_score_id, end))
    return ends


def _facts(session: Session, values: Mapping[str, Any]) -> EndFacts:
    outcome = values["outcome"]
    return EndFacts(
        room_state=values["room_state"],
        absent=bool(values["absent"]),
        arrived=bool(values["arrived"]),
        attempt_state=values["attempt_state"],
        started=bool(values["started"]),
        closed_by=values["closed_by"],
        marked=bool(values["marked"]),
        score=values["score"],
        violation=violation_of(session, values["violation"], values["violation_version"]),
        released=None if outcome is None else Decision(PaperOutcome(outcome), values["released"]),
        on_paper=bool(values["on_paper"]),
    )


@dataclass(frozen=True, slots=True)
class SheetLine(JudgedEnd):
    """One registration on the sheet.

    `groups` are the unrounded points of each unit or section by its number, None where people have something of
    it to mark.
    """

    row: ResultRow
    groups: Mapping[int, Decimal | None]
    badges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PaperSheet(PaperFigures):
    """Everybody who was registered for one paper of one level, in the order of their seats."""

    lines: tuple[SheetLine, ...]


@dataclass(frozen=True, slots=True)
class SittingSheet(SittingFigures):
    """The whole sheet of a sitting, for a file of all; `corrected` are the released lines to be released again."""

    papers: tuple[PaperSheet, ...]

    @property
    def lines(self) -> list[SheetLine]:
        return [line for paper in self.papers for line in paper.lines]

    @property
    def corrected(self) -> list[SheetLine]:
        return [line for line in self.lines if line.changed]


@dataclass(frozen=True, slots=True)
class StoredSheet:
    """What the score sheet of a sitting is made of, as it was read at once; to judge it asks nothing more.

    While a snapshot stands the embedded database cannot empty its log, and to judge 15,000 takes seconds (I13).
    """

    sitting: Sitting
    rows: Iterator[ResultRow]
    """They can be taken once."""
    elsewhere: Mapping[int, list[Violation]]
    adjusted: Mapping[int, set[str]]
    blueprints: Mapping[int, ExamBlueprint]
    rooms: Sequence[tuple[SittingRoom, str]]
    release: Release | None
    head: Head | None

    def judged(self) -> SittingSheet:
        """Return the sheet; it can be made once. Source: R-53, R-60, R-61."""
        papers = []
        for (version_id, code), lines in _papers(self.rows, self.blueprints, self.elsewhere, self.adjusted):
            figures = paper_figures(self.blueprints[version_id], code, [(line, 1) for line in lines])
            papers.append(
                PaperSheet(
                    figures.blueprint,
                    figures.paper,
                    figures.groups,
                    len(lines),
                    figures.distribution,
                    figures.unanswered,
                    lines,
                )
            )
        return SittingSheet(
            sitting=self.sitting,
            papers=tuple(papers),
            rooms=self.rooms,
            release=self.release,
            judged=tuple((line, 1) for paper in papers for line in paper.lines),
            head=self.head,
        )


def stored_sheet(session: Session, sitting: Sitting, *, room: str = "") -> StoredSheet:
    """Read the score sheet of a sitting that is over, or of one room of it by the sitting-room's ref."""
    versions = session.scalars(
        select(Registration.blueprint_version_id).where(Registration.sitting_id == sitting.id).distinct()
    )
    return StoredSheet(
        sitting,
        store.fetched_rows(session, sitting.id, room=room),
        store.violations_elsewhere(session, sitting.id),
        store.adjusted_kinds(session, sitting.id),
        {version: blueprint_of(session, version) for version in versions},
        [one for one in store.rooms_of(session, sitting.id) if room in ("", one[0].ref)],
        store.release_of(session, sitting.id),
        head_of(session),
    )


def sheet_of(session: Session, sitting: Sitting, *, room: str = "") -> SittingSheet:
    """Return the score sheet of a sitting that is over, or of one room of it, judged while the session waits."""
    return stored_sheet(session, sitting, room=room).judged()


def lines_of(
    session: Session,
    sitting: Sitting,
    rows: Sequence[ResultRow],
    elsewhere: Mapping[int, list[Violation]],
) -> list[tuple[tuple[int, str], tuple[SheetLine, ...]]]:
    """Return some rows of a sitting as the lines of each paper: (blueprint version, code of the paper), lines."""
    attempts = [row.attempt.id for row in rows if row.attempt is not None]
    versions = {row.registration.blueprint_version_id for row in rows}
    blueprints = {version: blueprint_of(session, version) for version in versions}
    adjusted = store.adjusted_kinds(session, sitting.id, attempts)
    return list(_papers(rows, blueprints, elsewhere, adjusted))


def _papers(
    rows: Iterable[ResultRow],
    blueprints: Mapping[int, ExamBlueprint],
    elsewhere: Mapping[int, list[Violation]],
    adjusted: Mapping[int, set[str]],
) -> Iterator[tuple[tuple[int, str], tuple[SheetLine, ...]]]:
    for (version_id, code), group in groupby(
        rows, key=lambda row: (row.registration.blueprint_version_id, row.registration.paper)
    ):
        paper = blueprints[version_id].papers[code]
        yield (version_id, code), tuple(_line(row, paper, elsewhere, adjusted) for row in group)


def _line(
    row: ResultRow, paper: Paper, elsewhere: Mapping[int, list[Violation]], adjusted: Mapping[int, set[str]]
) -> SheetLine:
    facts = _result_facts(row)
    standing = standing_by(facts)
    sheet: dict[str, Any] = json.loads(row.score.sheet) if row.score else {"groups": []}
    return SheetLine(
        facts=facts,
        standing=standing,
        decided=decision_by(facts, standing, paper, elsewhere.get(row.registration.id, ())),
        row=row,
        groups={
            int(group["number"]): None if group["earned"] is None else Decimal(group["earned"])
            for group in sheet["groups"]
        },
        badges=_badges(row, adjusted.get(row.attempt.id, set()) if row.attempt else set()),
    )


def _result_facts(row: ResultRow) -> EndFacts:
    registration, attempt, result = row.registration, row.attempt, row.result
    return EndFacts(
        room_state=row.room_state,
        absent=registration.absent_at is not None,
        arrived=any((registration.arrived_at, registration.checked_in_at, registration.signed_in_at)),
        attempt_state=attempt.state if attempt else None,
        started=attempt is not None and attempt.started_at is not None,
        closed_by=attempt.closed_by if attempt else None,
        marked=row.score is not None,
        score=row.score.score if row.score else None,
        violation=row.violation,
        released=None if result is None else Decision(PaperOutcome(result.outcome), result.score),
        on_paper=row.mode == ExamMode.PAPER,
    )


def _badges(row: ResultRow, kinds: set[str]) -> tuple[str, ...]:
    registration = row.registration
    facts = {
        "retake": registration.kind == "retake",
        "violation": registration.violation_code is not None,
        "site_fault": "site_fault" in kinds,
        "general": "general" in kinds,
        "accommodation": registration.factor != 1 or bool(registration.extra) or "accommodation" in kinds,
    }
    return tuple(name for name, holds in facts.items() if holds)


@dataclass(slots=True)
class LevelSummary:
    """One candidate of one level: the latest decision of each paper by its code, and the overall result.

    `overall` is None before the sitting is released.
    """

    line: SheetLine
    blueprint: ExamBlueprint
    papers: dict[str, Decision] = field(default_factory=dict)
    overall: Overall | None = None


def people_of(sheet: SittingSheet, ledger: Ledger, *, on: date) -> list[LevelSummary]:
    """Return every candidate of a sitting once per level, in the order of the sheet.

    A paper taken in another sitting shows what was released there last.

    Source: R-3, R-4.
    """
    people: dict[tuple[int, str], LevelSummary] = {}
    for paper_sheet in sheet.papers:
        blueprint = paper_sheet.blueprint
        for line in paper_sheet.lines:
            key = (line.row.candidate.id, blueprint.ref)
            if key not in people:
                people[key] = _person(line, blueprint, ledger.get(key, []))
                if sheet.release is not None:
                    people[key].overall = _overall(blueprint, ledger.get(key, []), on)
            if line.shown is not None:
                people[key].papers[paper_sheet.paper.code] = line.shown
    return list(people.values())


def _person(line: SheetLine, blueprint: ExamBlueprint, taken: list[TakenRegistration]) -> LevelSummary:
    person = LevelSummary(line, blueprint)
    for exam in taken:
        if exam.result is not None:
            decision = Decision(PaperOutcome(exam.result.outcome), exam.result.score)
            person.papers[exam.registration.paper] = decision
    return person


def _overall(blueprint: ExamBlueprint, taken: list[TakenRegistration], on: date) -> Overall | None:
    results = counting(released(taken), policy=blueprint.retake)
    return overall(list(blueprint.papers), results, on=on, policy=blueprint.retake)
