"""What goes with a row: everything that refers to it, table by table, as the foreign keys say.

So a table that is added later goes, too, without anybody having to think of it here.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, ForeignKey, Table, delete, select
from sqlalchemy.orm import Session

from cbt.db.types import Base

STAYS = frozenset(
    {
        "batch", "batch_level", "sitting", "sitting_room", "sitting_change", "room_staff", "room_adjustment",
        "room_hold", "room_printing", "go_sheet", "release", "retention_hold", "destruction",
        "unit_application", "fee_charge", "fee_match",
        "certificate",
    }
)  # fmt: skip
"""What stays of a batch: that it was held, where, when and by whom; what was paid; the register of certificates."""


def table_of(name: str) -> Table:
    """Return a table of the product."""
    return Base.metadata.tables[name]


@cache
def referring(name: str, *, all_of_them: bool = False) -> tuple[tuple[Table, ForeignKey], ...]:
    """Return which columns of which tables refer to a table; what stays only with `all_of_them`."""
    return tuple(
        (table, key)
        for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name)
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name)
        if key.column.table.name == name and table.name != name and (all_of_them or table.name not in STAYS)
    )


def erase(session: Session, table: Table, condition: ColumnElement[bool], counts: Counter[str]) -> None:
    """Delete rows and all that refers to them, and count the rows of each table; what stays is not followed."""
    for child, key in referring(table.name):
        erase(session, child, _in(key, condition), counts)
    gone = cast("CursorResult[Any]", session.execute(delete(table).where(condition)))
    counts[table.name] += gone.rowcount


def erase_below(session: Session, name: str, condition: ColumnElement[bool], counts: Counter[str]) -> None:
    """Delete what refers to rows that stay themselves."""
    for child, key in referring(name):
        erase(session, child, _in(key, condition), counts)


def _in(key: ForeignKey, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return key.parent.in_(select(key.column).where(condition))
