"""`python -m bench.growth`: does a database of years make saves, starts or the board slower than an empty one?

Two installations that differ in their past alone are served side by side; each figure alternates between
them, and the median of the ratios of the pairs counts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import rows
from bench.figures import CONNECTIONS, Bench, Figure, Once, Ref
from bench.history import Years
from bench.installation import Installation, choose_answers, installation
from bench.measured.registry import BY_NAME
from bench.published.report import aligned, machine, machine_line
from bench.published.words import HEADS, row
from bench.servers.serve import PRODUCT, serving
from bench.sizes import Tell
from bench.traffic import loads
from cbt.paths import write_whole
from cbt.storage.engine import DATABASE_NAME

WANTED_ATTEMPTS = 1_000_000
WANTED_ITEMS = 100_000
BYTES_PER_ATTEMPT = 16_000
"""What one attempt of the past takes with everything around it, a little more than measured."""
SHARE_OF_DISK = 0.5
RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Scale:
    """The past, and how it is measured: pairs, seconds of each run, papers opened in each pair."""

    attempts: int = WANTED_ATTEMPTS
    items: int = WANTED_ITEMS
    pairs: int = 8
    seconds: float = 2.0
    starts: int = 300


def fitting(wanted: int, free_bytes: int) -> int:
    """Return how many attempts half of the free disk holds, at most `wanted`, in whole thousands above one."""
    room = int(free_bytes * SHARE_OF_DISK / BYTES_PER_ATTEMPT)
    chosen = min(wanted, room)
    return chosen if chosen < 1000 else chosen // 1000 * 1000


def run_growth(scale: Scale, folder: Path, *, tell: Tell) -> dict[str, Any]:
    """Build both installations below `folder`, measure, and return what bench/results.json holds as growth."""
    people = scale.pairs * scale.starts
    began = time.monotonic()
    past = Years(scale.attempts, scale.items)
    with ExitStack() as stack:
        empty = stack.enter_context(installation(folder / "empty", attempts=people))
        grown = stack.enter_context(installation(folder / "grown", attempts=people, years=past, tell=tell))
        size = (folder / "grown" / "data" / DATABASE_NAME).stat().st_size
        build_seconds = time.monotonic() - began
        tell(f"built in {build_seconds:.0f} s: {size / 1e9:.2f} GB")
        benches = {}
        for name, built in (("empty", empty), ("grown", grown)):
            choose_answers(built)
            port = stack.enter_context(serving(PRODUCT, built.environ))
            benches[name] = (Bench(built, Ref(0, b"", scale.seconds), scale.pairs, scale.seconds), port)
        figures = _measured(benches, tell)
    return {
        "machine": machine(),
        "attempts": scale.attempts,
        "journal_rows": scale.attempts * 120,
        "items": scale.items,
        "database_bytes": size,
        "bytes_per_attempt": round(size / max(scale.attempts, 1)),
        "build_s": round(build_seconds),
        "figures": {figure.name: figure.as_json() for figure in figures},
    }


def _measured(benches: Mapping[str, tuple[Bench, int]], tell: Tell) -> list[Figure]:
    runs: dict[str, list[Once]] = {}
    tell("starts")
    for name, (bench, port) in benches.items():
        runs[name] = bench.shares(port, bench.built.sitters, loads.starts)
    start = _pairs("growth_start", runs)
    start.lost = sum(_lost_starts(bench.built) for bench, _ in benches.values())
    tell("saves")
    for bench, _ in benches.values():
        _fill(bench.built)
    for name, (bench, port) in benches.items():
        runs[name] = [bench.saves(port, CONNECTIONS)] * bench.pairs
    save = _pairs("growth_save", runs)
    save.lost = sum(_lost_answers(bench) for bench, _ in benches.values())
    tell("board")
    for name, (bench, port) in benches.items():
        runs[name] = [bench.boards(port)] * bench.pairs
    return [save, start, _pairs("growth_board", runs)]


def _pairs(name: str, runs: Mapping[str, list[Once]]) -> Figure:
    """Measure both in turn, each time beginning with the other; rates and latencies are the grown one's."""
    figure = Figure(name)
    ratios = []
    for index, (empty, grown) in enumerate(zip(runs["empty"], runs["grown"], strict=True)):
        if index % 2:
            grown_load, empty_load = grown(), empty()
        else:
            empty_load, grown_load = empty(), grown()
        figure.add(grown_load, empty_load.per_s)
        figure.refused += empty_load.refused
        ratios.append(grown_load.per_s / empty_load.per_s)
    figure.facts["of_empty"] = round(median(ratios), 3)
    figure.ratios = []  # a ratio to REF is not measured here
    return figure


def _fill(built: Installation) -> None:
    with built.app.app_context():
        rows.fill_journals(built.sitters, now=built.now())


def _lost_starts(built: Installation) -> int:
    with built.app.app_context():
        return rows.lost_starts(built.sitters)


def _lost_answers(bench: Bench) -> int:
    with bench.built.app.app_context():
        return rows.lost_answers(bench.ledger.saved)


def growth_table(growth: Mapping[str, Any]) -> str:
    """Return the figures as an aligned table."""
    lines = [row(BY_NAME[name], figure, "en") for name, figure in growth["figures"].items()]
    return aligned([HEADS["en"], *([cell.replace("*", "") for cell in cells] for cells in lines)])


def main(argv: list[str] | None = None) -> int:
    """Build, measure, print, and keep the figures beside the others; exit code 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--attempts", type=int, default=WANTED_ATTEMPTS, help="attempts of the past")
    parser.add_argument("--items", type=int, default=WANTED_ITEMS, help="items in the banks")
    parser.add_argument(
        "--pairs", type=int, default=Scale().pairs, help="runs of each figure on each database"
    )
    parser.add_argument("--seconds", type=float, default=Scale().seconds, help="length of a run")
    parser.add_argument("--starts", type=int, default=Scale().starts, help="papers opened in each pair")
    parser.add_argument("--folder", type=Path, help="where to build (default: the system's temporary folder)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the results file (bench/results.json)")
    options = parser.parse_args(argv)
    where = options.folder or Path(tempfile.gettempdir())
    free = shutil.disk_usage(where).free
    attempts = fitting(options.attempts, free)
    print(
        f"{attempts:,} attempts of 120 saves ({options.attempts:,} wanted, {free / 1e9:.0f} GB free), "
        f"{options.items:,} items",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="cbt-growth-", dir=where) as name:
        scale = Scale(attempts, options.items, options.pairs, options.seconds, options.starts)
        growth = run_growth(scale, Path(name), tell=_tell)
    print(machine_line(growth["machine"]))
    print(growth_table(growth))
    results = json.loads(options.results.read_text("utf-8")) if options.results.exists() else {}
    results["growth"] = growth
    write_whole(options.results, json.dumps(results, ensure_ascii=False, indent=2) + "\n")
    return 1 if any(figure["lost"] for figure in growth["figures"].values()) else 0


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
