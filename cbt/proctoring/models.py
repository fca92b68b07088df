"""Tables of the proctoring room."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, Row, Span, UtcDateTime


class Incident(Row):
    """One line of the room's log: what happened, to whom, who saw or did it."""

    __table_args__ = (Index("ix_incident_room_at", "sitting_room_id", "at"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(24))
    params: Mapped[str] = mapped_column(Text)
    """Canonical JSON filled into the catalogue's sentence of `kind`."""
    by: Mapped[str] = mapped_column(String(80))


class LeaveRecord(Row):
    """A 临时离场 under escort: out and in (R-13)."""

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    out_at: Mapped[datetime] = mapped_column(UtcDateTime)
    in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escort: Mapped[str] = mapped_column(String(60))
    by: Mapped[str] = mapped_column(String(80))


class AlertSeen(Row):
    """Somebody has looked into an alert of one seat: it comes back only when what it counts passes `mark`."""

    __table_args__ = (UniqueConstraint("sitting_room_id", "seat_id", "kind"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"))
    kind: Mapped[str] = mapped_column(String(12))
    mark: Mapped[int] = mapped_column(Integer)
    """What had been counted when it was seen: window blurs, undelivered answers."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class UndoableAct(Named):
    """An act that can be taken back for a while, with what stood there before it.

    Acts that would add up if two did them at once are kept here, too, where they cannot be taken back: a form that
    was opened before one of them was done is refused.
    """

    __table_args__ = (Index("ix_undoable_act_room_at", "sitting_room_id", "at"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    act: Mapped[str] = mapped_column(String(20))
    params: Mapped[str] = mapped_column(Text)
    """Canonical JSON: a list of [registration id, value before], the id NULL for the room as a whole."""
    undoable: Mapped[bool] = mapped_column(server_default=true())
    """Whether there is anything in it to take back."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class GrantedTime(Row):
    """Time a person gave, as R-62 counts it: to one candidate, or to the whole room (no registration)."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    amount: Mapped[timedelta] = mapped_column(Span)
    compensation: Mapped[bool]
    """Whether the server had proposed it for a disconnection (R-26)."""
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str | None] = mapped_column(String(80))
    """The second person; what two gave does not count towards what one may give."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the act that gave it was taken back; it counts no more then."""


class IncidentReport(Named):
    """A form that was filled in about an 异常 or a 违纪 of a room, as it was first said (R-63).

    It is never edited. What is known better later is a `ReportAddition` of one of its parts, which holds from
    then on and stands below what was said before; one that does not hold is withdrawn with a reason and stays.
    The room's record is written from these rows: an 异常登记表 from `incident`, a 违纪登记表 from `violation`.
    """

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"), index=True)
    """Whom it is about; NULL for one about the room as a whole."""
    kind: Mapped[str] = mapped_column(String(12))
    """`incident` (its code is one of the table's reasons) or `violation` (one of its violations)."""
    code: Mapped[str] = mapped_column(String(20))
    reasons_version_id: Mapped[int | None]
    """The version of the table whose words, tier and effects go with the code."""
    clause: Mapped[str] = mapped_column(Text)
    """The clause as the table had it then; "" for an incident."""
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    facts: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str] = mapped_column(String(120))
    """Codes of `rules.violation.Evidence` joined by a comma: what there is."""
    evidence_note: Mapped[str] = mapped_column(Text)
    """Where it is kept, what the object is."""
    witness: Mapped[str] = mapped_column(String(120))
    """Who saw it, by name; "" while nobody is named."""
    statement: Mapped[str] = mapped_column(Text)
    """What the candidate says of it; "" while they were not heard."""
    signature: Mapped[str] = mapped_column(String(12))
    """What the candidate did with the printed form: `open` not yet asked, `signed` on paper, `refused` 拒签."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    who: Mapped[str] = mapped_column(String(160))
    """The names of who filled it in, as the log says them."""
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(80))
    withdrawn_who: Mapped[str | None] = mapped_column(String(160))
    withdrawn_reason: Mapped[str | None] = mapped_column(Text)


class ReportAddition(Row):
    """One part of a report said anew, by somebody, at a time; append-only.

    `part` is a column of the report: facts, evidence_note, witness, statement or signature. The latest of a part
    holds; `incidents.told` puts a report and its additions together.
    """

    report_id: Mapped[int] = mapped_column(ForeignKey("incident_report.id"), index=True)
    part: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    who: Mapped[str] = mapped_column(String(160))


class InspectorComment(Named):
    """What a 督导员 noted about a room, or one seat of it, and what the chief answered; neither is edited."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    who: Mapped[str] = mapped_column(String(160))
    answer: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[str | None] = mapped_column(String(80))
    answered_who: Mapped[str | None] = mapped_column(String(160))


class SeatProbe(Base):
    """A row that a seat's machine has written to see how long it takes; it is of no other use."""

    seat_id: Mapped[int] = mapped_column(
        ForeignKey("seat.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class SeatReport(Base):
    """What the machine of a seat said of itself last: a stranger's word, read within limits."""

    seat_id: Mapped[int] = mapped_column(
        ForeignKey("seat.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    browser: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    clock_ms: Mapped[int]
    """How far its clock is before the server's; behind it where it is negative."""
    width: Mapped[int]
    height: Mapped[int]
    keeping: Mapped[str] = mapped_column(String(8))
    trips: Mapped[str] = mapped_column(String(120))
    """Milliseconds from a save to its receipt, with a comma between."""


class RoomPrinting(Base):
    """Somebody has seen a test page of this room's printer and found it well."""

    sitting_room_id: Mapped[int] = mapped_column(
        ForeignKey("sitting_room.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class GoSheet(Named):
    """开考检查单: what was found of a room, what somebody decided on it and when; never changed."""

    sitting_room_id: Mapped[int] = mapped_column(
        ForeignKey("sitting_room.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    go: Mapped[bool]
    note: Mapped[str] = mapped_column(Text)
    found: Mapped[str] = mapped_column(Text)
    """Canonical JSON: the faults and figures as they were shown."""


class RaisedHand(Named):
    """举手 of a candidate at their paper: for what, at which item, and what they were answered."""

    __table_args__ = (Index("ix_raised_hand_room", "sitting_room_id", "id"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(12))
    """A code of `hands.REASONS`."""
    place: Mapped[str] = mapped_column(String(80))
    """The item it is about as the candidate counts it (判断题 13); "" where it is about none."""
    lowered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the candidate took it back, unanswered."""
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_by: Mapped[str | None] = mapped_column(String(80))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"), index=True)
    """The answer: a message on the candidate's page, with its receipts."""


class ItemRemark(Named):
    """题目有疑问: what a candidate says of an item of their paper, for whoever reviews items after the sitting."""

    __table_args__ = (Index("ix_item_remark_room", "sitting_room_id", "id"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    position: Mapped[int]
    """In the frozen form, from 1: with the form it names the item and its version."""
    place: Mapped[str] = mapped_column(String(80))
    """The item as the candidate counts it (判断题 13)."""
    item_ref: Mapped[str] = mapped_column(String(60))
    item_version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
