"""A candidate's browser reduced to its outbox: it answers, repeats what was not acknowledged, hands in.

It keeps to the page's own rules: one request in flight, the same number for the same entry until a receipt
comes, fresh numbers in the old order under a new lease. Now and then it does what networks and people do: it
repeats an old request with other content, sends out of order, reloads, beats without an answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torture.browsers.answers import invent
from torture.browsers.wire import Reply, Wire
from torture.judging.ledger import Ledger
from torture.sites.people import Person

IN_ONE_REQUEST = 4
RETRY_SECONDS = 0.15
Entry = dict[str, Any]


class Browser(Wire):
    """One candidate's browser. `step` does one exchange; `over` is true when the paper is closed."""

    def __init__(self, person: Person, port: Callable[[], int], ledger: Ledger, rng: random.Random) -> None:
        super().__init__(person, port, ledger)
        self.rng = rng
        self.over = False
        self.closing = False
        """Whether to hand in next."""
        self.pending: list[Entry] = []
        self.lease = ""
        self.epoch = 0
        self.seq = 0
        self.items: list[Mapping[str, Any]] = []
        self.unit: int | None = None
        self._old: tuple[int, Entry] | None = None

    def resume(self, former: Browser) -> None:
        """Go on where another browser of this person stands: its lease, its paper, what waits."""
        self.lease, self.epoch, self.seq = former.lease, former.epoch, former.seq
        self.items, self.unit, self.over = former.items, former.unit, former.over
        self.pending = [dict(entry) for entry in former.pending]

    # One exchange

    def step(self) -> float:
        """Do one exchange and return the seconds to wait before the next, 0 for none in particular."""
        if not self.lease:
            return self._then(self.open())
        if self.closing and not self.pending:
            return self._then(self.submit())
        chance = self.rng.random()
        if chance < 0.02:
            return self._then(self.repeat_old())
        if chance < 0.03:
            return self._then(self.reload())
        if chance < 0.05:
            return self._then(self.save([]))
        if self.unit is not None and chance < 0.06:
            return self._then(self.advance(completed=True))
        if self.items and not self.closing:
            self.write(self.rng.choice((1, 1, 1, 2, 5)))
        if not self.pending:
            return self._then(self.save([]))
        count = min(len(self.pending), IN_ONE_REQUEST)
        return self._then(self.save(self.rng.sample(self.pending, count)))

    def write(self, count: int) -> None:
        """Enter so many answers, flags and notes; they wait to be sent."""
        for _ in range(count):
            self.seq += 1
            self.pending.append({"seq": self.seq, **invent(self.items, self.rng)})

    def _then(self, reply: Reply) -> float:
        """Draw the consequence the page draws, and return how long it waits."""
        if reply.status == 200:
            return 0
        if reply.code in ("lease.lost", "lease.held"):
            self.lease = ""
        elif reply.code == "unit.closed" and self.unit is not None:
            return self._then(self.advance(completed=False))
        elif reply.status == 410:
            self.over = True
        elif reply.status == 503 and "seconds" in reply.body:
            return float(reply.body["seconds"]) + self.rng.random()
        elif reply.code in ("unit.moved", "submit.units_open"):
            self.lease = ""
            self.closing = False
        return RETRY_SECONDS * (0.5 + self.rng.random())

    # What a browser can ask

    def open(self) -> Reply:
        """Open the paper: a lease, a clock, the items. What waits gets fresh numbers, in its old order."""
        headers = {"X-CSRFToken": self.person.csrf_token}
        reply = self.call("start", {}, headers, carries=True)
        if reply.status == 200:
            body = reply.body
            self.lease, self.epoch, self.seq = body["lease"], body["epoch"], body["seq"]
            self.ledger.started(self.person.attempt_id, self.epoch)
            self._show(body["paper"])
            for entry in sorted(self.pending, key=lambda one: int(one["seq"])):
                self.seq += 1
                entry["seq"] = self.seq
        return reply

    def _show(self, paper: Mapping[str, Any] | None) -> None:
        if paper is None:
            self.items, self.unit = [], None
            return
        self.items = paper["items"]
        open_units = [unit["number"] for unit in paper["units"] if unit["state"] == "open"]
        self.unit = open_units[0] if paper["timing"] == "strict" and open_units else None
        shown = {item["position"] for item in self.items}
        self.pending = [entry for entry in self.pending if entry["position"] in shown]

    def save(self, entries: Sequence[Entry]) -> Reply:
        """Send entries; none is a heartbeat."""
        return self._with_entries("answers", entries, {})

    def advance(self, *, completed: bool) -> Reply:
        """Finish the open unit, or fetch what time opened."""
        reply = self._with_entries("advance", [], {"from_unit": self.unit, "completed": completed})
        if reply.status == 200:
            self._show(reply.body["paper"])
        return reply

    def submit(self) -> Reply:
        """交卷 with what still waits."""
        reply = self._with_entries("submit", list(self.pending), {})
        if reply.status == 200:
            self.ledger.handed_in(self.person.attempt_id, str(reply.body["receipt"]))
            self.over = True
        return reply

    def repeat_old(self) -> Reply:
        """Send a number that was acknowledged once more, with other content: the first must stand."""
        if self._old is None or self._old[0] != self.epoch or not self.items:
            return self.save([])
        other = {**self._old[1], "value": False if self._old[1]["kind"] == "flag" else None}
        return self._with_entries("answers", [other], {})

    def reload(self) -> Reply:
        """Open the paper again as the same login does, then save under the former lease, which is lost."""
        former = (self.lease, self.epoch)
        reply = self.open()
        if reply.status != 200 or not self.items:
            return reply
        entry = {"seq": self.seq + 1000, **invent(self.items, self.rng)}
        stale = self.call(
            "answers", {"epoch": former[1], "entries": [entry]}, {"X-CBT-Lease": former[0]}, carries=True
        )
        if stale.status == 200:
            self.ledger.breach("I11", f"attempt {self.person.attempt_id}: a lost lease could write")
        return reply

    def _with_entries(self, operation: str, entries: Sequence[Entry], more: Mapping[str, Any]) -> Reply:
        entries = [dict(entry) for entry in entries]
        own = self.person.attempt_id
        self.ledger.sending(own, self.epoch, entries)
        reply = self.call(
            operation,
            {"epoch": self.epoch, "entries": entries, **more},
            {"X-CBT-Lease": self.lease},
            carries=bool(entries) or operation != "answers",
        )
        if reply.status == 200:
            receipts = reply.body["receipts"]
            self.ledger.acknowledge(own, self.epoch, receipts)
            missing = {entry["seq"] for entry in entries} - {one["seq"] for one in receipts}
            if missing:
                self.ledger.breach("I1", f"attempt {own}: 200 without a receipt for every entry")
            self._settle({entry["seq"] for entry in entries})
            if entries:
                self._old = (self.epoch, entries[-1])
        elif reply.code == "unit.closed":
            self._settle({entry["seq"] for entry in entries})
        return reply

    def _settle(self, numbers: set[int]) -> None:
        self.pending = [entry for entry in self.pending if entry["seq"] not in numbers]
