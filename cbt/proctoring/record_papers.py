"""The papers of a room (考后材料): its record, the lists and the log that go with it, and what each lacks.

Source: R-61.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit import flood_limit
from cbt.blueprints.reasons import REASON, VIOLATION, cause_word
from cbt.errors import NotFound
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text, word
from cbt.printing.pdf import lacking
from cbt.proctoring.acts.room_end import place_of
from cbt.proctoring.board.display import log_person, log_text, span_words
from cbt.proctoring.board.live import LogLine
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.hands import REASONS
from cbt.proctoring.incidents import TAKEN_BACK
from cbt.proctoring.record import (
    LEFT,
    RELOCATED,
    Comment,
    HoldPeriod,
    Out,
    Reported,
    RoomRecord,
    Silence,
    TimeGrant,
    read_record,
)
from cbt.proctoring.store import counts_of_rooms
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.rules.violations import EVACUATION, OUTAGE
from cbt.sittings.models import Batch, Sitting
from cbt.sittings.store import RoomView, room_view_for, rooms_of_sitting, sitting_by_ref
from cbt.storage.unit_of_work import reading

Width = float | dict[str, float]
"""The width of a column in millimetres, or its share of what is left."""
NONE = "–"
MOST_NAMED = 12


def share(part: float = 1) -> Width:
    return {"share": part}


def clock(at: datetime | None) -> str:
    """Return an instant of the day to the second; a dash for none."""
    return NONE if at is None else local_text(at, "%H:%M:%S")


def because(code: str, reason: str) -> str:
    """Return a reason of the table with what was typed beside it; the server's own acts have the reason alone."""
    typed = "" if reason in {EVACUATION, OUTAGE} else reason.strip()
    parts = [cause_word(code, reason) if code else "", typed]
    return " · ".join(dict.fromkeys(filter(None, parts)))


def names(seats: Sequence[SeatView]) -> str:
    """Return who sits there, by seat: 07 王小明、…; of many the first ones, for there is a list; – for nobody."""
    text = str(_("ui.comma")).join(f"{seat.label} {seat.name}" for seat in seats[:MOST_NAMED])
    if len(seats) > MOST_NAMED:
        return str(_("record.and_more", said=text, count=len(seats)))
    return text or NONE


def part(
    name: str,
    columns: Sequence[tuple[str, Width]],
    rows: Iterable[Sequence[str]],
    *,
    heading: bool = True,
    count: int | None = None,
) -> dict[str, Any]:
    """Return one table of a document: the heads of its columns are `record.col.<…>`.

    `count` is how many of its rows hold, where some tell of what was taken back.
    """
    copied = [list(row) for row in rows]
    number = len(copied) if count is None else count
    return {
        "heading": _(f"record.part.{name}", count=number) if heading else "",
        "heads": [_(f"record.col.{column}") for column, _width in columns],
        "columns": [width for _column, width in columns],
        "rows": copied,
        "none": _(f"record.none.{name}"),
    }


def sheet(name: str, record: RoomRecord, *, signed: Sequence[str]) -> dict[str, Any]:
    """Return what every document says: whose it is, of which sitting, when it was made, whether it is final."""
    head = record.board.head
    planned = local_text(head.planned_start_at)
    title = _(f"candidates.print.{name}")
    return {
        "title": title,
        "heading": title,
        "body": head.centre_name,
        "sub": " · ".join((record.batch, head.sitting_name, head.room_name)),
        "foot": " · ".join(
            (
                head.room_name,
                planned,
                _("record.printed", at=local_text(record.printed_at, "%Y-%m-%d %H:%M:%S")),
            )
        ),
        "draft": _("record.draft") if record.draft else "",
        "facts": [
            [_("record.fact.planned"), planned],
            [_("record.fact.started"), clock(head.started_at)],
            [_("record.fact.ended"), clock(record.ended_at)],
            [_("record.fact.expected"), _("record.people", count=record.ending.balance.expected)],
            [_("record.fact.present"), _("record.people", count=record.ending.balance.present)],
            [_("record.fact.absent"), _("record.people", count=record.ending.balance.absent)],
        ],
        "words": {
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": [_(f"record.sign.{one}") for one in signed],
        },
    }


def staff_with(record: RoomRecord, duty: Role) -> str:
    on_duty = [name for name, held in record.staff if held == duty]
    return str(_("ui.comma")).join(on_duty) or NONE


