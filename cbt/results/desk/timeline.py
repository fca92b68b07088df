"""The time line of one person's paper: what the log, the journal and the record say, in the order it happened.

Source: R-41, R-64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.audit_log import lines_of, on_one_line
from cbt.audit.models import AuditEntry
from cbt.audit.store import GROUPS
from cbt.candidates.models import Registration
from cbt.http.i18n import local_text
from cbt.results.desk.certificates import HeldCertificate
from cbt.runner.models import Attempt, Gap, JournalEntry, LateEntry, UnitDone
from cbt.sittings.models import Sitting, SittingRoom

MOST_ENTRIES = 400
"""So many entries of the log are told of one person, the latest; how many more there are is said."""
OF_THE_ROOM = tuple(
    act
    for act in GROUPS["running"] + GROUPS["second"]
    if act.startswith("room.") or act in {"second.hold", "second.resume_room", "second.adjust_room"}
)
"""What was done with a whole room, and so with whoever sat there."""
OF_THE_SITTING = (
    "publicity.publish", "publicity.withdraw", "results.release", "results.release_left", "sitting.release",
)  # fmt: skip


class EventSource(StrEnum):
    """Where a line of a time line comes from."""

    LOG = "log"
    JOURNAL = "journal"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened: when, what in words, what more there is to it, who did it, and what tells of it."""

    at: datetime
    what: str
    more: str
    who: str
    source: EventSource
    number: int = 0
    """Of an entry of the log."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The events in their order; `left_out` is how many older entries of the log are not among them."""

    events: Sequence[TimelineEvent]
    left_out: int = 0


def timeline_of(
    session: Session,
    registration: Registration,
    sitting: Sitting,
    room: SittingRoom,
    attempt: Attempt | None,
    certificates: Iterable[HeldCertificate],
    names: Mapping[str, str],
) -> Timeline:
    """Return what happened to a registration, its attempt and its room, from the door to a certificate."""
    logged, left_out = _logged(session, registration, sitting, room, attempt)
    events = [*logged, *_certified(certificates, names)]
    if attempt is not None:
        events += [*_recorded(session, attempt), *_journalled(session, attempt)]
    return Timeline(sorted(events, key=lambda one: (one.at, one.number)), left_out)


def _logged(
    session: Session,
    registration: Registration,
    sitting: Sitting,
    room: SittingRoom,
    attempt: Attempt | None,
) -> tuple[list[TimelineEvent], int]:
    own = [registration.logged_as, *([] if attempt is None else [attempt.logged_as])]
    about = or_(
        AuditEntry.subject.in_(own),
        and_(AuditEntry.subject == room.logged_as, AuditEntry.act.in_(OF_THE_ROOM)),
        and_(AuditEntry.subject == sitting.logged_as, AuditEntry.act.in_(OF_THE_SITTING)),
    )
    count = session.scalar(select(func.count()).select_from(AuditEntry).where(about)) or 0
    rows = session.scalars(
        select(AuditEntry).where(about).order_by(AuditEntry.id.desc()).limit(MOST_ENTRIES)
    ).all()
    events = [
        TimelineEvent(
            at=line.entry.at,
            what=line.act,
            more=str(_("desk.separator")).join(filter(None, (line.why, on_one_line(line.after)))),
            who=line.who,
            source=EventSource.LOG,
            number=line.entry.id,
        )
        for line in lines_of(session, rows, reader=None)
    ]
    return events, max(0, count - len(rows))


def _certified(certificates: Iterable[HeldCertificate], names: Mapping[str, str]) -> Iterator[TimelineEvent]:
    for one in certificates:
        who = names.get(one.issued_by, one.issued_by)
        yield _fact(one.issued_at, "certificate", one.number, who)
        if one.revoked_at is not None:
            who = names.get(one.revoked_by, one.revoked_by)
            yield _fact(one.revoked_at, "certificate_revoked", one.revoke_reason, who)


def _recorded(session: Session, attempt: Attempt) -> Iterator[TimelineEvent]:
    """Yield what the record has of an attempt and the log has not."""
    if attempt.started_at is not None:
        yield _fact(attempt.started_at, "start")
    for unit in session.scalars(select(UnitDone).where(UnitDone.attempt_id == attempt.id)):
        yield _fact(unit.at, "unit_done", str(_("desk.event.unit", number=unit.unit)))
    for gap in session.scalars(select(Gap).where(Gap.attempt_id == attempt.id)):
        seconds = round((gap.to_at - gap.from_at).total_seconds())
        until = local_text(gap.to_at, "%H:%M:%S")
        yield _fact(gap.from_at, "gap", str(_("desk.event.silence", until=until, seconds=seconds)))
    if attempt.submitted_at is not None:
        yield _fact(attempt.submitted_at, "submit", attempt.receipt or "")
    if attempt.closed_at is not None:
        how = str(_(f"results.standing.by_{attempt.closed_by}")) if attempt.closed_by in _CLOSED_BY else ""
        yield _fact(attempt.closed_at, "close", how)


_CLOSED_BY = frozenset({"candidate", "deadline", "proctor", "violation", "evacuation"})


def _journalled(session: Session, attempt: Attempt) -> Iterator[TimelineEvent]:
    """Yield each stretch in which one browser had the paper: its first and last save, and how many there were."""
    rows = session.execute(
        select(
            JournalEntry.lease_epoch,
            func.min(JournalEntry.received_at),
            func.max(JournalEntry.received_at),
            func.count(),
        )
        .where(JournalEntry.attempt_id == attempt.id)
        .group_by(JournalEntry.lease_epoch)
        .order_by(JournalEntry.lease_epoch)
    )
    for number, (epoch, first, last, count) in enumerate(rows):
        began = "first_save" if number == 0 else "other_browser"
        yield _journal(first, began, str(_("desk.event.epoch", number=epoch)))
        yield _journal(last, "last_save", str(_("desk.event.saves", number=epoch, count=count)))
    late = session.execute(
        select(func.min(LateEntry.received_at), func.count()).where(LateEntry.attempt_id == attempt.id)
    ).one()
    if late[1]:
        yield _journal(late[0], "late", str(_("desk.event.late_count", count=late[1])))


def _fact(at: datetime, kind: str, more: str = "", who: str = "") -> TimelineEvent:
    return TimelineEvent(at, str(_(f"desk.event.{kind}")), more, who, EventSource.RECORD)


def _journal(at: datetime, kind: str, more: str) -> TimelineEvent:
    return TimelineEvent(at, str(_(f"desk.event.{kind}")), more, "", EventSource.JOURNAL)
