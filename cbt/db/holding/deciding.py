"""What it means when the files at the paths of a database are not, or not any more, those that are held open.

Source: R-40; I1, I12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SUFFIXES = ("", "-wal", "-shm")
"""What the names of a database's files end with: the database, its write-ahead log, the index of that."""
GONE, EXCHANGED, OVERWRITTEN = "db.gone", "db.exchanged", "db.overwritten"
"""Codes of what can have happened; each is an Unavailable with the `path` it happened to."""
SAID = {GONE: "gone", EXCHANGED: "exchanged", OVERWRITTEN: "overwritten"}
"""What `/healthz` calls each."""


class AtPath(StrEnum):
    """What lies at a path, compared with the file held open."""

    SAME = "same"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing may be written: a code, and the suffix of the file it happened to."""

    code: str
    suffix: str


def trouble_of(found: Mapping[str, AtPath], *, overwritten: str | None = None) -> Trouble | None:
    """Return why nothing may be written, None when everything is in its place.

    `found` has an entry for each of SUFFIXES. `overwritten` is the suffix of a file whose bytes somebody else
    wrote; it counts only where all are the files held open. What is exchanged is told before what is gone: it
    is what the next start would take for the database.
    """
    for code, meant in ((EXCHANGED, AtPath.OTHER), (GONE, AtPath.NONE)):
        for suffix in SUFFIXES:
            if found[suffix] is meant:
                return Trouble(code, suffix)
    return None if overwritten is None else Trouble(OVERWRITTEN, overwritten)