ENDS = ("by_candidate", "by_deadline", "by_proctor", "by_violation", "by_evacuation", "unanswered")
"""What 实考 is made of, as R-61 lists it."""
OPEN = (
    "not_arrived", "not_signed_in", "not_begun", "interacting", "units_done", "suspended", "moving",
)  # fmt: skip
"""Who is nowhere yet: all 0 once the room was ended."""


def room_record(record: RoomRecord) -> dict[str, Any]:
    """Return the record of a room: its figures, who they are, what happened, where the log ended."""
    head, ending = record.board.head, record.ending
    balance = ending.balance
    return {
        **sheet("room_record", record, signed=("proctor", "proctor", "chief", "inspector", "date")),
        "about": [
            [_("record.about.sitting"), head.sitting_name],
            [_("record.about.room"), head.room_name],
            [_("record.about.batch"), record.batch],
            [_("record.about.centre"), head.centre_name],
            [_("record.about.planned"), local_text(head.planned_start_at)],
            [_("record.about.state"), _(f"proctoring.room_state.{head.state}")],
            [_("record.about.started"), clock(head.started_at)],
            [_("record.about.ended"), clock(record.ended_at)],
            [_("record.about.chief"), staff_with(record, Role.CHIEF_PROCTOR)],
            [_("record.about.proctors"), staff_with(record, Role.PROCTOR)],
        ],
        "figures": [
            [_(f"record.figure.{name}"), str(count)]
            for name, count in (
                ("expected", balance.expected), ("present", balance.present), ("absent", balance.absent),
                ("violations", ending.violations),
            )
        ],
        "ends": [[_(f"record.by.{_last(name)}"), str(getattr(ending.counts, name))] for name in ENDS],
        "sum": _sum(record),
        "papers": list(_papers(record)),
        "happened": list(_happened(record)),
        "words": {
            **sheet("room_record", record, signed=("proctor", "proctor", "chief", "inspector", "date"))["words"],
            "about": _("record.words.about"),
            "figures": _("record.words.figures"),
            "papers": _("record.words.papers"),
            "paper_heads": [_(f"record.figure.{name}") for name in ("paper", "expected", "present", "absent")],
            "happened": _("record.words.happened"),
            "notes": _("record.words.notes"),
        },
    }  # fmt: skip


def _last(name: str) -> str:
    return name.removeprefix("by_")


def _sum(record: RoomRecord) -> str:
    """Say that the figures add up, or who is still missing in them. Source: R-61."""
    balance, counts = record.ending.balance, record.ending.counts
    if balance.balanced:
        figures = {"expected": balance.expected, "present": balance.present, "absent": balance.absent}
        return str(_("record.balanced", **figures))
    waiting = [(name, getattr(counts, name)) for name in OPEN if getattr(counts, name)]
    text = _("ui.comma").join(f"{_(f'record.open.{name}')} {count}" for name, count in waiting)
    return str(_("record.unbalanced", difference=balance.difference, said=text or NONE))


def _papers(record: RoomRecord) -> Iterator[list[str]]:
    for paper in record.board.papers:
        seats = [seat for seat in record.board.seats if seat.paper.key == paper.key]
        places = [place_of(seat, now=record.printed_at) for seat in seats]
        present = sum(place in ENDS for place in places)
        yield [paper.label, str(len(seats)), str(present), str(places.count("absent"))]


def _happened(record: RoomRecord) -> Iterator[list[str]]:
    """What the log says, summed up; each figure is the number of lines of the list that goes with it."""
    yield [_("record.happened.absent"), names(record.absent)]
    yield [_("record.happened.unanswered"), names(record.unanswered)]
    yield [_("record.happened.violations"), names(_once(record.breaches))]
    yield [_("record.happened.incidents"), _count(len(record.incidents))]
    yield [_("record.happened.comments"), _count(len(record.comments))]
    if moved := [f"{clock(line.at)} {log_text(line)}" for line in record.lines if line.kind in RELOCATED]:
        yield [_("record.happened.relocated"), _("ui.also").join(moved)]
    if left := [f"{clock(line.at)} {log_text(line)}" for line in record.lines if line.kind in LEFT]:
        if record.board.needs_countersign:
            left.append(_("record.countersign_waits"))
        yield [_("record.happened.evacuated"), _("ui.also").join(left)]
    yield [_("record.happened.stood"), _("ui.also").join(_stood(record)) or NONE]
    yield [_("record.happened.room_time"), _("ui.also").join(_room_time(record)) or NONE]
    held = [one for one in record.given if not one.withdrawn]
    alone = [one for one in held if one.seat is not None and one.at is not None]
    people = {one.seat.ref for one in alone if one.seat is not None}
    total = sum((one.amount for one in alone), timedelta(0))
    text = _("record.alone", people=len(people), times=len(alone), span=span_words(total)) if alone else NONE
    yield [_("record.happened.own_time"), text]
    yield [_("record.happened.moved"), _count(record.moved)]
    waits = _("record.undecided", count=record.undecided) if record.undecided else ""
    yield [_("record.happened.cut"), _count(len(record.silences)) + waits]
    yield [_("record.happened.out"), _count(len(record.out))]
    yield [_("record.happened.hands"), _hands(record)]
    yield [_("record.happened.remarks"), _count(record.hands.remarks)]
    yield [_("record.happened.undelivered"), names(record.ending.undelivered)]
    yield [_("record.happened.no_photo"), names(record.no_photo)]
    yield [_("record.happened.head"), str(record.head or NONE)]


