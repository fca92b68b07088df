"""Released results in the columns of an office: a line a paper, or a line a person and level where no column is a
paper's own. What comes with the product is the whole sheet, and what an authority is sent (上报).

Source: R-60, R-90, R-4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate, Registration
from cbt.enrolment.body import body
from cbt.errors import Conflict
from cbt.http.i18n import local_day
from cbt.jobs.registry import JobResult
from cbt.personal import DETAILS, DOCUMENT_NAMES, IDENTITY, birth_of_number
from cbt.results.column_mapping import (
    CONSTANT,
    LANGUAGE,
    MappedColumn,
    MappedFile,
    MappingKind,
    MissingCells,
    mapped_file,
    missing_in,
)
from cbt.results.desk.scope import Kind, ReleasedResult, ResultScope, released_results, scope_of
from cbt.results.retake_ledger import Ledger, TakenRegistration, counting, ledger_of, released
from cbt.rules.retake import PaperOutcome, RetakeRefusal, may_retake, overall
from cbt.sittings.models import Room, Seat, SittingRoom
from cbt.storage.crypto import DOCUMENT, readable
from cbt.storage.unit_of_work import pieces_of, reading

OF_A_PAPER = ("paper", "attempt", "score", "outcome", "sitting", "centre", "examined_on", "room", "seat")
"""With one of these a file has a line for each paper."""
OF_A_LEVEL = ("theory", "skills", "overall")
"""What is taken from the ledger too: a pass of before that still counts."""
FIELDS = (
    "sequence", *IDENTITY, "born_on", *(name for name, detail in DETAILS.items() if detail.uploaded), "ticket",
    "occupation", "level", "level_code", *OF_A_PAPER, *OF_A_LEVEL, "released_on", "batch", "body", CONSTANT,
)  # fmt: skip
"""What is known of a result and its candidate, in the order in which it is offered."""
SHEET, AUTHORITY = "sheet", "authority"
_AT_ONCE = 500
_WHOSE = (
    ("序号", "sequence"), ("姓名", "name"), ("性别", "gender"), ("证件类型", "document_type"),
    ("证件号码", "document_number"), ("准考证号", "ticket"),
)  # fmt: skip
RESULTS = MappingKind(
    prefix="rm",
    subject="result_mapping",
    act="results",
    fields=FIELDS,
    shipped={
        AUTHORITY: (
            *_WHOSE, ("工作单位", "employer"), ("职业名称", "occupation"), ("技能等级", "level"),
            ("理论知识成绩", "theory"), ("专业能力成绩", "skills"), ("评定结果", "overall"), ("评价机构", "body"),
        ),
        SHEET: (
            *_WHOSE, ("职业名称", "occupation"), ("技能等级", "level"), ("科目", "paper"),
            ("新考/补考", "attempt"), ("考试日期", "examined_on"), ("考点", "centre"), ("场次", "sitting"),
            ("考场", "room"), ("座位", "seat"), ("成绩", "score"), ("结论", "outcome"), ("发布日期", "released_on"),
        ),
    },
    title="desk.table",
    translates=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResultLine:
    """Whose paper a line leads to, and what stands in each column: None where it is not known."""

    registration_ref: str
    name: str
    cells: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ResultTable:
    """What a mapping makes of a scope: its lines, and what is missing by column."""

    mapping: MappedFile
    scope: ResultScope
    by_paper: bool
    lines: Sequence[ResultLine]
    missing: Sequence[MissingCells[ResultLine]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line before it is written: a result, and for a line a person each paper's of the scope."""

    number: int
    result: ReleasedResult
    papers: Mapping[str, ReleasedResult]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a piece of lines is written from."""

    scope: ResultScope
    body_name: str
    today: date
    people: Mapping[int, Candidate] = field(default_factory=dict)
    seats: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=dict)


def result_table(session: Session, kind: Kind, ref: str, mapping_ref: str, *, today: date) -> ResultTable:
    """Return the released results of a sitting or a batch as a mapping wants them.

    Raise as `scope_of`, `released_results` and `MappingKind.file_of` do.

    Source: R-60, R-90.
    """
    mapping = RESULTS.file_of(session, mapping_ref)
    scope = scope_of(session, kind, ref)
    results = released_results(session, scope.sitting_ids)
    by_paper = not mapping.fields.isdisjoint(OF_A_PAPER)
    known = _Known(scope, body(session).name, today)
    lines = list(_lines(session, mapping, known, _entries(results, by_paper=by_paper)))
    missing = missing_in(mapping, ((line, line.cells) for line in lines))
    return ResultTable(mapping, scope, by_paper, lines, missing)


def _entries(results: Sequence[ReleasedResult], *, by_paper: bool) -> list[_Entry]:
    """Return a line for each result, or for each person and level, by its last result."""
    of_levels: dict[tuple[int, str], dict[str, ReleasedResult]] = {}
    for result in results:
        of_levels.setdefault((result.candidate_id, result.blueprint.ref), {})[result.paper] = result
    if by_paper:
        shown = [(one, of_levels[one.candidate_id, one.blueprint.ref]) for one in results]
    else:
        levels = sorted(of_levels.values(), key=lambda papers: next(iter(papers.values())).ticket)
        shown = [(max(papers.values(), key=lambda one: one.released_at), papers) for papers in levels]
    return [_Entry(number, result, papers) for number, (result, papers) in enumerate(shown, 1)]


def _lines(
    session: Session, mapping: MappedFile, known: _Known, entries: Sequence[_Entry]
) -> Iterator[ResultLine]:
    for piece in pieces_of(entries, size=_AT_ONCE):
        people = {entry.result.candidate_id for entry in piece}
        query = select(Candidate).where(Candidate.id.in_(people))
        known = replace(
            known,
            people={person.id: person for person in session.scalars(query)},
            seats=_seats(session, piece) if mapping.fields & {"room", "seat"} else {},
            ledger=ledger_of(session, people) if mapping.fields.intersection(OF_A_LEVEL) else {},
        )
        with force_locale(LANGUAGE):
            for entry in piece:
                cells = tuple(_cell(column, entry, known, mapping) for column in mapping.columns)
                yield ResultLine(entry.result.registration_ref, entry.result.name, cells)


def _seats(session: Session, entries: Sequence[_Entry]) -> dict[int, tuple[str, int]]:
    query = (
        select(Registration.id, Room.name, Seat.number)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.id == Registration.seat_id)
        .where(Registration.id.in_([entry.result.registration_id for entry in entries]))
    )
    return {registration: (room, seat) for registration, room, seat in session.execute(query)}


def _cell(column: MappedColumn, entry: _Entry, known: _Known, mapping: MappedFile) -> str | None:
    if column.field == CONSTANT:
        return column.text
    value = _value(column.field, entry, known, mapping)
    return column.translated(value) if value else None


def _value(name: str, entry: _Entry, known: _Known, mapping: MappedFile) -> str | None:
    result = entry.result
    if name in OF_A_PAPER:
        return _of_paper(name, result, known, mapping)
    if name in OF_A_LEVEL:
        return _of_level(name, entry, known)
    person = known.people[result.candidate_id]
    if name in DETAILS:
        return DETAILS[name].cell(DETAILS[name].value_of(person) or "")
    match name:
        case "sequence":
            return str(entry.number)
        case "name":
            return person.name
        case "document_type":
            return DOCUMENT_NAMES[person.document_type][0]
        case "document_number":
            return readable(person.document_sealed, DOCUMENT)
        case "born_on":
            born = birth_of_number(person.document_type, readable(person.document_sealed, DOCUMENT) or "")
            return mapping.day(born) if born else None
        case "ticket":
            return result.ticket
        case "occupation":
            return result.blueprint.occupation_name
        case "level":
            return result.blueprint.level_name
        case "level_code":
            return result.blueprint.level_code
        case "released_on":
            return mapping.day(local_day(result.released_at))
        case "batch":
            return known.scope.batch.name
        case _:
            return known.body_name


def _of_paper(name: str, result: ReleasedResult, known: _Known, mapping: MappedFile) -> str | None:
    sitting, centre = next(pair for pair in known.scope.sittings if pair[0].id == result.sitting_id)
    match name:
        case "paper":
            return result.blueprint.papers[result.paper].label
        case "attempt":
            return str(_(f"results.kind.{result.kind}"))
        case "score":
            return _score(result)
        case "outcome":
            return str(_(f"results.outcome.{result.outcome}"))
        case "sitting":
            return sitting.name
        case "centre":
            return centre.name
        case "examined_on":
            return mapping.day(local_day(sitting.planned_start_at))
        case _:
            room, seat = known.seats[result.registration_id]
            return room if name == "room" else str(seat)


def _of_level(name: str, entry: _Entry, known: _Known) -> str | None:
    """Return a paper's score of the scope, else of the pass that still counts, or what the papers amount to."""
    blueprint = entry.result.blueprint
    taken = known.ledger.get((entry.result.candidate_id, blueprint.ref), [])
    if name in entry.papers:
        return _score(entry.papers[name])
    if name == "overall":
        results = counting(released(taken), policy=blueprint.retake)
        whole = overall(list(blueprint.papers), results, on=known.today, policy=blueprint.retake)
        return str(_(f"results.overall.{whole}")) if whole else None
    return _standing_score(name, entry.result, taken, known.today)


