"""Tables of the marking desk. Marks are never changed: another one of the same turn is a row of its own."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import DecimalText, Named, Row, UtcDateTime


class MarkingDesk(Named):
    """The marking (阅卷) of one sitting's answers: open, or ended with its papers scored."""

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), unique=True)
    state: Mapped[str] = mapped_column(String(8))
    """`open` or `ended`."""
    seed: Mapped[str] = mapped_column(String(32))
    """What the answers are mixed by."""
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_by: Mapped[str] = mapped_column(String(80))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str] = mapped_column(String(80))


class DeskMarker(Row):
    """Somebody named to mark at a desk (阅卷员), with how much they did there."""

    __table_args__ = (UniqueConstraint("desk_id", "staff_id"),)

    desk_id: Mapped[int] = mapped_column(ForeignKey("marking_desk.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    given: Mapped[int]
    """Answers they marked, each once."""
    seeds: Mapped[int]
    """Seed papers they marked."""
    named_at: Mapped[datetime] = mapped_column(UtcDateTime)
    named_by: Mapped[str] = mapped_column(String(80))
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when they are not to mark any more; what they gave counts."""


class MarkingQueue(Named):
    """Everybody's answers to one item, or one part of a case, worth the same points."""

    desk_id: Mapped[int] = mapped_column(ForeignKey("marking_desk.id"), index=True)
    item_version_id: Mapped[int] = mapped_column(ForeignKey("item_version.id"), index=True)
    part: Mapped[int | None]
    points: Mapped[Decimal] = mapped_column(DecimalText)
    """What the paper gives for it."""
    full: Mapped[Decimal] = mapped_column(DecimalText)
    """What the criteria give for it: marks are parts of this."""
    threshold: Mapped[Decimal] = mapped_column(DecimalText)
    """By so many points two marks may differ."""


class MarkedAnswer(Named):
    """One answer in a queue, known to whoever marks by its ref alone."""

    __table_args__ = (
        UniqueConstraint("attempt_id", "position", "sha256"),
        # The queue itself: what waits, in the order in which it is handed out.
        Index("ix_marked_answer_queue", "queue_id", "state", "place"),
        Index("ix_marked_answer_holder", "held_by", "queue_id"),
    )

    queue_id: Mapped[int] = mapped_column(ForeignKey("marking_queue.id"))
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempt.id"))
    position: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the canonical answer: a mark counts for that text and no other."""
    place: Mapped[int] = mapped_column(BigInteger)
    """Where it stands in the mix."""
    state: Mapped[str] = mapped_column(String(8))
    """A value of `AnswerState`."""
    held_by: Mapped[str] = mapped_column(String(80))
    """Who has it before them, "" for nobody; and until when."""
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Mark(Named):
    """What somebody gave an answer. Of one turn the highest number is in force; the former stay on record."""

    __table_args__ = (UniqueConstraint("answer_id", "turn", "number"),)

    answer_id: Mapped[int] = mapped_column(ForeignKey("marked_answer.id"))
    turn: Mapped[str] = mapped_column(String(6))
    number: Mapped[int]
    staff: Mapped[str] = mapped_column(String(80), index=True)
    """Who gave it, as the log names them."""
    criteria: Mapped[str] = mapped_column(Text)
    """The points of each criterion, a JSON list."""
    points: Mapped[Decimal] = mapped_column(DecimalText)
    remark: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    """Why it took the place of the former; "" for the first of its turn."""
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SeedPaper(Named):
    """A 质检卷: an answer with the points agreed on it, which markers get among others, unknown to them."""

    queue_id: Mapped[int] = mapped_column(ForeignKey("marking_queue.id"), index=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("marked_answer.id"), unique=True)
    criteria: Mapped[str] = mapped_column(Text)
    points: Mapped[Decimal] = mapped_column(DecimalText)
    reason: Mapped[str] = mapped_column(Text)
    """How the points were agreed on."""
    set_at: Mapped[datetime] = mapped_column(UtcDateTime)
    set_by: Mapped[str] = mapped_column(String(80))


class SeedMark(Row):
    """What a marker gave a seed paper."""

    __table_args__ = (UniqueConstraint("seed_id", "staff"),)

    seed_id: Mapped[int] = mapped_column(ForeignKey("seed_paper.id"))
    staff: Mapped[str] = mapped_column(String(80))
    criteria: Mapped[str] = mapped_column(Text)
    points: Mapped[Decimal] = mapped_column(DecimalText)
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SetAside(Row):
    """A doubtful answer that its holder put aside (搁置) with a word; till they take it back others may mark it."""

    __table_args__ = (Index("ix_set_aside_staff", "staff", "queue_id"),)

    queue_id: Mapped[int] = mapped_column(ForeignKey("marking_queue.id"), index=True)
    shown_ref: Mapped[str] = mapped_column(String(40))
    """What they know it by: the ref of an answer, or of a seed paper."""
    staff: Mapped[str] = mapped_column(String(80))
    word: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when they have it again."""


class FreshRequest(Row):
    """An answer that goes to a marker who never had it (复评), or one of those it goes among, so that none knows.

    The mark it gets counts where a decision takes it, with the score that this makes (R-91).
    """

    __table_args__ = (UniqueConstraint("subject", "answer_id"),)

    subject: Mapped[str] = mapped_column(String(60))
    """What it is for, as the log names it: `appeal:…`."""
    answer_id: Mapped[int] = mapped_column(ForeignKey("marked_answer.id"), index=True)
    is_company: Mapped[bool]
    """Whether it only goes along."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_by: Mapped[str] = mapped_column(String(80))
    mark_id: Mapped[int | None] = mapped_column(ForeignKey("mark.id"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it waits no more: marked, or called off."""
    is_taken: Mapped[bool]
    """Whether the decision took its mark."""


class CountedMark(Row):
    """The final mark of an answer, written with the score that follows from it; never changed.

    A later one takes its place with a later score: the newest is in force.
    """

    __table_args__ = (UniqueConstraint("answer_id", "score_id"),)

    answer_id: Mapped[int] = mapped_column(ForeignKey("marked_answer.id"))
    score_id: Mapped[int] = mapped_column(ForeignKey("score.id"), index=True)
    points: Mapped[Decimal] = mapped_column(DecimalText)
    full: Mapped[Decimal] = mapped_column(DecimalText)
    marks: Mapped[str] = mapped_column(Text)
    """The refs of the marks it follows from, a JSON list."""
