"""One run: fresh installations, each group of rows in its turn, and what bench/results.json holds of it."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import Bench, Figure, Ref
from bench.gauges.reference import reference, stored
from bench.gauges.stillness import watch_machine
from bench.installation import choose_answers, installation
from bench.measured import elsewhere, registry
from bench.measured.declaring import Ground, Group, Stage, Stand
from bench.published.report import machine
from bench.servers.serve import PRODUCT, running
from bench.sizes import WARM_UP_STARTS, Size, Tell, told
from bench.traffic.paced import allow_files
from bench.traffic.papers import open_papers
from tests.databases import start_postgres

SERVED = (Stage.BEGUN, Stage.OPEN, Stage.CLOSING)
TWINS = frozenset({row.name for row in registry.ROWS if row.twin})


def run_bench(
    size: Size, *, tell: Tell = print, only_steady: bool = False, only: Collection[str] = ()
) -> dict[str, Any]:
    """Measure on fresh installations and return what bench/results.json holds.

    `only_steady`: leave out what takes minutes and depends on the machine's load, as `make bench-check` does;
    `only`: the rows of these names and those that are measured with them.
    """
    names = set(only or registry.names_of(only_steady=only_steady))
    twins = {name for name in TWINS if elsewhere.PREFIX + name in names}
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        allow_files(max(size.paced))
        tell(str(watch_machine(size.seconds)))
        groups = registry.chosen(names | twins)
        ref, facts = Ref(0, b"", size.seconds), {}
        if not all(row.paced for group in groups for row in group.rows):
            ref, facts = stack.enter_context(reference(folder / "reference", size))
        ground = Ground(ref, size, folder, tell, names | twins)
        figures = _waiting(ground, groups, folder / "waiting")
        figures += _sitting(ground, groups, folder / "embedded", facts)
        for group in (one for one in groups if one.stage is Stage.OWN):
            figures += told(group.measure(replace(ground, folder=folder / group.rows[0].name)), tell)
        embedded = {figure.name: figure for figure in figures}
        if size.others and twins:
            figures += _twins(ground, twins, folder / "postgres", embedded)
        tell(str(watch_machine(size.seconds)))
    return {
        "machine": machine(),
        "ref_per_s": round(median(ref.rates), 1) if ref.rates else None,
        "figures": {figure.name: figure.as_json() for figure in figures},
        "facts": facts,
    }


def _waiting(ground: Ground, groups: Sequence[Group], folder: Path, url: str = "") -> list[Figure]:
    """Measure what candidates do who are signed in and wait."""
    chosen = [group for group in groups if group.stage is Stage.WAITING]
    if not chosen:
        return []
    with _built(ground, chosen, folder, url=url, begun=False) as bench, _serving(ground, bench) as stand:
        return _in_turn(stand, chosen)


def _sitting(
    ground: Ground, groups: Sequence[Group], folder: Path, facts: dict[str, float], url: str = ""
) -> list[Figure]:
    """Measure a sitting from its papers' opening to its scores."""
    chosen = [group for group in groups if group.stage in (*SERVED, Stage.STOPPED)]
    if not chosen:
        return []
    with _built(ground, chosen, folder, url=url, begun=True) as bench:
        with _serving(ground, bench) as stand:
            figures = _in_turn(stand, [group for group in chosen if group.stage is Stage.BEGUN])
            if any(group.stage is not Stage.BEGUN for group in chosen):
                _open_everybody(stand)
            for stage in (Stage.OPEN, Stage.CLOSING):
                figures += _in_turn(stand, [group for group in chosen if group.stage is stage])
        figures += _in_turn(stand, [group for group in chosen if group.stage is Stage.STOPPED])
        if not url:
            facts |= stored(bench.built, folder)
    return figures


def _in_turn(stand: Stand, groups: Sequence[Group]) -> list[Figure]:
    return [figure for group in groups for figure in told(group.measure(stand), stand.tell)]


@contextmanager
def _built(
    ground: Ground, groups: Sequence[Group], folder: Path, *, url: str, begun: bool
) -> Iterator[Bench]:
    """Build what these groups need and let go of it at the end of the block."""
    size = ground.size
    people = max(WARM_UP_STARTS, *(group.people(size) for group in groups))
    if url:
        whole = [group.people(size) for group in groups if group.whole_twin]
        people = max([min(people, size.others), *whole])
    ground.tell(f"building: {people} candidates" + (" on PostgreSQL" if url else ""))
    with installation(folder, attempts=people, database_url=url, begun=begun) as built:
        choose_answers(built)
        yield Bench(built, ground.ref, size.pairs, size.seconds)


@contextmanager
def _serving(ground: Ground, bench: Bench) -> Iterator[Stand]:
    with running(PRODUCT, bench.built.environ) as server:
        yield Stand(ground.ref, ground.size, ground.folder, ground.tell, ground.names, bench, server)


def _open_everybody(stand: Stand) -> None:
    """Open every paper that is not open yet, and have an answer at each position."""
    stand.tell(f"opening papers and filling journals of {len(stand.bench.built.sitters)}")
    open_papers(stand.port, stand.bench.built)


def _twins(ground: Ground, names: Collection[str], folder: Path, embedded: dict[str, Figure]) -> list[Figure]:
    """Measure the rows of these names on PostgreSQL."""
    server = start_postgres(durable=True)
    if server is None:
        ground.tell("no PostgreSQL here: not measured")
        return []
    try:
        there = replace(ground, names=names)
        groups = registry.chosen(names)
        found = _waiting(there, groups, folder / "waiting", server.create("bench_waiting"))
        found += _sitting(there, groups, folder / "sitting", {}, server.create("bench"))
        return elsewhere.as_twins(found, registry.BY_NAME, embedded)
    finally:
        server.stop()