def _standing_score(
    paper: str, result: ReleasedResult, taken: Sequence[TakenRegistration], today: date
) -> str | None:
    policy = result.blueprint.retake
    verdict = may_retake(paper, released(taken), exam_on=today, policy=policy)
    if verdict.reason is not RetakeRefusal.PASSED:
        return None
    passes = [
        one.result
        for one in taken
        if one.registration.paper == paper and one.result and one.result.outcome == PaperOutcome.PASSED.value
    ]
    return f"{passes[-1].score:f}" if passes and passes[-1].score is not None else None


def _score(result: ReleasedResult) -> str:
    """Return a score, or in words why there is none."""
    if result.score is None:
        return str(_(f"results.outcome.{result.outcome}"))
    return f"{result.score:f}"


def table_file(
    kind: Kind, ref: str, mapping_ref: str, *, form: str, blanks: bool, now: datetime, actor: str
) -> JobResult:
    """Return a scope's results as a file, and what puts it on record; `blanks`: what is missing may stay empty.

    Raise Conflict("mapped_file.missing") where something is missing that may not, and as `result_table` and
    `mapped_file` do.

    Source: R-60, R-90.
    """
    today = local_day(now)
    with reading() as session:
        table = result_table(session, kind, ref, mapping_ref, today=today)
    left_empty = sum(column.count for column in table.missing)
    if left_empty and not blanks:
        raise Conflict("mapped_file.missing", count=left_empty)
    name = f"{table.mapping.name}-{table.scope.name}-{today:%Y%m%d}"
    file = mapped_file(table.mapping, [line.cells for line in table.lines], form=form, name=name)
    after: dict[str, object] = {"people": len(table.lines), "file": form, "released": True}
    after["mapping"] = table.mapping.name
    if left_empty:
        after["left_empty"] = left_empty
    subject = table.scope.subject
    note = partial(record, at=now, actor=actor, act="results.export", subject=subject, after=after)
    return JobResult(file=file, record=note)
