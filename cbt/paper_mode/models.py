"""Tables of the exam on paper: what was printed, who handed in, what was scanned and what was typed.

Source: R-80, R-81, R-82.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Named, Row, UtcDateTime


class PaperPrint(Named):
    """One act of printing for a room: its pack, more spare pieces, or one piece again."""

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """`pack`, `spare` or `reprint`."""
    reason: Mapped[str] = mapped_column(Text)
    """Why it was printed again; "" for the first pack."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the PDF: the same pieces give the same bytes."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class PaperPiece(Named):
    """A 题本 or a 答题卡 as it lies on a table: printed once, and counted when the room is closed (R-82)."""

    __table_args__ = (UniqueConstraint("sitting_room_id", "kind", "number"),)

    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"))
    print_id: Mapped[int] = mapped_column(ForeignKey("paper_print.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    """`booklet` or `sheet`."""
    number: Mapped[int]
    """Its serial number within the room and kind, from 1, as it is printed on it."""
    registration_id: Mapped[int | None] = mapped_column(ForeignKey("registration.id"), index=True)
    """Whose it is; NULL for a spare one until it is bound to a person at the desk."""
    form_id: Mapped[int | None] = mapped_column(ForeignKey("form.id"), index=True)
    """The form in it, or the one whose positions it has; NULL for a spare sheet that fits several."""
    version: Mapped[str] = mapped_column(String(4))
    """The letter of its form in the room (A, B, …); "" where each has a form of its own."""
    pages: Mapped[int]
    large: Mapped[bool]
    """Whether it is set in large print (an accommodation, R-30)."""
    state: Mapped[str] = mapped_column(String(8))
    """`printed`, then `used`, `spoiled` or `spare`."""
    replaces: Mapped[str | None] = mapped_column(String(40))
    """The ref of the spoiled piece that it was given for."""
    reason: Mapped[str] = mapped_column(Text)
    """Why it was spoiled; "" else."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(80))


class PaperCollection(Row):
    """收卷 of one candidate in a paper room: when their answer sheet was taken, and by which way (R-61)."""

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), unique=True)
    sitting_room_id: Mapped[int] = mapped_column(ForeignKey("sitting_room.id"), index=True)
    closed_by: Mapped[str] = mapped_column(String(12))
    """A `rules.states.ClosedBy`."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class ScanUpload(Named):
    """A file of scanned or photographed answer sheets, as somebody brought it."""

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    pages: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class ScannedPage(Named):
    """One page of a scan with what was read on it: evidence, never changed but for being set aside (R-81)."""

    __table_args__ = (UniqueConstraint("upload_id", "number"),)

    upload_id: Mapped[int] = mapped_column(ForeignKey("scan_upload.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Which page of the upload it is, from 1."""
    piece_id: Mapped[int | None] = mapped_column(ForeignKey("paper_piece.id"), index=True)
    """The answer sheet it shows; NULL while nobody knows."""
    page: Mapped[int | None]
    """Which page of that sheet, from 1."""
    image: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    problem: Mapped[str] = mapped_column(String(24))
    """Why a person must look at the page as a whole, a code of `rules.paper.reading`; "" where it was read."""
    reading: Mapped[str] = mapped_column(Text)
    """Canonical JSON of the `rules.paper.reading.PageReading`."""
    set_aside_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    set_aside_by: Mapped[str | None] = mapped_column(String(80))
    set_aside_reason: Mapped[str] = mapped_column(Text, default="", server_default="")


class MarkDecision(Row):
    """What a person decided about a mark that the reading did not trust; append-only, the latest holds."""

    page_id: Mapped[int] = mapped_column(ForeignKey("scanned_page.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    part: Mapped[int]
    """Which row of the position, from 0."""
    chosen: Mapped[str] = mapped_column(Text)
    """The places of the bubbles that count as marked, from 0, with commas between; "" for none."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class TypedAnswers(Named):
    """The answers of one attempt as one person typed them from its sheet: the first, the second or the deciding."""

    __table_args__ = (UniqueConstraint("attempt_id", "turn"),)

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    turn: Mapped[int]
    """1 and 2 are two people who do not see each other's; 3 decides where they differ."""
    answers: Mapped[str] = mapped_column(Text)
    """Canonical JSON: the answer by position, as a browser would send it."""
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


class EnteredPaper(Row):
    """The answers of one attempt came from paper into its journal: by whom, how, and from which pages."""

    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"), unique=True)
    way: Mapped[str] = mapped_column(String(8))
    """`scan` or `typed`."""
    evidence: Mapped[str] = mapped_column(Text)
    """Canonical JSON: refs of the scanned pages and of what was typed."""
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
