"""An exam that is watched: candidates' pages, a leader, scrapes every STEP seconds of a clock that tests move."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from types import SimpleNamespace

from cbt.application.backups import note_made
from cbt.jobs.scheduler import SCHEDULER
from cbt.runner.close.outage import beat
from cbt.storage.backup_folder import copy_name
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.watching.alerting import STEP
from tests.watching.scraped import scrape
from tests.world import PLANNED, World

TARGET = 'instance="127.0.0.1:8000",job="cbt",site="main"'
_COUNTER = re.compile(r"\w+_(total|count|sum|bucket)\{")
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})?")
CALM_LOOKS = 8
"""So many that what the rules look back on is calm."""


def as_target(samples: dict[str, float]) -> dict[str, float]:
    """Return samples with the labels that Prometheus gives them, and that it could reach the server."""
    found = {f"up{{{TARGET}}}": 1.0}
    for sample, value in samples.items():
        read = _SAMPLE.fullmatch(sample)
        assert read is not None
        labels = ",".join(filter(None, (read[2], TARGET)))
        found[f"{read[1]}{{{labels}}}"] = value
    return found


class WatchedExam:
    """Five candidates of a room that has just begun; `scrapes` is what was told so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.clock.set(PLANNED)
        world.app.extensions[SCHEDULER] = SimpleNamespace(running=True)
        self.pages = [Page(world, name) for name in ("theory", "skills", "extra", "factor", "second")]
        for page in self.pages:
            assert page.start().status_code == 200
        self.scrapes: list[dict[str, float]] = []
        self.back_up()

    def back_up(self, *, ago: timedelta = timedelta(0)) -> None:
        """Put on record that the newest backup was made then."""
        at = self.world.clock.now() - ago
        with self.world.app.app_context(), unit_of_work() as session:
            note_made(session, self.world.app.extensions["cbt_settings"].backup_dir, copy_name(at), 1, at=at)

    def begin(self) -> None:
        """Forget what was told before, and let all be well, as it was for as long as rules look back."""
        self.scrapes = []
        self.go_on(2)
        former, last = self.scrapes
        grown = {name: last[name] - former.get(name, 0) for name in last if _COUNTER.match(name)}
        self.scrapes[:0] = [
            former | {name: former.get(name, 0) - number * more for name, more in grown.items()}
            for number in range(CALM_LOOKS, 0, -1)
        ]

    def go_on(
        self, looks: int, *, pages: Sequence[Page] | None = None, answering: bool = True, leads: bool = True
    ) -> None:
        """Let `pages` (all of them) send a heartbeat and an answer between looks, and the leader its own."""
        for _ in range(looks):
            self.world.clock.advance(timedelta(seconds=STEP))
            for page in self.pages if pages is None else pages:
                page.send()
                if answering:
                    page.answer(1, "A")
            if leads:
                with self.world.app.app_context():
                    beat(now=self.world.clock.now())
            self.look()

    def look(self) -> None:
        """Scrape."""
        self.scrapes.append(as_target(scrape(self.world.app)))

    def stays(self, looks: int) -> None:
        """Have all go on as it did between the last two scrapes: gauges stay, counters grow by as much again."""
        former, last = self.scrapes[-2:]
        grown = {name: last[name] - former.get(name, 0) for name in last if _COUNTER.match(name)}
        self.scrapes += [
            last | {name: last[name] + number * more for name, more in grown.items()}
            for number in range(1, looks + 1)
        ]
