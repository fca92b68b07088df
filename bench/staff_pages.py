"""`python -m bench.staff_pages`: what each page of staff takes in a sitting of 3,000, with a bank of 100,000 items.

Every page of the map of addresses that staff are shown, asked for in one process without a network between: the
median of several, from request to page. The world is the one in which the tests count rows (`tests/growth`).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from sqlalchemy import func, select, text

from cbt.application.app import create_app
from cbt.items.models import Item
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.stages import Stage
from tests.conftest import base_settings, close_engine
from tests.growth import grown
from tests.growth.scene import asker_of, begin_small, grow_more, make_large, pages_of_staff
from tests.helpers import FakeClock
from tests.results import scene
from tests.world import START, build_world

TIMES = 5
OVER = ("results.", "late.", "package.", "record.")
"""Pages that say something once a sitting is over."""
FILES = (".pdf", ".xlsx", ".seb", "/print")
"""What is a file of everybody by its nature, or waits for the child that sets paper."""
APART = {"doctor.page", "readiness.server"}
"""Pages that begin a process of their own and wait for its word."""


def measure_pages(folder: Path, *, items: int, times: int = TIMES) -> dict[str, float]:
    """Return the median time of each page in milliseconds of `times`, while the exam runs and of its results."""
    found: dict[str, float] = {}
    for over in (False, True):
        found |= _measured(folder / ("over" if over else "running"), items=items, times=times, over=over)
    return found


def _measured(folder: Path, *, items: int, times: int, over: bool) -> dict[str, float]:
    folder.mkdir(parents=True)
    settings, clock = base_settings(folder), FakeClock(START)
    begin_installation(settings)
    app = create_app(settings, clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        migrate()
        world = build_world(app)
    stage = Stage(world.on(app, clock))
    if over:
        scene.end_with(stage.world, scene.USUAL | {"second": "55.0"})
        scene.release(stage.world)
    small = begin_small(stage)
    make_large(stage, small)
    with app.app_context(), unit_of_work() as session:
        # The log was grown with the rest: its next entry follows on the last, as after damage.
        session.execute(text("UPDATE audit_head SET last_id = (SELECT max(id) FROM audit_entry)"))
    with app.app_context(), reading() as session:
        known = session.scalar(select(func.count()).select_from(Item)) or 1
    if not over and items > known:
        grow_more(stage, grown.ITEMS, items // known)
    found: dict[str, float] = {}
    for page in pages_of_staff():
        if page.name.startswith(OVER) != over or page.rule.endswith(FILES) or page.name in APART:
            continue
        client, url = stage.client(asker_of(page)), stage.url(page)
        taken = []
        for _ in range(times + 1):
            began = time.perf_counter()
            reply = client.get(url, headers={"Accept": "text/html"})
            taken.append((time.perf_counter() - began) * 1000)
            if reply.status_code >= 500:
                raise RuntimeError(
                    f"{page.rule} was answered with {reply.status_code}: that is no page to measure"
                )
        found[page.rule] = median(taken[1:])
    close_engine(app)
    return found


def main() -> None:
    """Print the pages, the slowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        found = measure_pages(Path(name), items=asked.items)
    for rule in sorted(found, key=lambda one: -found[one]):
        print(f"{found[rule]:8.1f} ms  {rule}")


if __name__ == "__main__":
    main()