def _hands(record: RoomRecord) -> str:
    hands = record.hands
    if not hands.by_reason:
        return NONE
    reasons = [
        f"{_(f'proctoring.hand.{name}')} {hands.by_reason[name]}"
        for name in REASONS
        if name in hands.by_reason
    ]
    text = _("record.hands", count=sum(hands.by_reason.values()), reasons=_("ui.comma").join(reasons))
    return str(text) + (_("record.hands_open", count=hands.unanswered) if hands.unanswered else "")


def _count(count: int) -> str:
    return str(_("record.times", count=count)) if count else NONE


def _once(reports: Iterable[Reported]) -> list[SeatView]:
    return list({one.seat.ref: one.seat for one in reports if one.seat is not None}.values())


def _stood(record: RoomRecord) -> Iterator[str]:
    for stood in record.stood:
        yield _(
            "record.span",
            since=clock(stood.from_at),
            until=clock(stood.to_at),
            why=because(stood.code, stood.reason),
        )


def _room_time(record: RoomRecord) -> Iterator[str]:
    for grant in record.given:
        if grant.seat is None and not grant.withdrawn:
            what = f"{_(f'proctoring.grant.{grant.kind}')} {span_words(grant.amount)}"
            yield f"{clock(grant.at)} {what} {because(grant.code, grant.reason)}".rstrip()


_STAFF = ("proctor", "proctor", "chief", "date")
_WHO = (("seat", 12.0), ("name", share(1)), ("ticket", 27.0))
_ABOUT: tuple[tuple[str, Width], ...] = (("seat", 12.0), ("name", share(0.9)), ("at", 17.0))
_REPORT = (
    *_ABOUT, ("breach", share(1.2)), ("said", share(2)), ("by", share(0.8)), ("candidate_signature", 20.0),
)  # fmt: skip
_WITHDRAWN = (*_ABOUT, ("breach", share(1.2)), ("said", share(1.6)), ("withdrawn", share(1)))


def attendance(record: RoomRecord) -> dict[str, Any]:
    """Return 签到表 with what was recorded of everybody: arrival, document, sign-in, the end; a place to sign."""
    columns = (
        ("seat", 11.0), ("name", share(1)), ("ticket", 25.0), ("arrived", 16.0), ("identity", 30.0),
        ("signed_in", 16.0), ("left", 22.0), ("signature", 22.0),
    )  # fmt: skip
    rows = [_attended(record, seat) for seat in record.board.seats]
    return {
        **sheet("attendance", record, signed=_STAFF),
        "parts": [part("attendance", columns, rows, heading=False)],
    }


def _attended(record: RoomRecord, seat: SeatView) -> list[str]:
    shown = record.doors[seat.ref].shown
    if seat.absent_at is not None:
        return [seat.label, seat.name, seat.ticket, _("record.absent"), NONE, NONE, NONE, ""]
    identity = "\n".join(
        filter(None, [clock(seat.checked_in_at), _(f"door.document.{shown}") if shown else ""])
    )
    return [
        seat.label, seat.name, seat.ticket, clock(seat.arrived_at), identity, clock(seat.signed_in_at),
        _ended(seat), "",
    ]  # fmt: skip


def _ended(seat: SeatView) -> str:
    if seat.closed_at is None or not seat.closing:
        return NONE
    return f"{clock(seat.closed_at)}\n{_(f'record.by.{seat.closing}')}"


