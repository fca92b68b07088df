"""`python -m bench.on_off [names]`: what a mechanism of docs/decisions gains, on against off in one run.

Each server is the product as `cbt serve` serves it, alone on the machine: with everything, without one mechanism,
and so on, three times, on one installation. What concerns those who wait is measured on another one before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.gauges.stillness import watch_machine
from bench.installation import choose_answers, installation
from bench.look_ups.over import be_over
from bench.on_off.mechanisms import BY_NAME, MEASURED, Mechanism
from bench.on_off.results import ON, RESULTS, Measured, line_of, read_results, table, write_pages
from bench.on_off.traffic import TRAFFIC, Hall, Scene, Served, Traffic
from bench.published.report import machine
from bench.servers.off import OFF_VARIABLE
from bench.servers.serve import PRODUCT, running
from bench.traffic.paced import allow_files
from bench.traffic.papers import open_papers
from bench.traffic.sign_in import bind_seats
from cbt.paths import write_whole


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: `pairs` of on and off, `seconds` of a load that goes on until then, how many people."""

    pairs: int = 3
    seconds: float = 2.0
    starters: int = 700
    savers: int = 600
    waiting: int = 600


QUICK = Size(pairs=1, seconds=0.5, starters=120, savers=200, waiting=100)
FORMS_OF_THE_WAITING = 20


def measure(mechanisms: Sequence[Mechanism], size: Size) -> Measured:
    """Return the figures of a run."""
    found = Measured()
    allow_files(3 * size.waiting + size.savers)
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        for scene, families in _families(mechanisms):
            with _halls(scene, Path(name), size) as hall:
                for family in families:
                    _measure_family(family, mechanisms, hall, size.pairs, found)
    return found


Family = Sequence[Traffic]


def _families(mechanisms: Sequence[Mechanism]) -> Iterator[tuple[Scene, list[Family]]]:
    """Yield the installations that are needed, and what is measured there of these mechanisms."""
    wanted = {row for one in mechanisms for row in one.rows}
    chosen = [[one for one in family if _has(one, wanted)] for family in TRAFFIC]
    for scenes in ((Scene.WAITING,), (Scene.RUNNING, Scene.SHOWN)):
        families = [family for family in chosen if family and family[0].scene in scenes]
        if families:
            yield scenes[0], families


def _has(traffic: Traffic, names: Collection[str]) -> bool:
    return any(row.name in names for row in traffic.rows)


@contextmanager
def _halls(scene: Scene, folder: Path, size: Size) -> Iterator[Hall]:
    """Build an installation, and have papers opened where its rooms have begun."""
    waiting = scene is Scene.WAITING
    people = size.waiting if waiting else size.starters + size.savers
    _tell(f"building: {people} candidates, {scene.value}")
    with installation(
        folder / scene.value,
        attempts=people,
        forms=FORMS_OF_THE_WAITING if waiting else 0,
        begun=not waiting,
    ) as built:
        if waiting:
            yield Hall(built, size.seconds, (), built.sitters)
            return
        choose_answers(built)
        bind_seats(built)
        with running(PRODUCT, built.environ) as server:
            open_papers(server.port, built)
        hall = Hall(built, size.seconds, built.sitters[: size.starters], built.sitters[size.starters :])
        hall.note()
        yield hall


def _measure_family(
    family: Family, mechanisms: Sequence[Mechanism], hall: Hall, pairs: int, found: Measured
) -> None:
    """Measure the product as it is and without each mechanism in turn; every other time in the opposite order."""
    rows = {row.name for traffic in family for row in traffic.rows}
    out = [one for one in mechanisms if rows.intersection(one.rows)]
    if family[0].scene is Scene.SHOWN:
        hall.restore()  # what was scored before is scored anew
        be_over(hall.built)
    turns: list[tuple[str, Family]] = [(ON, family)]
    turns += [(one.name, [traffic for traffic in family if _has(traffic, one.rows)]) for one in out]
    for pair in range(pairs):
        for name, own in turns if pair % 2 == 0 else reversed(turns):
            if family[0].scene is not Scene.SHOWN:
                hall.restore()
            _measure_server(name, own, hall, found)


def _measure_server(name: str, family: Family, hall: Hall, found: Measured) -> None:
    """Measure one server."""
    environ = {**hall.built.environ, OFF_VARIABLE: name, **family[0].environ}
    began = time.monotonic()
    with running(PRODUCT, environ) as server:
        _tell(f"{name or 'everything on'}: a server after {time.monotonic() - began:.1f} s")
        hall.settle()
        for traffic in family:
            served = Served(hall, server, out=name)
            figures = dict(zip((row.name for row in traffic.rows), traffic.measure(served), strict=False))
            for row, figure in figures.items():
                found.figures[name, row].append(figure)
                found.refused[name, row] += served.refused
            shown = ", ".join(f"{row} {figure:,.2f}" for row, figure in figures.items())
            _tell(f"  {shown or 'nothing'}" + (f", {served.refused} refused" if served.refused else ""))


def main(argv: list[str] | None = None) -> int:
    """Measure, print, and write what is to be written."""
    parser = argparse.ArgumentParser(prog="python -m bench.on_off", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"mechanisms ({', '.join(one.name for one in MEASURED)})")
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--write", action="store_true", help="write bench/on_off.json and docs/decisions")
    parser.add_argument("--write-pages", action="store_true", help="write docs/decisions again; no run")
    options = parser.parse_args(argv)
    if unknown := sorted(set(options.names) - {one.name for one in MEASURED}):
        parser.error(f"no mechanism with a switch is named {', '.join(unknown)}")
    if options.write_pages:
        write_pages(read_results())
        return 0
    if options.quick and options.write:
        parser.error("a quick run says nothing that is to be written")
    size = QUICK if options.quick else Size()
    size = replace(size, pairs=options.pairs or size.pairs, seconds=options.seconds or size.seconds)
    chosen = [BY_NAME[name] for name in options.names] or MEASURED
    began = time.monotonic()
    _tell(str(watch_machine(size.seconds)))
    measured = measure(chosen, size)
    _tell(str(watch_machine(size.seconds)))
    _tell(f"{(time.monotonic() - began) / 60:.1f} minutes in all")
    today = datetime.now(UTC).date().isoformat()
    found = {one.name: {"record": one.record, "on": today, "rows": measured.pairs(one)} for one in chosen}
    print(table(found))
    print()
    for one in chosen:
        print(line_of(one, found))
    if options.write:
        _write(found)
    return 0


def _write(found: dict[str, Any]) -> None:
    """Write what was measured beside what was before, on this machine."""
    former = read_results()
    kept = former.get("mechanisms", {}) if former.get("machine") == machine() else {}
    results = {"machine": machine(), "mechanisms": {**kept, **found}}
    write_whole(RESULTS, json.dumps(results, ensure_ascii=False, indent=2) + "\n")
    write_pages(results)


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
