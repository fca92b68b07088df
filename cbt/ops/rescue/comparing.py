"""A rescue beside the database that lies in its place: whether that one holds all of it.

Source: I1.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cbt.audit.heads import DIGITS
from cbt.db.raw import DATABASE_ERRORS, open_to_read
from cbt.ops.safety.embedded import facts_of


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a database got: its journal's rows, its log's last entry, and the digests of entries asked for."""

    journal: int
    entry: int
    digest: str
    digests: dict[int, str]
    """By number, of the entries of another log's last number that it has."""


class Meant(StrEnum):
    """What a database is to a rescue."""

    LESS = "less"
    SAME = "same"
    MORE = "more"


def compare(present: Reach | None, rescued: Reach) -> Meant:
    """Return whether `present`, the database that lies there, holds all of `rescued`, and whether it goes on.

    One that is not there, or cannot be read, holds less; so does one whose log lacks the rescue's last entry.
    """
    if present is None or present.journal < rescued.journal:
        return Meant.LESS
    if rescued.entry and present.digests.get(rescued.entry) != rescued.digest:
        return Meant.LESS
    further = present.journal > rescued.journal or present.entry > rescued.entry
    return Meant.MORE if further else Meant.SAME


def reach_of(path: Path, key: bytes | None, *, asked: int = 0) -> Reach | None:
    """Return how far the database at `path` got, with the digest of entry `asked`; None when it cannot be read.

    What lies there is looked at in place, and stays as it is.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    try:
        with closing(open_to_read(path, key)) as connection:
            facts = facts_of(connection)
            entry, digest = _last(connection)
            found = connection.execute("SELECT hash FROM audit_entry WHERE id = ?", (asked,)).fetchone()
    except DATABASE_ERRORS:
        return None
    digests = {} if found is None else {asked: str(found[0])[:DIGITS]}
    return Reach(facts.journal, entry, digest, digests)


def _last(connection: Any) -> tuple[int, str]:
    row = connection.execute("SELECT id, hash FROM audit_entry ORDER BY id DESC LIMIT 1").fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1])[:DIGITS])
