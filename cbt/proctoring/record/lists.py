"""The lists of a room's papers: 签到表, 缺考/违纪登记表, 换机补时明细, 照片待补清单, the whole log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from cbt.exams.reasons.words import REASON, VIOLATION
from cbt.proctoring.board.log_lines import LogLine
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.shown import log_person, log_text, span_words
from cbt.proctoring.incidents.writing import TAKEN_BACK
from cbt.proctoring.record.facts import Comment, GivenTime, Out, Reported, RoomRecord, Silence, Stood
from cbt.proctoring.record.words import NONE, Width, because, clock, part, share, sheet
from cbt.rules.states.attempt import ClosedBy
from cbt.web.i18n import word

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
    if seat.closed_at is None or seat.closed_by is None:
        return NONE
    by = ClosedBy(seat.closed_by)
    silent = seat.started_at is None and by is not ClosedBy.VIOLATION
    return f"{clock(seat.closed_at)}\n{_('record.by.unanswered' if silent else f'record.by.{by}')}"


def absences(record: RoomRecord) -> dict[str, Any]:
    """Return 缺考/违纪登记表: who did not come and why, who came and wrote nothing, who broke which rule."""
    who = (*_WHO, ("id_document", 37.0), ("paper", share(1)))
    absent = [[*_person(record, one), _cause(record, one)] for one in record.absent]
    parts = [
        part("absent", (*who, ("cause", 20.0)), absent),
        part("unanswered", who, [_person(record, one) for one in record.unanswered]),
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


def _report(one: Reported) -> list[str]:
    said = [*one.facts.splitlines(), *_proof(one)]
    if one.statement:
        said.append(_("record.report.statement", text=one.statement))
    signed = "" if one.signature == "open" else str(_(f"record.signature.{one.signature}"))
    return [*_whom(one), clock(one.at), _what(one), "\n".join(said), one.by or NONE, signed]


def _comment(one: Comment) -> list[str]:
    answer = "\n".join(filter(None, (one.answer, one.answered_by if one.answer else "")))
    return [*_whom(one), clock(one.at), one.text, one.by or NONE, answer or NONE]


def _whom(one: Reported | Comment) -> list[str]:
    return [NONE, _("record.whole_room")] if one.seat is None else [one.seat.label, one.seat.name]


def _what(one: Reported) -> str:
    """Say which row of the table it is; of a violation with its tier, clause and effects."""
    if one.kind == "incident":
        return word(REASON + one.code)
    said, found = [word(VIOLATION + one.code)], one.violation
    if found is not None:
        effects = [_(f"proctoring.effect.{effect}", points=found.deduct) for effect in found.effects]
        said += [
            f"{_(f'proctoring.tier.{found.tier}')} · {found.clause}",
            _("proctoring.comma").join(effects),
        ]
    return "\n".join(said)


def _proof(one: Reported) -> Iterator[str]:
    kinds = _("proctoring.comma").join(_(f"proctoring.evidence.{kind}") for kind in one.evidence)
    if there := _("ui.also").join(filter(None, (kinds, one.evidence_note))):
        yield _("record.report.evidence", text=there)
    if one.witness:
        yield _("record.report.witness", text=one.witness)


def _withdrawn(one: Reported) -> list[str]:
    why = _("record.taken_back") if one.withdrawn == TAKEN_BACK else one.withdrawn
    return [*_whom(one), clock(one.at), _what(one), one.facts or NONE, why or NONE]


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
            part("moved", (*whom, ("what", share(1.4)), *why), [_moved(line) for line in record.moves]),
            part("given", (*whom, ("what", 32.0), *why), [_given(one) for one in record.given]),
            part("stood", (*span, ("how_long", 28.0), *why), [_stood(one) for one in record.stood]),
            part("cut", cut, [_silence(one) for one in record.silences]),
            part("out", out, [_out(one) for one in record.out]),
        ],
    }


def _stood(one: Stood) -> list[str]:
    long = NONE if one.to_at is None else span_words(one.to_at - one.from_at)
    return [clock(one.from_at), clock(one.to_at), long, because(one.code, one.reason), one.by]


def _out(one: Out) -> list[str]:
    return [clock(one.out_at), clock(one.in_at), one.seat.label, one.seat.name, one.escort]


def _moved(line: LogLine) -> list[str]:
    said = dict(line.params)
    what = _(f"record.moved.{line.kind}", to=said.get("to", ""))
    whom = [clock(line.at), said.get("seat", ""), said.get("name", NONE)]
    return [*whom, what, said.get("reason") or NONE, said.get("who") or NONE]


def _given(one: GivenTime) -> list[str]:
    back = f"\n{_('record.taken_back')}" if one.withdrawn else ""
    return [
        _("record.before_start") if one.at is None else clock(one.at),
        NONE if one.seat is None else one.seat.label,
        _("record.whole_room") if one.seat is None else one.seat.name,
        f"{_(f'proctoring.grant.{one.kind}')} {span_words(one.amount)}{back}",
        because(one.code, one.reason) or NONE,
        one.by or NONE,
    ]


def _silence(one: Silence) -> list[str]:
    how = "record.cut.usable" if one.usable else "record.cut.unusable"
    decided = _("record.cut.open")
    if one.decided:
        decided = (
            _("record.cut.granted", span=span_words(one.granted)) if one.granted else _("record.cut.refused")
        )
    return [
        clock(one.from_at), clock(one.to_at), one.seat.label, one.seat.name, _(how, count=one.resent), decided,
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
