"""`python -m bench.marking_desk`: what marking takes with 10,000 answers in one queue.

The world of the tests with its short answers, many times over. Pages are asked for, and answers taken and marked,
in one process and without a network between: before anybody marked, and again when one marker gave every first
mark, so that nothing is left for them and everything for the others. On the embedded database, and on PostgreSQL
where this machine has it.

Source: R-51.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import func, insert, literal, select, text, update

from cbt.application.app import create_app
from cbt.rules.canonical import canonical_json
from cbt.rules.marking import AnswerState, MarkingTurn
from cbt.scoring.marking.models import Mark, MarkedAnswer, MarkingQueue
from cbt.scoring.marking.store import items_of
from cbt.storage.engine import WRITE, begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import DecimalText, UtcDateTime, db
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import base_settings, close_engine
from tests.databases import start_postgres
from tests.growth import grown
from tests.helpers import FakeClock
from tests.scoring.marking_scene import MarkingScene, waiting
from tests.world import START, build_world

ANSWERS = 10_000
TIMES = 30
FIRST, SECOND = 0, 1
"""Two markers of the scene, by number."""
Medians = dict[str, float]


def measure(folder: Path, *, answers: int, times: int = TIMES, url: str = "") -> Medians:
    """Return the median milliseconds of what a marker or the office does at a desk of so many answers."""
    settings = base_settings(folder, url)
    begin_installation(settings)
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        migrate()
        scene = waiting(build_world(app).on(app, clock))
        scene.open()
        queue = scene.queues()[0]
        _grow(queue, answers)
    found = {f"nobody marked: {what}": ms for what, ms in _medians(scene, queue, times).items()}
    with app.app_context():
        _mark_all_once(scene, queue)
        if scene.take(queue, FIRST) is not None:
            raise RuntimeError("something is left for whoever marked all")
        took = _timed(lambda: scene.take(queue, FIRST), times)
    found |= {f"one marked all once: {what}": ms for what, ms in _medians(scene, queue, times).items()}
    found["one marked all once: they are told that nothing is left"] = took
    close_engine(app)
    return found


def _grow(queue: MarkingQueue, answers: int) -> None:
    """Have so many answers in the queue, each of another person with a paper and a journal of their own."""
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        own = select(func.count()).select_from(MarkedAnswer).where(MarkedAnswer.queue_id == queue.id)
        known = connection.scalar(own) or 1
        grown.grow(connection, grown.IN_A_ROOM, answers // known, below=grown.heights(connection))
    _settle()


def _settle() -> None:
    """Have the database look at its tables, as it does by itself after a while."""
    with db.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(text("ANALYZE"))


def _mark_all_once(scene: MarkingScene, queue: MarkingQueue) -> None:
    """Have the first marker give every answer that waits for its first mark half of the points; others are done."""
    with unit_of_work() as session:
        criteria = items_of(session, [queue])[queue.id].criteria
        points = [one.points / 2 for one in criteria]
        columns = (Mark.ref, Mark.answer_id, Mark.turn, Mark.number, Mark.staff)
        columns += (Mark.criteria, Mark.points, Mark.remark, Mark.reason, Mark.given_at)
        waits = (MarkedAnswer.queue_id == queue.id, MarkedAnswer.state == AnswerState.FIRST.value)
        session.execute(
            insert(Mark).from_select(
                columns,
                select(
                    literal("mk-").concat(MarkedAnswer.ref),
                    MarkedAnswer.id,
                    literal(MarkingTurn.FIRST.value),
                    literal(1),
                    literal(scene.markers[FIRST].logged_as),
                    literal(canonical_json([f"{one:f}" for one in points])),
                    literal(sum(points), DecimalText()),
                    literal(""),
                    literal(""),
                    literal(scene.world.clock.now(), UtcDateTime()),
                ).where(*waits),
            )
        )
        ended = (MarkedAnswer.queue_id == queue.id, MarkedAnswer.state == AnswerState.SECOND.value)
        session.execute(update(MarkedAnswer).where(*ended).values(state=AnswerState.DONE.value))
        session.execute(update(MarkedAnswer).where(*waits).values(state=AnswerState.SECOND.value))
    _settle()


def _medians(scene: MarkingScene, queue: MarkingQueue, times: int) -> Medians:
    app = scene.world.app
    officer, marker = scene.world.staff("officer"), scene.world.staff(f"marker-{SECOND + 1}")

    def mark_next() -> None:
        ref = scene.take(queue, SECOND)
        if ref is None:
            raise RuntimeError("nothing is left to mark")
        scene.give(ref, SECOND, points)

    with app.app_context():
        with reading() as session:
            points = [one.points for one in items_of(session, [queue])[queue.id].criteria]
        found = {"take and give": _timed(mark_next, times)}
        ref = scene.take(queue, SECOND)
    pages = {
        "an answer": (marker, f"/marking/answers/{ref}"),
        "own desk": (marker, f"/marking/own/{scene.ref}"),
        "the office's desk": (officer, f"/marking/desks/{scene.ref}"),
        "a queue with its figures": (officer, f"/marking/queues/{queue.ref}"),
        "choice of a seed paper": (officer, f"/marking/queues/{queue.ref}/seed"),
    }
    return found | {
        f"page of {what}": _timed(partial(_ask, browser, url), times)
        for what, (browser, url) in pages.items()
    }


def _ask(browser: FlaskClient, url: str) -> None:
    reply = browser.get(url)
    if reply.status_code != 200:
        raise RuntimeError(f"{url} was answered with {reply.status_code}")


def _timed(act: Callable[[], object], times: int) -> float:
    taken = []
    for _time in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return median(taken)


def main() -> None:
    """Print what each takes on each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=ANSWERS)
    asked = parser.parse_args()
    server = start_postgres()
    urls = {"sqlite": ""} | ({} if server is None else {"postgresql": server.create("marking")})
    try:
        for kind, url in urls.items():
            with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
                for what, ms in measure(Path(name), answers=asked.answers, url=url).items():
                    print(f"{kind:10} {ms:8.1f} ms  {what}")
    finally:
        if server is not None:
            server.stop()


if __name__ == "__main__":
    main()
