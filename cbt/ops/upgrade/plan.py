"""What an upgrade will do, how long it takes, what room it needs, what stands in its way: from facts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cbt.ops.upgrade import costs
from cbt.ops.upgrade.facts import UpgradeFacts

SPARE_BYTES = 64 << 20
BACKUP_SHARE = 1.1
LOG_SHARE = 1.5
"""Of the database: its log holds each page that is changed until the end, and the file grows a little."""


@dataclass(frozen=True, slots=True)
class UpgradeStep:
    """One revision on the way; `seconds` is what it is likely to take."""

    revision: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DiskRoom:
    """What a disk needs to have free, and has; both in bytes."""

    folder: str
    needed: int
    free: int

    @property
    def enough(self) -> bool:
        """Return whether it has."""
        return self.free >= self.needed


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something to know before an upgrade, as the end of a message id; one that `blocks` stands in the way."""

    what: str
    blocks: bool
    params: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """What `cbt upgrade` will do."""

    steps: tuple[UpgradeStep, ...]
    backup_seconds: float
    verify_seconds: float
    rooms: tuple[DiskRoom, ...]
    hindrances: tuple[Hindrance, ...]

    @property
    def seconds(self) -> float:
        """Return how long the server is likely to be away."""
        return self.backup_seconds + self.verify_seconds + sum(step.seconds for step in self.steps)

    @property
    def blocked(self) -> bool:
        """Return whether something stands in the way."""
        return any(one.blocks for one in self.hindrances) or not all(room.enough for room in self.rooms)


def plan_upgrade(
    facts: UpgradeFacts,
    *,
    revisions: Sequence[str],
    rooms: Sequence[DiskRoom],
    serving: str,
    backup: bool | None,
) -> UpgradePlan:
    """Plan the way from what `facts` found over `revisions`; `serving` says who holds the installation, "" nobody.

    `rooms` has what is free on each disk and what it needs (`rooms_needed`); `backup` says whether one is made,
    None that one is wanted and has no place yet.
    """
    steps = tuple(UpgradeStep(one, step_seconds(one, facts.rows)) for one in revisions)
    return UpgradePlan(
        steps=steps,
        backup_seconds=facts.bytes * costs.BACKUP_SECONDS_PER_BYTE if backup else 0.0,
        verify_seconds=_seconds(costs.VERIFY, facts.rows) if steps else 0.0,
        rooms=tuple(rooms),
        hindrances=tuple(hindrances(facts, serving=serving, homeless=backup is None)),
    )


def step_seconds(revision: str, rows: Mapping[str, int]) -> float:
    """Return what the step to `revision` is likely to take."""
    return costs.STEP_SECONDS + _seconds(costs.STEPS.get(revision, {}), rows)


def _seconds(rates: Mapping[str, float], rows: Mapping[str, int]) -> float:
    return sum(rate * rows.get(table, 0) for table, rate in rates.items())


def hindrances(facts: UpgradeFacts, *, serving: str, homeless: bool = False) -> list[Hindrance]:
    """Return what stands in the way, then what is only worth knowing.

    An open room, a paper being written and a sitting of today block: whatever goes wrong would meet people who sit
    there. A sitting of tomorrow leaves time to go back, and what is unscored is scored alike afterwards (R-54).
    """
    today = [one for one in facts.planned if one.in_days == 0]
    found = [Hindrance("serving", True, {"holder": serving})] if serving else []
    found += [Hindrance("destination", True)] if homeless else []
    found += [
        Hindrance("room", True, {"name": name, "count": count}) for name, count in facts.open_rooms.items()
    ]
    if facts.writing:
        found.append(Hindrance("writing", True, {"count": facts.writing}))
    found += [_planned("today", one.name, one.at, blocks=True) for one in today]
    found += [
        _planned("tomorrow", one.name, one.at, blocks=False) for one in facts.planned if one not in today
    ]
    if facts.unscored:
        found.append(Hindrance("unscored", False, {"count": facts.unscored}))
    return found


def _planned(what: str, name: str, at: datetime, *, blocks: bool) -> Hindrance:
    return Hindrance(what, blocks, {"name": name, "at": at})


def rooms_needed(size: int, *, written: Sequence[str], backup: str | None) -> dict[str, int]:
    """Return the bytes that each folder needs for a database of `size` bytes, by folder.

    `written` are the folders of the embedded database and of its second copy; PostgreSQL's own disks are its
    administrator's to watch.
    """
    needed = {folder: int(size * LOG_SHARE) + SPARE_BYTES for folder in written}
    if backup is not None:
        needed[backup] = int(size * BACKUP_SHARE) + SPARE_BYTES
    return needed
