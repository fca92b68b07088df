"""考场情况记录表: one sheet that says how the sitting went in this room, signed by whoever ran it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _

from cbt.proctoring.acts.room.ending import place_of
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.board.shown import log_text, span_words
from cbt.proctoring.record.facts import RELOCATED, Reported, RoomRecord
from cbt.proctoring.record.words import NONE, because, clock, names, sheet, staff_with
from cbt.rules.roles import Role
from cbt.web.i18n import local_text

ENDS = ("by_candidate", "by_deadline", "by_proctor", "by_violation", "by_evacuation", "unanswered")
"""What 实考 is made of, as R-61 lists it."""
OPEN = ("not_signed_in", "interacting", "units_done", "suspended", "moving")
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
    said = _("ui.comma").join(f"{_(f'record.open.{name}')} {count}" for name, count in waiting)
    return str(_("record.unbalanced", difference=balance.difference, said=said or NONE))


def _papers(record: RoomRecord) -> Iterator[list[str]]:
    """Count each paper of the room as the room is counted."""
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
    yield [_("record.happened.stood"), _("ui.also").join(_stood(record)) or NONE]
    yield [_("record.happened.room_time"), _("ui.also").join(_room_time(record)) or NONE]
    held = [one for one in record.given if not one.withdrawn]
    alone = [one for one in held if one.seat is not None and one.at is not None]
    people = {one.seat.ref for one in alone if one.seat is not None}
    total = sum((one.amount for one in alone), timedelta(0))
    said = _("record.alone", people=len(people), times=len(alone), span=span_words(total)) if alone else NONE
    yield [_("record.happened.own_time"), said]
    yield [_("record.happened.moved"), _count(record.moved)]
    waits = _("record.undecided", count=record.undecided) if record.undecided else ""
    yield [_("record.happened.cut"), _count(len(record.silences)) + waits]
    yield [_("record.happened.out"), _count(len(record.out))]
    yield [_("record.happened.undelivered"), names(record.ending.undelivered)]
    yield [_("record.happened.no_photo"), names(record.no_photo)]
    yield [_("record.happened.head"), str(record.head or NONE)]


def _count(count: int) -> str:
    return str(_("record.times", count=count)) if count else NONE


def _once(reports: Iterable[Reported]) -> list[SeatView]:
    return list({one.seat.ref: one.seat for one in reports if one.seat is not None}.values())


def _stood(record: RoomRecord) -> Iterator[str]:
    for one in record.stood:
        yield _(
            "record.span", since=clock(one.from_at), until=clock(one.to_at), why=because(one.code, one.reason)
        )


def _room_time(record: RoomRecord) -> Iterator[str]:
    for one in record.given:
        if one.seat is None and not one.withdrawn:
            what = f"{_(f'proctoring.grant.{one.kind}')} {span_words(one.amount)}"
            yield f"{clock(one.at)} {what} {because(one.code, one.reason)}".rstrip()