def absences(record: RoomRecord) -> dict[str, Any]:
    """Return 缺考/违纪登记表: who did not come and why, who came and wrote nothing, who broke which rule."""
    columns = (*_WHO, ("id_document", 37.0), ("paper", share(1)))
    absent = [[*_person(record, one), _cause(record, one)] for one in record.absent]
    parts = [
        part("absent", (*columns, ("cause", 20.0)), absent),
        part("unanswered", columns, [_person(record, one) for one in record.unanswered]),
        part("breaches", _REPORT, [_report(one) for one in record.breaches]),
    ]
    withdrawn = [one for one in record.withdrawn if one.kind == "violation"]
    if withdrawn:
        parts.append(part("withdrawn", _WITHDRAWN, [_withdrawn(one) for one in withdrawn]))
    return {**sheet("absences", record, signed=_STAFF), "parts": parts}


def incidents(record: RoomRecord) -> dict[str, Any]:
    """Return 异常登记表: what was filed, what of it was withdrawn, and what inspectors noted."""
    parts = [part("incidents", _REPORT, [_report(one) for one in record.incidents])]
    withdrawn = [one for one in record.withdrawn if one.kind == "incident"]
    if withdrawn:
        parts.append(part("withdrawn", _WITHDRAWN, [_withdrawn(one) for one in withdrawn]))
    if record.comments:
        noted = (*_ABOUT, ("comment", share(2)), ("by", share(0.8)), ("answer", share(1.6)))
        parts.append(part("comments", noted, [_comment(one) for one in record.comments]))
    return {**sheet("incidents", record, signed=_STAFF), "parts": parts}


def _person(record: RoomRecord, seat: SeatView) -> list[str]:
    return [seat.label, seat.name, seat.ticket, record.doors[seat.ref].masked, seat.paper.label]


def _cause(record: RoomRecord, seat: SeatView) -> str:
    cause = record.doors[seat.ref].cause
    return str(_(f"proctoring.cause.{cause}")) if cause else NONE


def _report(report: Reported) -> list[str]:
    lines = [*report.facts.splitlines(), *_proof(report)]
    if report.statement:
        lines.append(_("record.report.statement", text=report.statement))
    signed = "" if report.signature == "open" else str(_(f"record.signature.{report.signature}"))
    return [*_whom(report), clock(report.at), _what(report), "\n".join(lines), report.by or NONE, signed]


def _comment(comment: Comment) -> list[str]:
    answer = "\n".join(filter(None, (comment.answer, comment.answered_by if comment.answer else "")))
    return [*_whom(comment), clock(comment.at), comment.text, comment.by or NONE, answer or NONE]


def _whom(entry: Reported | Comment) -> list[str]:
    return [NONE, _("record.whole_room")] if entry.seat is None else [entry.seat.label, entry.seat.name]


def _what(report: Reported) -> str:
    """Say which row of the table it is; of a violation with its tier, clause and effects."""
    if report.kind == "incident":
        return word(REASON + report.code)
    parts, violation = [word(VIOLATION + report.code)], report.violation
    if violation is not None:
        effects = [_(f"proctoring.effect.{effect}", points=violation.deduct) for effect in violation.effects]
        parts += [
            f"{_(f'proctoring.tier.{violation.tier}')} · {violation.clause}",
            _("proctoring.comma").join(effects),
        ]
    return "\n".join(parts)


def _proof(report: Reported) -> Iterator[str]:
    kinds = _("proctoring.comma").join(_(f"proctoring.evidence.{kind}") for kind in report.evidence)
    if there := _("ui.also").join(filter(None, (kinds, report.evidence_note))):
        yield _("record.report.evidence", text=there)
    if report.witness:
        yield _("record.report.witness", text=report.witness)


def _withdrawn(report: Reported) -> list[str]:
    why = _("record.taken_back") if report.withdrawn == TAKEN_BACK else report.withdrawn
    return [*_whom(report), clock(report.at), _what(report), report.facts or NONE, why or NONE]


def changes(record: RoomRecord) -> dict[str, Any]:
    """Return 换机补时明细: other machines, time given, holds of the room, lines that were cut, people outside."""
    whom: tuple[tuple[str, Width], ...] = (("at", 20.0), ("seat", 14.0), ("name", share(1)))
    why: tuple[tuple[str, Width], ...] = (("reason", share(1.3)), ("by", share(1)))
    span: tuple[tuple[str, Width], ...] = (("from", 21.0), ("to", 21.0))
    cut = (*span, ("seat", 14.0), ("name", share(1)), ("state", share(1.2)), ("decided", 34.0))
    out = (("out", 21.0), ("in", 21.0), ("seat", 14.0), ("name", share(1)), ("escort", share(1)))
    return {
        **sheet("changes", record, signed=_STAFF),
        "parts": [
            part(
                "moved",
                (*whom, ("what", share(1.4)), *why),
                [_moved(line) for line in record.moves],
                count=record.moved,
            ),
            part(
                "given",
                (*whom, ("what", 32.0), *why),
                [_given(one) for one in record.given],
                count=sum(not one.withdrawn for one in record.given),
            ),
            part("stood", (*span, ("how_long", 28.0), *why), [_still_row(one) for one in record.stood]),
            part("cut", cut, [_silence(one) for one in record.silences]),
            part("out", out, [_out(one) for one in record.out]),
        ],
    }


