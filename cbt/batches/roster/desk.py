"""Pages of a roster: what is brought for a batch, how far it is, what it would do; and the rows that go out.

Each page is gathered in one reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePath

import flask_babel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit.chain import record
from cbt.batches.roster.entries import SeatLine
from cbt.batches.roster.findings import CHANGES, SEATS, RoomShare, RosterSummary, SittingShare
from cbt.batches.roster.models import ROSTERS, RosterCheck
from cbt.batches.roster.plan import RosterTerms, RowChange, seen_of, terms_of
from cbt.batches.roster.planner import target_of
from cbt.batches.roster.roster_import import BROUGHT
from cbt.batches.store import held_of
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.candidates.roster.export import rows_of
from cbt.candidates.store import entries_of_batch
from cbt.enrolment.applications.store import application_by_ref
from cbt.enrolment.models import UnitApplication
from cbt.errors import InvalidInput
from cbt.imports.machine import FINDINGS, MARKED, ImportStanding
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting
from cbt.sittings.store import batch_by_ref
from cbt.spreadsheets.file_checks import Stretch, shown
from cbt.spreadsheets.findings import Finding
from cbt.storage.unit_of_work import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterStanding(ImportStanding):
    """How far a brought roster is, for which batch or sitting, and whose it is.

    Of an application its people are the roster.
    """

    batch: Batch
    sitting: Sitting | None
    brought_by: str
    application: UnitApplication | None


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What is looked at of a roster: one kind of findings, one room ("sitting.place"), a page of each list."""

    kind: str = ""
    page: int = 1
    room: str = ""
    seats_page: int = 1
    changes_page: int = 1


