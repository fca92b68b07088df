"""The figures: each is measured in turn with REF, and counts as the median of the ratios of the pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.installation import Installation, Sitter
from bench.traffic import loads
from bench.traffic.client import Exchange, Load, run_load
from cbt.ops.host_resources import calm_collector
from cbt.rehearsal.http_client import percentile_ms

CONNECTIONS = 100
MANY_CONNECTIONS = 400
BOARD_CONNECTIONS = 8
WARM_UP_SHARE = 4
"""The caches of the workers fill in a run this much shorter, which does not count."""
LONGEST_SECONDS = 45.0
"""No new pair of a figure begins later: on a busy machine there are fewer pairs, and the results say so."""

Once = Callable[[], Load]


@dataclass(slots=True)
class Figure:
    """One measured figure. `rates` and `ratios` are per pair, `latencies` (seconds) of all pairs together.

    `facts` are further numbers of its own; `busy` is the share of one core that the load itself took.
    """

    name: str
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, load: Load, ref_per_s: float | None) -> None:
        """Count one run of this figure beside the REF of its pair; None where its rate is given."""
        self.rates.append(load.per_s)
        if ref_per_s is not None:
            self.ratios.append(load.per_s / ref_per_s)
        self.latencies += load.latencies
        self.durations.append(load.seconds)
        self.busy.append(load.cpu_seconds / load.seconds if load.seconds else 0.0)
        self.refused += load.refused

    @property
    def ratio(self) -> float | None:
        """The median of the pairs' ratios to REF; None where it was not beside REF."""
        return median(self.ratios) if self.ratios else None

    def as_json(self) -> dict[str, Any]:
        """Return the figure as bench/results.json holds it."""
        p50, p99 = percentile_ms(self.latencies, 0.5), percentile_ms(self.latencies, 0.99)
        return {
            "per_s": _rounded(self.rates, 1),
            "p50_ms": None if p50 is None else round(p50, 1),
            "p99_ms": None if p99 is None else round(p99, 1),
            "max_ms": round(max(self.latencies) * 1000, 1) if self.latencies else None,
            "ratio": _rounded(self.ratios, 4),
            "refused": self.refused,
            "lost": self.lost,
            "pairs": len(self.rates),
            "load_cpu": _rounded(self.busy, 2),
            **self.facts,
        }


def _rounded(values: Sequence[float], digits: int) -> float | None:
    return round(median(values), digits) if values else None


@dataclass(slots=True)
class Ref:
    """The server that everything is compared with: where it listens, what it is sent, how fast it was each time.

    `environ`: what another server of the same app has to be given.
    """

    port: int
    body: bytes
    seconds: float
    environ: Mapping[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)

    def per_s(self) -> float:
        """Measure it once."""
        rate = self.load(self.port).per_s
        self.rates.append(rate)
        return rate

    def load(self, port: int) -> Load:
        """Send its requests to `port`."""
        sources = [loads.ref_requests(self.body) for _ in range(CONNECTIONS)]
        return run_load(port, sources, seconds=self.seconds)


@dataclass(slots=True)
class Bench:
    """One installation that is measured: how long and how often each figure, and what was acknowledged there."""

    built: Installation
    reference: Ref
    pairs: int
    seconds: float
    ledger: loads.Ledger = field(default_factory=loads.Ledger)

    def ref(self) -> float:
        """Measure REF once."""
        return self.reference.per_s()

    def measure(self, name: str, runs: Sequence[Once]) -> Figure:
        """Measure REF and each of `runs` alternately."""
        figure = Figure(name)
        until = time.monotonic() + LONGEST_SECONDS
        for run in runs:
            if figure.rates and time.monotonic() > until:
                break
            ref_per_s = self.ref()
            figure.add(run(), ref_per_s)
        return figure

    def together(self, runs: Mapping[str, Once]) -> list[Figure]:
        """Measure figures that are compared with each other: REF and every one of them in each round."""
        figures = {name: Figure(name) for name in runs}
        for _ in range(self.pairs):
            ref_per_s = self.ref()
            for name, run in runs.items():
                figures[name].add(run(), ref_per_s)
        return list(figures.values())

    def saves(self, port: int, connections: int) -> Once:
        """Saves in a closed loop: every connection sends its next answer when the last is acknowledged."""
        sitters = self.built.sitters
        connections = min(connections, len(sitters))

        def run(seconds: float) -> Load:
            sources = [loads.saves(sitters[index::connections], self.ledger) for index in range(connections)]
            return run_load(port, sources, seconds=seconds)

        run(self.seconds / WARM_UP_SHARE)
        return lambda: run(self.seconds)

    def boards(self, port: int) -> Once:
        """A few proctors' pages that fetch the whole board of a room as fast as they get it."""
        built = self.built

        def run() -> Load:
            sources = [loads.boards(built.rooms[0], built.proctor) for _ in range(BOARD_CONNECTIONS)]
            return run_load(port, sources, seconds=self.seconds)

        run()
        return run

    def shares(
        self, port: int, sitters: Sequence[Sitter], source: Callable[..., Iterator[Exchange]]
    ) -> list[Once]:
        """What every candidate does once: one run for each pair, with its share of the sitters."""

        def run_of(share: Sequence[Sitter]) -> Once:
            lines = min(CONNECTIONS, len(share))
            return lambda: run_load(port, [source(share[index::lines]) for index in range(lines)])

        return [run_of(sitters[index :: self.pairs]) for index in range(self.pairs)]

    def in_process(self, name: str, work: Callable[[], int], *, before: Callable[[], object]) -> Figure:
        """Work of the scheduler or the command line: `before` is not timed, `work` returns how many it did.

        The collector goes as in every process of the product: by Python's own measure it would go through all that
        the bench remembers of thousands of candidates.
        """
        calm_collector()

        def run() -> Load:
            before()
            began = time.perf_counter()
            return Load(done=work(), seconds=time.perf_counter() - began)

        figure = self.measure(name, [run] * self.pairs)
        figure.facts["seconds"] = _rounded(figure.durations, 2)
        return figure
