"""What one fault gets to work with, and what comes of it."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from torture.browsers.client import Browser
from torture.browsers.load import Load
from torture.judging.invariants import judge, settle
from torture.judging.verdict import Verdict
from torture.sites.site import Builder, Site
from torture.sites.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from torture.running import Workshop


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that is tried; its text is `torture.fault.<name>`."""

    name: str
    run: Callable[[Trial], None]
    short: int
    """How often the short run injects it, at least."""
    long: int
    needs: tuple[str, ...] = ("linux",)
    databases: tuple[str, ...] = ("sqlite", "postgresql")
    in_short: tuple[str, ...] = ()
    """On which databases the short run tries it; none: in the long run only."""


@dataclass
class Trial:
    """One fault on one database."""

    kind: str
    times: int
    """How often to inject."""
    rng: random.Random
    seed: int
    folder: Path
    builder: Builder
    shop: Workshop
    """The server of PostgreSQL, for faults that hit the database itself."""
    long: bool = False
    injections: int = 0
    looked_at: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By invariant, how many things were compared."""
    broken: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By invariant, what was found."""
    figures: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: int = 0
    """How many acknowledgements the ledgers of this trial held."""

    def site(self, *, started_at: datetime | None = None, data_dir: Path | None = None) -> Site:
        """Return a fresh installation; its room started 31 minutes ago unless told otherwise."""
        return self.builder.build(self.kind, started_at=started_at, data_dir=data_dir)

    def injected(self, times: int = 1) -> None:
        """Count faults."""
        self.injections += times

    def measure(self, name: str, value: float) -> None:
        """Keep a figure; it is shown and is no verdict."""
        self.figures[name].append(value)

    def expect(self, holds: bool, invariant: str, what: str) -> bool:
        """Add one check of the fault's own; return `holds`."""
        self.looked_at[invariant] += 1
        if not holds:
            self.broken[invariant].append(what)
        return holds

    def judge(self, site: Site, *, settled: bool = True) -> None:
        """Close and score what is due, then compare the database with the site's ledger."""
        if settled:
            settle(site)
        self.acknowledged += site.ledger.acknowledgements
        for verdict in judge(site):
            self.take(verdict)

    def take(self, verdict: Verdict) -> None:
        """Add a verdict."""
        self.looked_at[verdict.invariant] += verdict.looked_at
        self.broken[verdict.invariant] += verdict.findings

    def drain(self, load: Load, *, hand_in: int = 2) -> None:
        """Let one browser in `hand_in` hand in, all be delivered, and stop the load; measures `drained_s`."""
        began = time.monotonic()
        leaving: list[Browser] = [one for one in load.browsers if one.person.paper == "theory"][::hand_in]
        done = load.hand_in(leaving, PATIENCE_SECONDS)
        self.measure("drained_s", time.monotonic() - began)
        late = [one.person.attempt_ref for one in leaving if not one.over]
        self.expect(done, "I12", f"not recovered: {len(late)} could not hand in")
        load.stop()


@dataclass
class Result:
    """One row of the report."""

    fault: str
    kind: str
    seconds: float
    injections: int
    acknowledged: int
    looked_at: dict[str, int]
    broken: dict[str, list[str]]
    figures: dict[str, list[float]]
    skipped: tuple[str, ...] = ()
    """Why it was not tried: names of NEEDS."""

    @property
    def ok(self) -> bool:
        """Return whether nothing was found."""
        return not any(self.broken.values())