def _still_row(period: HoldPeriod) -> list[str]:
    long = NONE if period.to_at is None else span_words(period.to_at - period.from_at)
    return [clock(period.from_at), clock(period.to_at), long, because(period.code, period.reason), period.by]


def _out(leave: Out) -> list[str]:
    return [clock(leave.out_at), clock(leave.in_at), leave.seat.label, leave.seat.name, leave.escort]


def _moved(line: LogLine) -> list[str]:
    params = dict(line.params)
    what = _(f"record.moved.{line.kind}", to=params.get("to", ""))
    whom = [clock(line.at), params.get("seat", ""), params.get("name", NONE)]
    return [*whom, what, params.get("reason") or NONE, params.get("who") or NONE]


def _given(grant: TimeGrant) -> list[str]:
    back = f"\n{_('record.taken_back')}" if grant.withdrawn else ""
    return [
        _("record.before_start") if grant.at is None else clock(grant.at),
        NONE if grant.seat is None else grant.seat.label,
        _("record.whole_room") if grant.seat is None else grant.seat.name,
        f"{_(f'proctoring.grant.{grant.kind}')} {span_words(grant.amount)}{back}",
        because(grant.code, grant.reason) or NONE,
        grant.by or NONE,
    ]


def _silence(gap: Silence) -> list[str]:
    how = "record.cut.usable" if gap.usable else "record.cut.unusable"
    decided = _("record.cut.open" if gap.waits else "record.cut.none")
    if gap.decided:
        decided = (
            _("record.cut.granted", span=span_words(gap.granted)) if gap.granted else _("record.cut.refused")
        )
    return [
        clock(gap.from_at), clock(gap.to_at), gap.seat.label, gap.seat.name, _(how, count=gap.resent), decided,
    ]  # fmt: skip


def no_photos(record: RoomRecord) -> dict[str, Any]:
    """Return 照片待补清单: who sat without a photo, with places for the day it is brought and a signature."""
    columns = (*_WHO, ("id_document", 40.0), ("paper", share(1)), ("brought_on", 24.0), ("signature", 26.0))
    rows = [[*_person(record, one), "", ""] for one in record.no_photo]
    return {
        **sheet("no_photos", record, signed=("proctor", "chief", "date")),
        "parts": [part("no_photos", columns, rows, heading=False)],
    }


def room_log(record: RoomRecord) -> dict[str, Any]:
    """Return the whole log of the room, line by line."""
    rows = [[str(number), clock(line.at), _said(line)] for number, line in enumerate(record.lines, 1)]
    return {
        **sheet("room_log", record, signed=("proctor", "chief", "date")),
        "parts": [
            part("room_log", (("number", 14.0), ("at", 22.0), ("line", share(1))), rows, heading=False)
        ],
    }


def _said(line: LogLine) -> str:
    """Return a line of the log; one about several people with all of them below it."""
    people = _("ui.comma").join(log_person(line, one) for one in line.people)
    return f"{log_text(line)}\n{people}" if people else log_text(line)


@dataclass(frozen=True, slots=True)
class RoomPaper:
    """A document of a room: what it is made of, how many lines it has, and the form it is set in.

    Its name is that of its texts, `candidates.print.<name>` and `record.about.<name>`; the form that of a file of
    `cbt/printing/documents`.
    """

    gather: Callable[[RoomRecord], dict[str, Any]]
    lines: Callable[[RoomRecord], int]
    form: str = "room_list"


PAPERS = {
    "room_record": RoomPaper(room_record, lambda record: 1, form="room_record"),
    "attendance": RoomPaper(attendance, lambda record: len(record.board.seats)),
    "absences": RoomPaper(
        absences, lambda record: len(record.absent) + len(record.unanswered) + len(record.breaches)
    ),
    "incidents": RoomPaper(incidents, lambda record: len(record.incidents) + len(record.comments)),
    "changes": RoomPaper(
        changes,
        lambda record: (
            len(record.moves) + len(record.given) + len(record.stood) + len(record.silences) + len(record.out)
        ),
    ),
    "no_photos": RoomPaper(no_photos, lambda record: len(record.no_photo)),
    "room_log": RoomPaper(room_log, lambda record: len(record.lines)),
}


