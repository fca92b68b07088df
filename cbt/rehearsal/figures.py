"""What a rehearsal came to: the figures, and whether they are those of a room that can be examined in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from cbt.rehearsal.judging import Judgement
from cbt.rehearsal.line import percentile_ms
from cbt.rehearsal.steps import Account

SLOW_SAVE_MS = 2_000.0
"""A save that half a room waits longer for is not what a candidate calls saved at once."""
SLOW_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SaveFigures:
    """Saves: how many were acknowledged, how long they took (ms), how many went out again."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    repeated: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The sheet of a rehearsal; `refused` is by code. `faults` are codes of what is not as it must be."""

    title: str
    own: bool
    seats: int
    seconds: float
    workers: int
    killed: bool
    signed_in: int
    started: int
    slowest_start: float
    saves: SaveFigures
    refused: dict[str, int]
    handed_in: int
    by_deadline: int
    journal: int
    lost: int
    scored: int
    wrong: int
    faults: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether everything held."""
        return not self.faults


def summed_up(
    accounts: Sequence[Account],
    judgement: Judgement,
    *,
    title: str,
    own: bool,
    seconds: float,
    workers: int,
    killed: bool,
) -> Rehearsed:
    """Return the sheet of what the candidates saw and what the database holds."""
    latencies = [one for account in accounts for one in account.latencies]
    starts = [account.started for account in accounts if account.started is not None]
    saves = SaveFigures(
        len(latencies),
        round(percentile_ms(latencies, 0.5) or 0, 1),
        round(percentile_ms(latencies, 0.99) or 0, 1),
        round(max(latencies, default=0) * 1000, 1),
        sum(account.repeated for account in accounts),
    )
    refused = Counter(code for account in accounts for code in account.refused)
    handed_in = sum(bool(account.receipt) for account in accounts)
    seats, slowest = len(accounts), max(starts, default=0.0)
    closed = sum(account.closed for account in accounts)
    faults = {
        "sign_in": sum(account.signed_in for account in accounts) < seats,
        "start": len(starts) < seats,
        "slow_start": slowest > SLOW_START_SECONDS and not killed,
        "saves": not saves.count,
        "slow_saves": saves.p50_ms > SLOW_SAVE_MS,
        "refused": bool(refused),
        "lost": judgement.lost > 0,
        "closed": closed < seats,
        "scored": judgement.scored < seats,
        "wrong": judgement.wrong > 0,
    }
    return Rehearsed(
        title=title,
        own=own,
        seats=seats,
        seconds=round(seconds, 1),
        workers=workers,
        killed=killed,
        signed_in=sum(account.signed_in for account in accounts),
        started=len(starts),
        slowest_start=round(slowest, 2),
        saves=saves,
        refused=dict(refused),
        handed_in=handed_in,
        by_deadline=closed - handed_in,
        journal=judgement.journal,
        lost=judgement.lost,
        scored=judgement.scored,
        wrong=judgement.wrong,
        faults=tuple(name for name, wrong in faults.items() if wrong),
    )
