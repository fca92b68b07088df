"""Tables of the sittings room: centres, rooms, seats, batches, sittings and the clock's room facts."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.rules.states import Purpose
from cbt.storage.types import Base, Named, Row, Span, UtcDateTime

SITTINGS_A_DAY = 2
"""One in the morning and one in the afternoon, where nobody says otherwise."""


class Centre(Named):
    """A 考点."""

    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200))
    second_by_password: Mapped[bool]
    """Whether a second person may type their password at the first person's browser (R-62)."""
    kiosk_origin: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Where its kiosk file leads to, if only a browser with that very file is let in; "" lets any in."""
    sittings_a_day: Mapped[int] = mapped_column(default=SITTINGS_A_DAY, server_default=str(SITTINGS_A_DAY))
    """How many sittings, one after another, it holds on a day: the calendar of free places counts by it (R-72)."""


class Room(Named):
    """A 考场(机房) of a centre."""

    __table_args__ = (UniqueConstraint("centre_id", "name"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    name: Mapped[str] = mapped_column(String(60))
    room_code: Mapped[str] = mapped_column(String(12))
    """What a proctor types on a seat page to bind a machine (R-16)."""
    code_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Until when the code binds machines: the end of the binding round, NULL while there is none."""
    plan: Mapped[str] = mapped_column(Text, default="")
    """Its places row by row, as `rules.planning.room_plan` reads them; "" where nobody knows its rows."""
    door: Mapped[str] = mapped_column(String(12), default="")
    """At which corner its door is; "" where nobody knows."""


class Seat(Row):
    """A 机位; bound to one machine by its cookie and its address (R-16)."""

    __table_args__ = (UniqueConstraint("room_id", "number"),)

    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"))
    number: Mapped[int]
    spare: Mapped[bool]
    machine_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    machine_address: Mapped[str | None] = mapped_column(String(64), index=True)
    bound_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claim_alert_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When a second machine last claimed this seat."""
    claim_hash: Mapped[str | None] = mapped_column(String(64))
    """The hash of that machine's token, for the proctor who gives it the seat."""
    claim_address: Mapped[str | None] = mapped_column(String(64))
    undelivered: Mapped[int]
    """Answers of a former candidate this machine reports as not delivered (本机有未送达作答)."""


class Batch(Named):
    """A 认定批次."""

    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    occupation: Mapped[str] = mapped_column(String(80))
    """The 职业(工种) everybody of it is examined in; "" for one planned without."""
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    """The days, in the centres' zone, within which its sittings lie."""


class BatchLevel(Row):
    """A 级别 that a batch examines: by which blueprint, and in which of its papers.

    A batch without any, as older ones and those of the command line are, takes whatever its rosters say.
    """

    __table_args__ = (UniqueConstraint("batch_id", "level"),)

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"))
    level: Mapped[str] = mapped_column(String(20))
    """The code of the level, as the blueprint has it."""
    blueprint_version_id: Mapped[int] = mapped_column(ForeignKey("blueprint_version.id"))
    papers: Mapped[str] = mapped_column(String(200))
    """The codes of the papers, joined by a comma."""


class Sitting(Named):
    """A 场次: one time slot at one centre (R-7); the marks are worked out from the admission policy."""

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    name: Mapped[str] = mapped_column(String(120))
    mode: Mapped[str] = mapped_column(String(12))
    purpose: Mapped[str] = mapped_column(String(12), default=Purpose.OFFICIAL.value)
    """What it is held for, as `rules.states.purpose` says it; what counts is asked of `planning.purposes`."""
    state: Mapped[str] = mapped_column(String(12), index=True)
    planned_start_at: Mapped[datetime] = mapped_column(UtcDateTime)
    check_in_opens_at: Mapped[datetime] = mapped_column(UtcDateTime)
    report_at: Mapped[datetime] = mapped_column(UtcDateTime)
    late_cutoff_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sign_in_opens_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sign_in_needs_check_in: Mapped[bool]
    leave_allowed: Mapped[bool]
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SittingChange(Row):
    """A sitting was moved (改期), its publishing withdrawn (撤回发布) or it was cancelled (取消); append-only.

    What it was before is kept where it changed: people hold tickets that say so (R-60).
    """

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(12))
    """`move`, `withdraw` or `cancel`."""
    reason: Mapped[str] = mapped_column(Text)
    former_start_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was to start before; NULL where that stayed."""
    former_name: Mapped[str] = mapped_column(String(120))
    """What it was called before; "" where that stayed."""
    rooms: Mapped[str] = mapped_column(Text)
    """Which room stands for which, `former → new`, a line each; "" where they stayed."""


class SittingRoom(Named):
    """A 场次考场: the clock of one room in one sitting (R-20)."""

    __table_args__ = (
        UniqueConstraint("sitting_id", "room_id"),
        Index(
            "ix_sitting_room_clocks_due",
            "clocks_due_at",
            sqlite_where=text("clocks_due_at IS NOT NULL"),
            postgresql_where=text("clocks_due_at IS NOT NULL"),
        ),
    )

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("room.id"))
    state: Mapped[str] = mapped_column(String(12), index=True)
    armed: Mapped[bool]
    """Whether the schedule may start it at the planned start."""
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_by: Mapped[str | None] = mapped_column(String(80))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    clocks_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when its attempts' stored ends wait to be worked out again after an outage (R-27)."""
    evacuated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when everybody is to be outside (紧急疏散), before the start or after it; NULL once they are back."""
    arranged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When its seats were arranged by a rule; NULL while they are as the roster came."""
    mode: Mapped[str] = mapped_column(String(12), default="machine", server_default="machine")
    """How its candidates are examined, an `rules.exam.ExamMode` (R-5)."""
    booklets: Mapped[int] = mapped_column(default=2, server_default="2")
    """On paper: so many forms go round so that neighbours differ; 0 is a form for each (R-80)."""


class RoomStaff(Row):
    """Who runs a sitting-room, as proctor or chief."""

    __table_args__ = (
        UniqueConstraint("sitting_room_id", "staff_id"),
        Index("ix_room_staff_staff", "staff_id"),
    )

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    duty: Mapped[str] = mapped_column(String(20))


class RoomHold(Row):
    """A 全场暂停: from an instant (it may be backdated, R-25) until a proctor resumes."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    from_at: Mapped[datetime] = mapped_column(UtcDateTime)
    to_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason_code: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    held_by: Mapped[str] = mapped_column(String(80))
    resumed_by: Mapped[str | None] = mapped_column(String(80))


class RoomAdjustment(Row):
    """A 补时 or 延时 of a whole room; append-only but for being taken back (R-20)."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[timedelta] = mapped_column(Span)
    kind: Mapped[str] = mapped_column(String(20))
    reason_code: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(80))
    moves_earliest: Mapped[bool]
    """Whether the earliest submit moves with it: whole-room outages do, extensions do not (R-23)."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the act that gave it was taken back: no clock follows it then."""


class ServerHeartbeat(Base):
    """The one deployment heartbeat row, written every second by the leader (R-27)."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