@dataclass(frozen=True, slots=True)
class SittingNeed:
    """How many sittings a paper still needs, if the centre with the most seats holds them."""

    level: str
    name: str
    minutes: int
    people: int
    centre: str
    rooms: int
    seats: int

    @property
    def sittings(self) -> int:
        """How many sittings in all its rooms take everybody; 0 where there is no centre yet."""
        return -(-self.people // self.seats) if self.seats else 0


@dataclass(frozen=True, slots=True)
class RosterSheet:
    """Everything the page of a dry run shows."""

    standing: RosterStanding
    summary: RosterSummary
    terms: RosterTerms
    stale: bool
    """Whether rooms, times or seats have changed since."""
    findings: list[Finding]
    shown: Stretch
    changes: list[RowChange]
    room: tuple[SittingShare, RoomShare] | None
    seats: list[SeatLine]
    needs: list[SittingNeed]
    looked: LookedAt
    marked: bool
    """Whether there is a copy with the findings marked."""


@dataclass(frozen=True, slots=True)
class RosterDesk:
    """What is brought for a batch, and how many are registered."""

    batch: Batch
    sitting: Sitting | None
    waiting: list[RosterStanding]
    reader: str
    """Who looks: a roster is opened by who brought it."""
    registered: int


def desk_of(session: Session, batch_ref: str, sitting_ref: str = "", *, actor: str) -> RosterDesk:
    """Return what the page shows on which a roster is brought; raise NotFound for an unknown batch or sitting."""
    target = target_of(session, batch_ref=batch_ref, sitting_ref=sitting_ref)
    waiting = [_standing(session, check) for check in BROUGHT.waiting(session, target.batch.id)]
    here = select(Sitting.id).where(Sitting.batch_id == target.batch.id)
    count = select(func.count()).select_from(Registration).where(Registration.sitting_id.in_(here))
    return RosterDesk(target.batch, target.only, waiting, actor, session.scalar(count) or 0)


def batch_of_sitting(session: Session, sitting: Sitting) -> str:
    return session.get_one(Batch, sitting.batch_id).ref


def standing_of(session: Session, batch_ref: str, ref: str, *, actor: str) -> RosterStanding:
    """Return how far a brought roster is; raise NotFound("roster.draft_gone")."""
    return _standing(session, BROUGHT.own(session, batch_ref, ref, actor=actor))


def _standing(session: Session, check: RosterCheck) -> RosterStanding:
    terms = terms_of(check.asked)
    ref, applied = terms.sitting, terms.application
    standing = BROUGHT.standing(session, check)
    if applied:  # nobody brought a file: the page is called as the unit is
        standing["file_name"] = standing["file_name"].removesuffix(".xlsx")
    return RosterStanding(
        **standing,
        batch=session.get_one(Batch, check.batch_id),
        sitting=session.scalar(select(Sitting).where(Sitting.ref == ref)) if ref else None,
        brought_by=actor_names(session, {check.actor}).get(check.actor, check.actor),
        application=application_by_ref(session, applied, unit_id=None) if applied else None,
    )


def sheet_of(session: Session, batch_ref: str, ref: str, looked: LookedAt, *, actor: str) -> RosterSheet:
    """Return the dry run of a roster that is ready; raise NotFound("roster.draft_gone")."""
    check = BROUGHT.own(session, batch_ref, ref, actor=actor)
    standing, summary = _standing(session, check), BROUGHT.summary_of(session, check)
    stretch = shown(summary.kinds, looked.kind)
    room = _room(summary.sittings, looked.room)
    return RosterSheet(
        standing=standing,
        summary=summary,
        terms=terms_of(check.asked),
        stale=not summary.unread and seen_of(session, check.batch_id, only=standing.sitting) != summary.seen,
        findings=ROSTERS.lines_of(session, check, FINDINGS, stretch, looked.page, Finding),
        shown=stretch,
        changes=ROSTERS.lines_of(session, check, CHANGES, summary.changes, looked.changes_page, RowChange),
        room=room,
        seats=ROSTERS.lines_of(session, check, SEATS, room[1].lines, looked.seats_page, SeatLine)
        if room is not None
        else [],
        needs=_needs(session, summary) if summary.left else [],
        looked=looked,
        marked=bool(ROSTERS.part_numbers(session, check, MARKED)),
    )


def _room(sittings: Sequence[SittingShare], name: str) -> tuple[SittingShare, RoomShare] | None:
    for sitting in sittings:
        for place, room in enumerate(sitting.rooms):
            if f"{sitting.ref}.{place}" == name:
                return sitting, room
    return None


def _needs(session: Session, summary: RosterSummary) -> list[SittingNeed]:
    query = (
        select(Centre.name, func.count(func.distinct(Room.id)), func.count(Seat.id))
        .join(Room, Room.centre_id == Centre.id)
        .join(Seat, Seat.room_id == Room.id)
        .where(Seat.spare.is_(False))
        .group_by(Centre.id, Centre.name)
        .order_by(func.count(Seat.id).desc(), Centre.name)
        .limit(1)
    )
    most = session.execute(query).first()
    centre, rooms, seats = (most[0], most[1], most[2]) if most is not None else ("", 0, 0)
    needs: dict[tuple[str, str], SittingNeed] = {}
    for group in summary.left:
        key = (group.blueprint, group.paper)
        people = group.people + (needs[key].people if key in needs else 0)
        needs[key] = SittingNeed(group.level, group.name, group.minutes, people, centre, rooms, seats)
    return list(needs.values())


def marked_copy(session: Session, batch_ref: str, ref: str, *, actor: str) -> tuple[str, bytes]:
    """Return the name for a roster's marked copy, and the copy; raise NotFound for none, or another person's."""
    check = BROUGHT.own(session, batch_ref, ref, actor=actor)
    name = flask_babel.gettext("batches.roster.marked.file", name=PurePath(check.file_name).stem)
    return name, BROUGHT.copy_of(session, check)


def export_rows(
    *, batch_ref: str, reason: str, actor: str, now: datetime
) -> tuple[list[list[str]], Callable[[Session], None]]:
    """Return the roster rows of a batch, numbers in full where a `reason` is given, and what puts it on record.

    Raise InvalidInput("candidates.reason") for a reason of one letter, or of more than 500.
    """
    reason = reason.strip()
    if reason and not 2 <= len(reason) <= 500:
        raise InvalidInput("candidates.reason", field="reason")
    with reading() as session:
        batch = batch_by_ref(session, batch_ref)
        entries = entries_of_batch(session, batch.id)
        blueprints = {
            version: blueprint_of(session, version)
            for version in {entry.registration.blueprint_version_id for entry in entries}
        }
        held = held_of(session, batch.id)
        rows = rows_of(entries, blueprints, batch.name, reveal=bool(reason), held=held)
    after = {"rows": len(rows), "numbers": "full" if reason else "masked"}
    subject = f"batch:{batch.ref}"
    return rows, partial(
        record, at=now, actor=actor, act="roster.export", subject=subject, reason=reason, after=after
    )