FINAL = frozenset({SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED, SittingState.ABORTED})


@dataclass(frozen=True, slots=True)
class ListedPaper:
    """A document in the list: how many lines it has, and what it lacks to be final ("" for nothing)."""

    name: str
    lines: int
    lacks: str


@dataclass(frozen=True, slots=True)
class RoomPapers:
    """The papers of one room."""

    view: RoomView
    record: RoomRecord
    papers: tuple[ListedPaper, ...]
    unprintable: tuple[tuple[str, str], ...]
    """(text, the characters of it that the fonts lack)"""


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room of a sitting in the list: who was expected and who is absent, whether its papers are final."""

    view: RoomView
    expected: int
    absent: int
    final: bool


@dataclass(frozen=True, slots=True)
class SittingPapers:
    """The rooms of a sitting whose papers are to be collected."""

    sitting: Sitting
    batch: Batch
    rooms: tuple[RoomState, ...]

    @property
    def over(self) -> bool:
        """Whether the whole sitting is behind us and has results."""
        return self.sitting.state in {SittingState.ENDED, SittingState.SCORED, SittingState.RELEASED}


def record_of(session: Session, room_ref: str, principal: Principal, *, now: datetime) -> RoomRecord:
    """Return what the papers of a room say that this person may see; raise NotFound otherwise. Source: R-62."""
    return read_record(session, room_view_for(session, room_ref, principal), now=now)


def room_papers(room_ref: str, principal: Principal, *, now: datetime) -> RoomPapers:
    """Return the list of a room's papers; raise NotFound for a room this person may not see."""
    with reading() as session:
        view = room_view_for(session, room_ref, principal)
        record = read_record(session, view, now=now)
    papers = tuple(ListedPaper(name, one.lines(record), _lacks(name, record)) for name, one in PAPERS.items())
    return RoomPapers(view, record, papers, tuple(_unprintable(record)))


def _lacks(name: str, record: RoomRecord) -> str:
    """Return what a document waits for, in words, the first thing first."""
    if record.draft:
        open_ = record.ending.balance.difference
        return str(_("record.lacks.open", count=open_) if open_ else _("record.lacks.not_ended"))
    if name == "changes" and record.undecided:
        return str(_("record.lacks.undecided", count=record.undecided))
    return ""


def _unprintable(record: RoomRecord) -> Iterator[tuple[str, str]]:
    head = record.board.head
    texts = [record.batch, head.sitting_name, head.room_name, head.centre_name]
    texts += [seat.name for seat in record.board.seats] + [name for name, _duty in record.staff]
    texts += [value for line in record.lines for _name, value in line.params]
    for text in dict.fromkeys(texts):
        if missing := lacking(text):
            yield text, missing


def sitting_papers(ref: str) -> SittingPapers:
    """Return the rooms of a sitting with where their papers stand; raise NotFound("sitting.unknown")."""
    with reading() as session:
        sitting = sitting_by_ref(session, ref)
        views = rooms_of_sitting(session, sitting.id)
        counts = counts_of_rooms(session, [view.sitting_room.id for view in views])
        batch = session.get_one(Batch, sitting.batch_id)
    rooms = []
    for view in views:
        figures = counts.get(view.sitting_room.id, {})
        final = view.sitting_room.state in FINAL
        rooms.append(RoomState(view, figures.get("expected", 0), figures.get("absent", 0), final))
    return SittingPapers(sitting, batch, tuple(rooms))


def read_for_print(name: str, room_ref: str, principal: Principal, *, now: datetime) -> RoomRecord:
    """Return what a document is made of; raise NotFound("web.no_page") where there is none of that name."""
    if name not in PAPERS:
        raise NotFound("web.no_page")
    with reading() as session:
        return record_of(session, room_ref, principal, now=now)


def note_print(session: Session, *, name: str, record: RoomRecord, now: datetime, actor: str) -> None:
    """Put on record that somebody had a document of a room made; a repeat is counted. Source: R-64."""
    flood_limit.count(
        session,
        at=now,
        actor=actor,
        act=f"print.{name}",
        subject=f"sitting_room:{record.board.head.ref}",
        draft=str(int(record.draft)),
    )
