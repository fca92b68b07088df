"""Tables of the check of a room: what its machines said last, the test page, who looked at it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Base, Named, UtcDateTime


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
