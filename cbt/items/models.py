"""Tables of the bank room: banks, their 鉴定要素细目表, items, versions, reviews, media, imports, lint.

Versions never change.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Date, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.storage.types import Base, Named, Row, UtcDateTime


class ItemBank(Row):
    """A 题库; `levels` are the levels it serves, as numbers with commas between them."""

    ref: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text)
    levels: Mapped[str] = mapped_column(String(20), default="")
    put_away_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when nobody is to choose it; what was drawn from it stays."""


class BankRange(Row):
    """A 鉴定范围 with its 鉴定比重 in percent."""

    __table_args__ = (UniqueConstraint("bank_id", "code"),)

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    code: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    weight: Mapped[int]


class KnowledgePoint(Row):
    """A 鉴定点 with its importance X (核心), Y (一般) or Z (辅助)."""

    __table_args__ = (UniqueConstraint("bank_id", "code"),)

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    code: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    importance: Mapped[str] = mapped_column(String(1))


class RunState(StrEnum):
    """A run is stored a few hundred items at a time: STORING until it is whole, and nothing of it is drawn."""

    STORING = "storing"
    STORED = "stored"
    UNDOING = "undoing"
    BROKEN = "broken"


RENAMING = "renaming"
"""The form of a run that no file brought: points of the bank get other codes (bank/banks/item_bank.py)."""


class ImportRun(Named):
    """One import into a bank, so that it can be listed and undone as a whole."""

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    state: Mapped[str] = mapped_column(String(12), default=RunState.STORED)
    file_name: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(40))
    added: Mapped[int]
    changed: Mapped[int]
    skipped: Mapped[int]
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Item(Row):
    """A 试题; what it says is in its versions.

    `version` is the one that is drawn (0 = none), `current` the one its authors work on: the same one, or a
    newer one on its way, whose `state` this is. The other columns tell of `current`. `reviewer` is the actor it
    was given to for review, "" for nobody, `author` who wrote it.
    """

    __table_args__ = (
        UniqueConstraint("bank_id", "ref"),
        # Whole for what a list filters and counts by, in the order it is shown in, and for what coverage counts: no
        # row is read but those shown.
        Index(
            "ix_item_bank_point",
            *("bank_id", "point", "ref", "state", "type", "difficulty", "version", "current", "id"),
        ),
        Index("ix_item_bank_state", "bank_id", "state", "point"),
    )

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    ref: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(20))
    point: Mapped[str] = mapped_column(String(20))
    unit: Mapped[int | None]
    difficulty: Mapped[int]
    version: Mapped[int]
    current: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    reviewer: Mapped[str] = mapped_column(String(80), default="")
    author: Mapped[str] = mapped_column(String(80), default="")


class ItemSearch(Base):
    """What an item's current version is found by: its grams with a space between them (`cbt/bank/search`)."""

    item_id: Mapped[int] = mapped_column(
        ForeignKey("item.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    words: Mapped[str] = mapped_column(Text)


class ItemOutcome(Row):
    """What one examination found of an item, written when its analysis was worked out (R-96); no person is in it.

    `source` is the subject it was worked out of (`batch:…`): worked out anew, it takes the place of what was there.
    """

    __tablename__ = "item_figures"
    __table_args__ = (UniqueConstraint("item_id", "source"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"))
    source: Mapped[str] = mapped_column(String(60), index=True)
    name: Mapped[str] = mapped_column(String(120))
    """What the examination is called."""
    people: Mapped[int]
    """How many answered it, of `takers` who sat the paper."""
    takers: Mapped[int]
    difficulty: Mapped[float]
    """The share of the points earned."""
    discrimination: Mapped[float | None]
    used_on: Mapped[date] = mapped_column(Date)
    """The last day of the examination."""


class ItemVersion(Row):
    """What an item said from one moment on; never changed and never deleted, forms point here (R-43).

    `replaces` is the number that was published before it, 0 when there was none; `was` is the state its item was in
    before it, "" for a new one. An undo goes back there.
    """

    __table_args__ = (UniqueConstraint("item_id", "number"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    number: Mapped[int]
    replaces: Mapped[int] = mapped_column(default=0)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    was: Mapped[str] = mapped_column(String(12), default="")
    import_run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ItemStep(Row):
    """One step of an item's life at the desk: what happened to which version, who did it, and what they said."""

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    number: Mapped[int]
    event: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ItemComment(Named):
    """A remark on a place of a version; `place` is a field as findings name it (`stem`, `parts.2.answer`)."""

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"), index=True)
    number: Mapped[int]
    place: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_by: Mapped[str] = mapped_column(String(80), default="")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ItemWork(Named):
    """What one author is writing and has not stored as a version; `item_id` is None for an item that is new.

    `base` is the version they began from, so a version stored meanwhile by somebody else is seen. `content` is ""
    while nothing is typed: the item is open on a page that was last heard of at `seen_at`, there since `since`.
    """

    __table_args__ = (Index("ix_item_work_item", "item_id"), Index("ix_item_work_actor", "bank_id", "actor"))

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"))
    base: Mapped[int]
    content: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Media(Row):
    """A picture or a sound of items, drawn or copied anew by us and kept once: its name is the head of its SHA-256.

    `width` and `height` are those of a picture, `seconds` how long a sound lasts.
    """

    name: Mapped[str] = mapped_column(String(32), unique=True)
    mimetype: Mapped[str] = mapped_column(String(40))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    seconds: Mapped[int]
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class KeptMapping(Row):
    """How a bank's author had files of one layout understood: offered again when such a file comes."""

    __table_args__ = (UniqueConstraint("bank_id", "layout"),)

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    layout: Mapped[str] = mapped_column(String(64))
    choices: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class BankLint(Row):
    """The last lint of a bank; `mark` says of what bank it is, `known` is what the next one need not find out."""

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"), unique=True)
    mark: Mapped[str] = mapped_column(String(64), default="")
    content: Mapped[str] = mapped_column(Text, default="")
    known: Mapped[str] = mapped_column(Text, default="", server_default="", deferred=True)
