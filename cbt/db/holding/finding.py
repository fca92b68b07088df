"""Finding the hold of a running server from outside of it (Linux): in the memory that its processes keep open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cbt.db.holding.hold import NOTE, Hold, read_hold

PROC = Path("/proc")
LOOKED_AT = 64
"""The memory is opened before the first request, so it is among a process's first files."""


def find_hold(database: Path, *, proc: Path = PROC) -> Hold | None:
    """Return the hold of the server that serves `database`; None when none can be seen.

    Seen is what this user may look into: the own processes, or all of them as root. Whether the files still lie
    at that path does not matter.
    """
    wanted = str(database.resolve())
    return next((hold for hold in _holds(proc) if hold.database == wanted), None)


def _holds(proc: Path) -> Iterator[Hold]:
    for process in proc.glob("[0-9]*"):
        try:
            descriptors = sorted((process / "fd").iterdir(), key=lambda one: int(one.name))[:LOOKED_AT]
        except OSError:
            continue  # somebody else's, or it has just ended
        for descriptor in descriptors:
            hold = _noted(descriptor)
            if hold is not None:
                yield hold
                break


def _noted(descriptor: Path) -> Hold | None:
    try:
        if not str(descriptor.readlink()).startswith(f"/memfd:{NOTE}"):
            return None
        return read_hold(descriptor.read_text("utf-8"))
    except (OSError, ValueError):
        return None
