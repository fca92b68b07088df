"""Tables of the results room."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Date, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.rules.publicity import PublicityWindow
from cbt.storage.types import DecimalText, Named, Row, UtcDateTime


class Release(Row):
    """The release of one sitting's scores by two people (R-62)."""

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), unique=True)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))
    second: Mapped[str] = mapped_column(String(80))


class Result(Row):
    """What was released for one registration: `passed`, `failed`, `absent`, `violation` or `void`."""

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), index=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), unique=True)
    outcome: Mapped[str] = mapped_column(String(12))
    score: Mapped[Decimal | None] = mapped_column(DecimalText)
    score_id: Mapped[int | None] = mapped_column(ForeignKey("score.id"), index=True)
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was released after the others, because an objection held it; NULL: with its sitting (R-90)."""


class Publication(Named):
    """The 公示 of one sitting's results; at most one of a sitting stands, those before were withdrawn (R-90)."""

    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"), index=True)
    published_on: Mapped[date] = mapped_column(Date)
    last_on: Mapped[date] = mapped_column(Date, index=True)
    """The last day on which somebody may object."""
    days: Mapped[int]
    """How many working days were asked for when it was published."""
    published_at: Mapped[datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(String(80))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    """Why it was withdrawn."""

    @property
    def window(self) -> PublicityWindow:
        return PublicityWindow(self.published_on, self.last_on)


class PublishedResult(Row):
    """What was shown of one registration; `score_id` is the score it was taken from."""

    __table_args__ = (UniqueConstraint("publication_id", "registration_id"),)

    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(12))
    score: Mapped[Decimal | None] = mapped_column(DecimalText)
    score_id: Mapped[int | None] = mapped_column(ForeignKey("score.id"), index=True)
    violation: Mapped[str] = mapped_column(String(20))
    """The code of the violation that was on record, or ""."""


class ResultObjection(Named):
    """A 异议 to one result that is shown: it holds that result until another person than who took it decides."""

    publication_id: Mapped[int] = mapped_column(ForeignKey("publication.id"))
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    brought_by: Mapped[str] = mapped_column(String(10))
    """`self`, `unit` or `other`."""
    bringer: Mapped[str] = mapped_column(String(60))
    words: Mapped[str] = mapped_column(Text)
    brought_on: Mapped[date] = mapped_column(Date)
    entered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entered_by: Mapped[str] = mapped_column(String(80))
    verdict: Mapped[str] = mapped_column(String(10))
    """`upheld`, `rejected`, or "" while it is open."""
    grounds: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))


class ViolationRuling(Named):
    """Whether a violation on record stands: told when, what was said to it, on what grounds, by whom (R-92).

    One that does not stand is on record no more; the report of it stays as it was filed.
    """

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), index=True)
    code: Mapped[str] = mapped_column(String(20))
    """Which violation; another one that is put on record later is ruled on anew."""
    stands: Mapped[bool]
    told_on: Mapped[date] = mapped_column(Date)
    statement: Mapped[str] = mapped_column(Text)
    """What the candidate said to it; "" for nothing."""
    grounds: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))


class Appeal(Named):
    """A 成绩复核: one request for one released result, and what became of it (R-91)."""

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id"), unique=True)
    """One a paper, also where it was withdrawn."""
    scope: Mapped[str] = mapped_column(String(40))
    """What is to be looked at: values of `AppealScope` with commas between."""
    words: Mapped[str] = mapped_column(Text)
    """What the candidate says to it; "" for nothing."""
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    asked_by: Mapped[str] = mapped_column(String(80))
    """`candidate:…` on their own page, `staff:…` at the office."""
    last_on: Mapped[date] = mapped_column(Date)
    """The last day of the window as it was then."""
    due_on: Mapped[date] = mapped_column(Date)
    """The last day on which it is to be decided."""
    state: Mapped[str] = mapped_column(String(10), index=True)
    before_outcome: Mapped[str] = mapped_column(String(12))
    before_score: Mapped[Decimal | None] = mapped_column(DecimalText)
    """What was released when it was asked, and once it is decided, then."""
    after_outcome: Mapped[str] = mapped_column(String(12))
    after_score: Mapped[Decimal | None] = mapped_column(DecimalText)
    """What the recount came to; the outcome is "" until it is decided."""
    findings: Mapped[str] = mapped_column(String(40))
    """What the recount found not to be in order, as `scope`."""
    evidence: Mapped[str] = mapped_column(String(64))
    """The digest of the sheet that the recount came to, "" until it is decided."""
    grounds: Mapped[str] = mapped_column(Text)
    """Why it was decided so, or withdrawn at the office."""
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str] = mapped_column(String(80))


class UploadMapping(Named):
    """The columns of a file for others, in their order: what each is called, and what stands in it."""

    name: Mapped[str] = mapped_column(String(60), unique=True)
    dates: Mapped[str] = mapped_column(String(12))
    """How days are written: a key of `column_mapping.DATES`."""
    columns: Mapped[str] = mapped_column(Text)
    """JSON: a list of header, field and text; what mappings are of is said by how their refs begin."""
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(String(80))


class CutPanel(Named):
    """A 划线专家组 for one form: judges say of each item how likely somebody just good enough answers it (R-100).

    The form's items are kept with it, so it stands when the form is destroyed; no answer of anybody is in it.
    """

    name: Mapped[str] = mapped_column(String(200))
    """Which sitting's which paper and form it was about."""
    method: Mapped[str] = mapped_column(String(10))
    """`angoff` or `bookmark`."""
    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    items: Mapped[str] = mapped_column(Text)
    """JSON, of each position: ref, version, part or null, points of the paper, for bookmarks difficulty."""
    points: Mapped[Decimal] = mapped_column(DecimalText)
    pass_points: Mapped[Decimal] = mapped_column(DecimalText)
    """What the blueprint in force then said."""
    round: Mapped[int]
    is_open: Mapped[bool]
    """Whether judges may enter in that round."""
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    opened_by: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(String(8))
    """What the body made of the last round: `noted` or `advised`; "" while nothing is decided."""
    grounds: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str] = mapped_column(String(80))
    second_by: Mapped[str] = mapped_column(String(80))


class PanelJudge(Row):
    """A judge of a panel, by the ref of their account."""

    __table_args__ = (UniqueConstraint("panel_id", "judge"),)

    panel_id: Mapped[int] = mapped_column(ForeignKey("cut_panel.id", ondelete="CASCADE"))
    judge: Mapped[str] = mapped_column(String(80), index=True)


class PanelEntry(Row):
    """What a judge said in a round; the last one counts.

    By Angoff the chance at an item in per cent; of a bookmark, at place 0, how many items lie before it.
    """

    __table_args__ = (UniqueConstraint("judge_id", "round", "place"),)

    judge_id: Mapped[int] = mapped_column(ForeignKey("panel_judge.id", ondelete="CASCADE"))
    round: Mapped[int]
    place: Mapped[int]
    said: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class PanelRound(Row):
    """A round that was closed, and what it came to: JSON of the recommended cut, its error, spread and judges."""

    __table_args__ = (UniqueConstraint("panel_id", "number"),)

    panel_id: Mapped[int] = mapped_column(ForeignKey("cut_panel.id", ondelete="CASCADE"))
    number: Mapped[int]
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_by: Mapped[str] = mapped_column(String(80))
    result: Mapped[str] = mapped_column(Text)
