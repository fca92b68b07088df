"""The SQL of saves. On PostgreSQL a batch is one statement for each table, on SQLite one for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cbt.delivery.save.guard import Dialect

_SEEN = ("timestamptz", "timestamptz", "int", "int", "int", "bigint", "int")
_COLUMNS = "(attempt_id, lease_epoch, seq, position, kind, value, received_at"


class SaveStatements:
    """The SQL of saves, written once per process."""

    def __init__(self, dialect: Dialect) -> None:
        if dialect.name == "postgresql":
            self.insert = (
                f"INSERT INTO journal {_COLUMNS}, in_grace) SELECT * FROM unnest(%s::int[], %s::int[], "
                "%s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[], %s::boolean[]) "
                "ON CONFLICT DO NOTHING RETURNING attempt_id, lease_epoch, seq"
            )
        else:
            self.insert = (
                f"INSERT INTO journal {_COLUMNS}, in_grace) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING"
            )
        self.newest = "SELECT attempt_id, lease_epoch, seq FROM journal ORDER BY id DESC LIMIT ?"
        """Those of a batch that were not there before: SQLite says how many it inserted, not which."""
        self.keep_late = dialect.sql(
            f"INSERT INTO late_entry {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        self.known = dialect.sql(
            "SELECT seq, received_at FROM journal WHERE attempt_id = ? AND lease_epoch = ? AND seq"
        )
        self.known_late = dialect.sql(
            "SELECT seq FROM late_entry WHERE attempt_id = ? AND lease_epoch = ? AND seq"
        )
        usable = "true" if dialect.name == "postgresql" else "1"
        self.gap = dialect.sql(
            "INSERT INTO gap (attempt_id, from_at, to_at, usable, resent) "
            f"SELECT attempt_id, seen_at, ?, {usable}, ? FROM attempt_live "
            "WHERE attempt_id = ? AND seen_at < ?"
        )
        # A save that had to wait for the row read before when the page was seen: that never goes back.
        latest = "greatest" if dialect.name == "postgresql" else "max"
        seen_at = f"UPDATE attempt_live SET seen_at = {latest}(seen_at, ?), saved_at = "
        self.seen = (
            f"{seen_at}coalesce(?, saved_at), blurs = blurs + ?, "
            "position = coalesce(?, attempt_live.position), "
            "kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        self.kept = dialect.sql(
            "UPDATE attempt_live SET kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        self.mark = (
            f"{seen_at}?, "
            "answered = answered + ? - CASE WHEN substr(answered_map, ?, 1) = '1' THEN 1 ELSE 0 END, "
            "answered_map = substr(answered_map, 1, ?) || ? || substr(answered_map, ?), "
            "position = coalesce(?, attempt_live.position), "
            "kept_rows = kept_rows + ?, kept_bytes = kept_bytes + ? WHERE attempt_id = ?"
        )
        if dialect.name == "postgresql":
            self.seen = for_each(self.seen, *_SEEN)
            self.mark = for_each(
                self.mark,
                *("timestamptz", "timestamptz", "int", "int", "int", "text", "int"),
                *("int", "int", "bigint", "int"),
            )


def for_each(update: str, *types: str) -> str:
    """Return an UPDATE by one key, written with `?`, as one that takes lists of its values (PostgreSQL).

    `types` are those of its values, in their order; see `update_each`.
    """
    for number in range(len(types)):
        update = update.replace("?", f"v.c{number}", 1)
    lists = ", ".join(f"%s::{kind}[]" for kind in types)
    names = ", ".join(f"c{number}" for number in range(len(types)))
    return update.replace(" WHERE ", f" FROM unnest({lists}) AS v({names}) WHERE ")


def update_each(cursor: Any, dialect: Dialect, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Update one row for each of `rows`, no two of them the same; on PostgreSQL in one statement (see for_each)."""
    if dialect.name == "postgresql":
        cursor.execute(statement, [list(column) for column in zip(*rows, strict=True)])
    else:
        cursor.executemany(statement, rows)
