"""The figures: each is measured in turn with REF, and counts as the median of the ratios of the pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench import loads
from bench.client import Exchange, Load, percentile_ms, run_load
from bench.installation import Installation, Sitter

CONNECTIONS = 100
MANY_CONNECTIONS = 400
WARM_UP_SHARE = 4
"""The caches of the workers fill in a run this much shorter, which does not count."""

Once = Callable[[], Load]


@dataclass(slots=True)
class Figure:
    """One measured figure. `rates` and `ratios` are per pair, `latencies` (seconds) of all pairs together."""

    name: str
    rates: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    lost: int = 0

    def as_json(self) -> dict[str, float | int | None]:
        """Return the figure as bench/results.json holds it."""
        p50, p99 = percentile_ms(self.latencies, 0.5), percentile_ms(self.latencies, 0.99)
        return {
            "per_s": round(median(self.rates), 1),
            "p50_ms": None if p50 is None else round(p50, 1),
            "p99_ms": None if p99 is None else round(p99, 1),
            "ratio": round(median(self.ratios), 3),
            "refused": self.refused,
            "lost": self.lost,
        }


@dataclass(slots=True)
class Bench:
    """One run: where the servers listen, how long and how often each figure is measured."""

    built: Installation
    ref_port: int
    ref_body: bytes
    pairs: int
    seconds: float
    ledger: loads.Ledger = field(default_factory=loads.Ledger)
    ref_rates: list[float] = field(default_factory=list)

    def ref(self) -> float:
        """Measure REF once."""
        sources = [loads.ref_requests(self.ref_body) for _ in range(CONNECTIONS)]
        rate = run_load(self.ref_port, sources, seconds=self.seconds).per_s
        self.ref_rates.append(rate)
        return rate

    def measure(self, name: str, runs: Sequence[Once]) -> Figure:
        """Measure REF and each of `runs` alternately."""
        figure = Figure(name)
        for run in runs:
            ref_per_s = self.ref()
            load = run()
            figure.rates.append(load.per_s)
            figure.ratios.append(load.per_s / ref_per_s)
            figure.latencies += load.latencies
            figure.refused += load.refused
        return figure

    def save(self, name: str, port: int, connections: int) -> Figure:
        """Saves in a closed loop: every connection sends its next answer when the last is acknowledged."""
        sitters = self.built.sitters
        connections = min(connections, len(sitters))

        def run(seconds: float) -> Load:
            sources = [loads.saves(sitters[index::connections], self.ledger) for index in range(connections)]
            return run_load(port, sources, seconds=seconds)

        run(self.seconds / WARM_UP_SHARE)
        return self.measure(name, [lambda: run(self.seconds)] * self.pairs)

    def once_each(
        self, name: str, port: int, sitters: Sequence[Sitter], source: Callable[..., Iterator[Exchange]]
    ) -> Figure:
        """What every candidate does once: each pair takes its share of the sitters."""

        def run_of(share: Sequence[Sitter]) -> Once:
            lines = min(CONNECTIONS, len(share))
            return lambda: run_load(port, [source(share[index::lines]) for index in range(lines)])

        return self.measure(name, [run_of(sitters[index :: self.pairs]) for index in range(self.pairs)])

    def in_process(self, name: str, work: Callable[[], int], *, before: Callable[[], object]) -> Figure:
        """Work of the scheduler or the command line: `before` is not timed, `work` returns how many it did."""

        def run() -> Load:
            before()
            began = time.perf_counter()
            return Load(done=work(), seconds=time.perf_counter() - began)

        return self.measure(name, [run] * self.pairs)
