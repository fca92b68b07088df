"""One lease that writes without end: its journal is full at some point, and nobody else notices.

Source: I12; R-40, R-41.
"""

from __future__ import annotations

from itertools import count

from sqlalchemy import func, select

from cbt.runner.models import JournalEntry
from cbt.runner.protocol import MAX_ENTRIES
from cbt.runner.save.batch import MOST_ROWS
from cbt.storage.unit_of_work import reading
from torture.browsers.client import Browser
from torture.browsers.wire import EXPECTED, Reply
from torture.sites.site import Site
from torture.sites.waiting import pause
from torture.trial import Trial

SAVES_BETWEEN = 60
MOST_REQUESTS = 3 * MOST_ROWS // MAX_ENTRIES
REST_SECONDS = 1.0


class _Filler(Browser):
    """A candidate's lease in the hands of a script."""

    expected = EXPECTED | {413}

    def fill(self) -> Reply:
        """Write as much as fits into each request until the server has no room; return the last reply."""
        reply = self.open()
        values = count()
        for _ in range(MOST_REQUESTS):
            if reply.status not in (200, 429):
                break
            if reply.status == 429:
                pause(REST_SECONDS)
            reply = self.save([self._flag(next(values) % 2 == 0) for _ in range(MAX_ENTRIES)])
        return reply

    def _flag(self, value: bool) -> dict[str, object]:
        self.seq += 1
        return {"seq": self.seq, "kind": "flag", "position": self.items[0]["position"], "value": value}


def journal_filled(trial: Trial) -> None:
    """Fill the journals of `times` candidates to the last row while the others save; they go on as before."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        load.wait_for_saves(SAVES_BETWEEN)
        for former in load.browsers[-trial.times :]:
            former.over = True  # the script has taken the lease of this one
            filler = _Filler(former.person, lambda: server.port, site.ledger, trial.rng)
            reply = filler.fill()
            filler.hang_up()
            trial.injected()
            trial.expect(reply.code == "attempt.full", "I12", f"the writing ended with {reply.status}")
            rows = _rows(site, former.person.attempt_id)
            trial.measure("rows", rows)
            trial.expect(MAX_ENTRIES < rows <= MOST_ROWS, "I12", f"{rows} rows in one journal")
            trial.expect(load.wait_for_saves(SAVES_BETWEEN), "I12", "nobody else could save")
        trial.drain(load)
    trial.judge(site)


def _rows(site: Site, attempt_id: int) -> int:
    query = select(func.count()).select_from(JournalEntry).where(JournalEntry.attempt_id == attempt_id)
    with site.app(), reading() as session:
        return session.scalar(query) or 0
