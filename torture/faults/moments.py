"""Faults of the moment: every end a millisecond off, and the power gone at any point of what was written.

Source: R-21, R-23, R-24; I1, I2, I4, I7, I8.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from torture.arena import settings_in
from torture.deadlines.moments import try_deadlines
from torture.power_cut.images import cut_power, record
from torture.trial import Trial

AT_ONCE = 2500
"""So many cases are drawn for one installation."""
FEWER = {"sqlite": 1, "postgresql": 4}
"""The rules are the same on both; what differs is how a database keeps and compares instants."""
SAVES = {False: 30, True: 250}
"""Saves of each person in a recording; the long one checkpoints several times."""


def deadlines(trial: Trial) -> None:
    """Save and hand in a millisecond before, at and after every end; an oracle of its own is the judge."""
    wanted = trial.times // FEWER[trial.kind]
    while trial.injections < wanted:
        settings = settings_in(_folder(trial), database_url=_database(trial))
        cases = min(AT_ONCE, wanted - trial.injections)
        tried = try_deadlines(settings, cases=cases, seed=trial.rng.getrandbits(32))
        trial.injected(tried.cases)
        for invariant, looked_at in (("I2", tried.saves), ("I4", tried.submits), ("X", tried.sweeps)):
            trial.looked_at[invariant] += looked_at
        for what in tried.broken:
            trial.broken[what.split(":")[0] if what.startswith("I") else "X"].append(what)


def power_cut(trial: Trial) -> None:
    """Record what a process writes, and open what a disk may hold when the power goes at one point of it."""
    seed = trial.rng.getrandbits(32)
    cut = cut_power(record(_folder(trial), saves=SAVES[trial.long], seed=seed), images=trial.times, seed=seed)
    trial.injected(cut.images)
    trial.acknowledged += cut.acknowledged
    for invariant, looked_at in (("I1", cut.compared), ("I8", 3 * cut.images), ("I7", cut.verified)):
        trial.looked_at[invariant] += looked_at
    for what in cut.broken:
        name = what.split(": ")[1]
        trial.broken[name if name.startswith("I") else "X"].append(what)


def _folder(trial: Trial) -> Path:
    folder = trial.folder / f"arena-{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _database(trial: Trial) -> str:
    if trial.kind == "sqlite":
        return ""
    server = trial.shop.postgres()
    if server is None:
        raise LookupError("PostgreSQL is missing")
    return server.create(f"arena_{secrets.token_hex(6)}")
