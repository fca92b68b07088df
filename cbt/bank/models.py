"""Tables of the bank room: banks, their 鉴定要素细目表, items, immutable versions, imports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cbt.db.types import Named, Row, UtcDateTime


class ItemBank(Row):
    """A 题库 of one level."""

    ref: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(Text)


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


class ImportRun(Named):
    """One import into a bank, so that it can be listed and undone as a whole."""

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    file_name: Mapped[str] = mapped_column(String(200))
    form: Mapped[str] = mapped_column(String(40))
    added: Mapped[int]
    changed: Mapped[int]
    skipped: Mapped[int]
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Item(Row):
    """A 试题; what it says is in its versions, `version` is the published one (0 = withdrawn)."""

    __table_args__ = (UniqueConstraint("bank_id", "ref"), Index("ix_item_bank_point", "bank_id", "point"))

    bank_id: Mapped[int] = mapped_column(ForeignKey("item_bank.id"))
    ref: Mapped[str] = mapped_column(String(60))
    type: Mapped[str] = mapped_column(String(20))
    point: Mapped[str] = mapped_column(String(20))
    unit: Mapped[int | None]
    difficulty: Mapped[int]
    version: Mapped[int]


class ItemVersion(Row):
    """What an item said from one moment on; never changed and never deleted, forms point here (R-43).

    `replaces` is the number that was published before it, 0 when there was none: an undo goes back there.
    """

    __table_args__ = (UniqueConstraint("item_id", "number"),)

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    number: Mapped[int]
    replaces: Mapped[int] = mapped_column(default=0)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    import_run_id: Mapped[int | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    actor: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
