"""`python -m bench.analysis`: what the analysis of a year takes, of 10,000 people and 100 items each.

The year is sat and scored as in the tests: two sittings with several forms each. Answers are gathered by the
process that carries out jobs, figures are worked out by a child that loads numpy for nobody else, and the report is
printed.

Source: R-96, R-97.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from cbt.application.app import create_app
from cbt.confined import runner
from cbt.results.analysis import documents
from cbt.results.analysis.answers import answers_of, centres_of
from cbt.results.analysis.child import examine
from cbt.results.analysis.figures import AnalysisReport, PaperReport
from cbt.results.analysis.job import LIMITS, TASK
from cbt.results.analysis.scope import sittings_of
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import reading
from tests.conftest import base_settings, close_engine
from tests.helpers import FakeClock
from tests.results.analysis_scene import hold
from tests.world import PLANNED, START, build_world

PEOPLE, SITTINGS, FORMS, ROOMS = 10_000, 2, 5, 40
A, T = TypeVar("A"), TypeVar("T")


def hold_year(folder: Path, *, people: int) -> None:
    """Hold and score the year's sittings in an installation of their own."""
    settings = base_settings(folder)
    begin_installation(settings)
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    with app.app_context():
        migrate()
        world = build_world(app).on(app, clock)
    each = people // SITTINGS
    for number in range(SITTINGS):
        hold(world, each, forms=FORMS, rooms=ROOMS, seed=number, first=1 + number * each)
    close_engine(app)


def measure(folder: Path) -> dict[str, str]:
    """Return what each step of the year's analysis takes."""
    app = create_app(base_settings(folder), clock=FakeClock(PLANNED))
    year = str(PLANNED.year)
    with app.test_request_context():
        with reading() as session:
            told = sittings_of(session, "year", year)
            places = centres_of(session, told.sittings)
        answers, gathered = _timed(lambda: list(answers_of(places, by_rooms=False)))
        asked = [msgspec.msgpack.encode(one) for one in answers]
        held = own_memory()
        replies, computed = _timed(lambda: [runner.run(TASK, one, limits=LIMITS) for one in asked])
        cpu, memory = apart(in_a_child, asked)
        papers = [msgspec.json.decode(reply, type=PaperReport) for reply in replies]
        report = AnalysisReport(f"year:{year}", told.name, told.place_kind, papers, "year", len(places))
        printed, printing = _timed(lambda: documents.printed(report))
        _book, writing = _timed(lambda: documents.workbook(report))
    close_engine(app)
    return {
        "papers, people, items": f"{len(papers)}, {sum(one.n for one in papers):,}, {len(papers[0].items)}",
        "answers gathered in pieces": f"{gathered:.1f} s, {held:.0f} MB",
        "figures worked out in a child": f"{computed:.1f} s, {memory:.0f} MB",
        "of it computing, numpy loaded": f"{cpu:.1f} s of processors",
        "report as PDF": f"{printing:.1f} s, {len(printed) / 1024:.0f} KB",
        "report as a workbook": f"{writing:.1f} s",
    }


def apart(function: Callable[[A], T], argument: A) -> T:
    """Return what a function returns in a process of its own: its memory is nobody else's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as child:
        return child.submit(function, argument).result()


def in_a_child(asked: Sequence[bytes]) -> tuple[float, float]:
    """Return the seconds of processors and the megabytes at most that a process takes for the figures."""
    examine(asked[0])
    began = time.process_time()
    for one in asked:
        examine(one)
    return time.process_time() - began, own_memory()


def own_memory() -> float:
    """Return the megabytes that this process held at most."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _timed(act: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return act(), time.perf_counter() - began


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        hold_year(Path(name), people=asked.people)
        for what, figure in apart(measure, Path(name)).items():
            print(f"{what:32} {figure}")


if __name__ == "__main__":
    main()
