"""What goes with a row: everything that refers to it, table by table, as the foreign keys say.

So a table that is added later goes, too, without anybody having to think of it here.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, ForeignKey, Table, delete, select, tuple_
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
EVERYTHING = sys.maxsize
"""So many rows may go together where nobody counts them."""


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


def erase(
    session: Session,
    table: Table,
    condition: ColumnElement[bool],
    counts: Counter[str],
    *,
    most: int = EVERYTHING,
) -> int:
    """Delete rows and all that refers to them, and count the rows of each table; what stays is not followed.

    What refers to others goes first, and no more than `most` rows altogether. Return how many more might have gone:
    0 says that something may be left.
    """
    if referring(table.name):
        if session.execute(select(*table.primary_key.columns).where(condition).limit(1)).first() is None:
            return most  # most tables have nothing of it: whatever refers to them is not asked
        most = erase_below(session, table.name, condition, counts, most=most)
    if not most:
        return 0
    some = condition
    if most < EVERYTHING:
        key = tuple_(*table.primary_key.columns)
        some = key.in_(select(*table.primary_key.columns).where(condition).limit(most))
    gone = cast("CursorResult[Any]", session.execute(delete(table).where(some)))
    counts[table.name] += gone.rowcount
    return most - gone.rowcount if most < EVERYTHING else most


def erase_below(
    session: Session,
    name: str,
    condition: ColumnElement[bool],
    counts: Counter[str],
    *,
    most: int = EVERYTHING,
) -> int:
    """Delete what refers to rows that stay themselves; `most` and what is returned are as for `erase`."""
    for child, key in referring(name):
        if most:
            most = erase(session, child, _in(key, condition), counts, most=most)
    return most


def _in(key: ForeignKey, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return key.parent.in_(select(key.column).where(condition))
