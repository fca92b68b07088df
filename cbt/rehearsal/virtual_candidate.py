"""A virtual candidate: the requests and pauses of one browser, step by step, and what came of them."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cbt.items.types.registry import authoring_of
from cbt.rehearsal.http_client import BrowserLine, WireReply
from cbt.rehearsal.installation import Player

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(slots=True)
class Account:
    """What one candidate saw: the receipts it was given, and what the server took for them."""

    attempt_id: int
    signed_in: bool = False
    started: float | None = None
    """Seconds from 统一开考 to the paper on the screen."""
    acknowledged: dict[tuple[int, int], tuple[int, Any]] = field(default_factory=dict)
    """(epoch, number) -> (position, answer)"""
    latencies: list[float] = field(default_factory=list)
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    """The codes of what was refused that a browser does not send twice."""
    receipt: str = ""
    closed: bool = False


@dataclass(slots=True)
class Ask:
    """A request to make; the driver sends the answer back. `due`: when it was to go out, where that was before."""

    kind: str
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Time to let pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The candidate waits; a driver that knows when the rooms begin goes on then."""


Steps = Generator[Ask | Rest | Ready, WireReply | None, Any]


class Visitor(ABC):
    """Asks for pages and sends forms in the name of a player; `account` is what comes of it."""

    retry_seconds = (0.15, 0.45)

    def __init__(self, player: Player) -> None:
        self.player, self.account = player, Account(player.attempt_id)
        self.rng = random.Random(player.number)

    @abstractmethod
    def over(self) -> bool:
        """Whether nothing more is to come."""

    def page(self, name: str) -> Steps:
        return (yield from self.asked(Ask(name, "GET", self.player.paths[name])))

    def form(self, page: str, target: str, fields: Mapping[str, str]) -> Steps:
        """Fill in the form of a page and send it to where another name leads."""
        shown = yield from self.page(page)
        if shown.status == 303:  # that was done already
            return shown
        match = _TOKEN.search(shown.text)
        body = urlencode({"csrf_token": match[1] if match else "", **fields}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        name = target if target != page else f"{target}_post"
        return (yield from self.asked(Ask(name, "POST", self.player.paths[target], body, kind)))

    def asked(self, ask: Ask) -> Steps:
        """Ask until the server answers for good: what was not taken or not answered goes again, unchanged."""
        while True:
            reply = yield ask
            assert reply is not None
            if reply.status not in {0, 503} or self.over():
                return reply
            self.account.repeated += 1
            yield Rest(self.rng.uniform(*self.retry_seconds))


# What one candidate's browser does, step by step: requests to make and pauses to take.
#
# It signs in, waits, answers at its pace, changes units, hands in, or leaves it to the deadline, and keeps to
# the page's own rules: one request in flight, the same number for the same answer until a receipt comes.
# Whoever drives it has the line: a thread for each candidate in a rehearsal, one loop for thousands in the
# bench.

_SCRIPT_TOKEN = re.compile(r'data-csrf="([^"]+)"')
WAIT_SECONDS = 0.5
LEASE_GONE = frozenset({"lease.lost", "lease.held"})
EXPECTED = frozenset({*LEASE_GONE, "unit.closed", "unit.moved", "submit.units_open"})
"""What a page is told in an ordinary sitting, and goes on from by itself."""
STANDS = 423
"""The clock stands: the page keeps what was typed and sends it again."""
PATIENCE_SECONDS = 60.0
"""After the deadline nobody waits longer for an answer of the server."""


class Script(Visitor):
    """Sits the paper of one player; `account` is what came of it."""

    def __init__(
        self,
        player: Player,
        *,
        seconds: float,
        share: float,
        hands_in: bool,
        clock: Callable[[], float],
        stopped: Callable[[], bool],
    ) -> None:
        """`share` of the time goes into answering; `stopped` ends everything."""
        super().__init__(player)
        self.begun_at = 0.0
        self.lease, self.epoch, self.seq, self.unit = "", 0, 0, 0
        self.at = 0
        """The item the candidate is at."""
        self.stood = 0.0
        """For how many seconds the clock stood while something was to be said."""
        self.number: object = None
        """Up to which number of the log the start knew all."""
        self.clock = clock
        self._stopped = stopped
        self.seconds, self._share, self._hands_in = seconds, share, hands_in
        self._items: Sequence[Mapping[str, Any]] = ()
        self._csrf, self._parts = "", 1
        self._ahead = ""
        """The address of the answer page, once all it is made of was fetched while the candidate waited."""

    def steps(self) -> Steps:
        if (yield from self.enter()):
            yield Ready()
            yield from self._sit()

    def enter(self) -> Steps:
        """Sign in at the seat page and go through the pages to the waiting room, or where the door leads."""
        paths = self.player.paths
        typed = {"ticket": self.player.ticket, "by": "document", "document": self.player.last_six}
        reply = yield from self.form("seat", "sign_in", typed)
        for page in ("confirm", "notice"):
            if reply.status == 303 and reply.location == paths[page]:
                reply = yield from self.form(page, page, {"agree": "1"})
        if reply.status == 303 and reply.location == paths["wait"]:
            reply = yield from self.page("wait")
            yield from self._fetch_ahead()
        self.account.signed_in = reply.status in {200, 303}
        if not self.account.signed_in:
            self.account.refused.append(f"sign_in.{reply.status}")
        return self.account.signed_in

    def _sit(self) -> Steps:
        yield from self.wait()
        if not (yield from self.open_page()):
            return
        self.account.started = self.clock() - self.begun_at
        while self._items and not self.over() and not self.account.closed:
            yield from self._answer_all()
            if not self.unit or self.account.closed:
                break
            yield from self._advance()
        yield from self._finish()

    def wait(self) -> Steps:
        while not self.over() and not (yield from self.page("waits")).body.get("go"):
            yield Rest(WAIT_SECONDS * self.rng.random())

    def until_closed(self) -> Steps:
        while not (yield from self.is_closed()) and not self.over():
            yield Rest(WAIT_SECONDS)

    def is_closed(self) -> Steps:
        """Ask for the clock, as the page of whoever leaves the paper to the deadline does; it says so."""
        reply = yield from self.asked(
            Ask("clock", "GET", self.player.paths["clock"], headers={"X-CBT-Lease": self.lease})
        )
        if reply.body.get("code") in LEASE_GONE:
            yield from self.open()
        elif reply.body.get("clock", {}).get("state") == "closed":
            self.account.closed = True
        return self.account.closed

    def over(self) -> bool:
        return self._stopped() or self.clock() > self.begun_at + self.seconds + PATIENCE_SECONDS

    def _fetch_ahead(self) -> Steps:
        """Fetch what the answer page is made of, as the waiting page does (static/runner/paper/ahead.js)."""
        body = (yield from self.page("ahead")).body
        if not body.get("shell"):
            return
        for path in (body["shell"], *body["files"]):
            yield from self.asked(Ask("ahead_file", "GET", path))
        self._ahead, self._csrf = body["page"], body["csrf"]

    def open_page(self) -> Steps:
        """Open the answer page, which a browser may keep already, and the paper; return whether it is there."""
        if self._ahead != self.player.paths["runner"]:
            shown = yield from self.page("runner")
            match = _SCRIPT_TOKEN.search(shown.text)
            self._csrf = match[1] if match else ""
        self._ahead = ""  # another machine has another store
        return (yield from self.open())

    def open(self) -> Steps:
        """Ask for the paper; return whether it is there."""
        reply = yield from self.tell("start", {}, {"X-CSRFToken": self._csrf})
        if reply.status != 200:
            return False
        body = reply.body
        self.lease, self.epoch = body["lease"], body["epoch"]
        self.seq = max(self.seq, int(body.get("seq", 0)))
        self.number = body.get("number")
        self._show(body["paper"])
        return True

    def _show(self, paper: Mapping[str, Any] | None) -> None:
        self._items, self.unit = (), 0
        if paper is not None:
            self._items = paper["items"]
            opened = [unit["number"] for unit in paper["units"] if unit["state"] == "open"]
            self.unit = opened[0] if paper["timing"] == "strict" and opened else 0
            self._parts = len(paper["units"]) if self.unit else 1

    def _answer_all(self) -> Steps:
        """Answer what is shown, spread over this candidate's share of the time; later by what the clock stood."""
        span = self.seconds * self._share / self._parts
        items = self.chosen(self._items, span)
        pace = span / max(1, len(items))
        began, stood = self.clock(), self.stood
        for number, item in enumerate(items):
            due = began + (self.stood - stood) + pace * (number + self.rng.uniform(0.0, 0.4))
            yield from self.until(due)
            if self.over() or self.account.closed or not (yield from self._save(item, due)):
                return
        yield from self.until(began + (self.stood - stood) + pace * len(items))

    def chosen(self, items: Sequence[Mapping[str, Any]], _span: float) -> Sequence[Mapping[str, Any]]:
        """Return which of the items shown are answered in so many seconds."""
        return items

    def until(self, instant: float) -> Steps:
        """Let time pass until an instant, where it lies ahead."""
        left = instant - self.clock()
        if left > 0:
            yield Rest(left)

    def _save(self, item: Mapping[str, Any], due: float) -> Steps:
        """Save an answer; return whether the next one of what is shown can follow."""
        self.seq += 1
        position, value = item["position"], authoring_of(item["type"]).any_answer(item, self.rng)
        entry = {"seq": self.seq, "kind": "answer", "position": position, "value": value}
        self.at, sent_at, epoch = position, self.clock(), self.epoch
        reply = yield from self.tell("answers", {"epoch": epoch, "at": position, "entries": [entry]}, due=due)
        if reply.status == 200:
            self.account.latencies.append(self.clock() - sent_at)
            self.account.acknowledged[epoch, self.seq] = (position, value)
            return True
        if reply.body.get("code") in LEASE_GONE:
            return (yield from self.open())
        return False

    def _advance(self) -> Steps:
        """Finish the unit; where time has moved on already, open the paper again as the page does."""
        body = {"epoch": self.epoch, "entries": [], "from_unit": self.unit, "completed": True}
        reply = yield from self.tell("advance", body)
        if reply.status == 200:
            self._show(reply.body["paper"])
        elif reply.body.get("code") not in EXPECTED or not (yield from self.open()):
            self._show(None)

    def _finish(self) -> Steps:
        """Hand in, or wait for the deadline; either way look whether the paper is closed."""
        while self._hands_in and not self.account.closed and not self.over():
            reply = yield from self.tell("submit", {"epoch": self.epoch, "entries": []})
            if reply.status == 200:
                self.account.receipt, self.account.closed = str(reply.body["receipt"]), True
            elif reply.body.get("code") in EXPECTED:
                if not (yield from self.open()):
                    break
            elif reply.status != 425:
                break
            else:
                yield Rest(WAIT_SECONDS)
        if not self.account.closed:
            yield from self.until_closed()
            if self.account.closed:  # the page leads on to the one after it: only who gets there is done
                self.account.closed = (yield from self.page("done")).status == 200

    def tell(
        self,
        operation: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        due: float | None = None,
        kind: str = "",
    ) -> Steps:
        """Say something of the paper; while the clock stands it is said again."""
        headers = {"Content-Type": "application/json", **(headers or {"X-CBT-Lease": self.lease})}
        since, stands = self.clock(), False
        while True:
            path = self.player.paths[operation]
            ask = Ask(kind or operation, "POST", path, json.dumps(body).encode(), headers, due)
            reply = yield from self.asked(ask)
            if reply.status != STANDS or self.over():
                break
            due, stands = None, True
            yield Rest(self.rng.uniform(1.0, 3.0))
        self.stood += (self.clock() - since) * stands
        if reply.status == 410:
            self.account.closed = True
        elif reply.status not in {200, 425} and reply.body.get("code") not in EXPECTED:
            self.account.refused.append(str(reply.body.get("code", reply.status)))
        return reply


class VirtualCandidate(threading.Thread):
    """Sits the paper of one player; `account` is what came of it."""

    def __init__(
        self,
        player: Player,
        port: int,
        *,
        begun: threading.Event,
        stop: threading.Event,
        seconds: float,
        share: float,
        hands_in: bool,
    ) -> None:
        """`share` of the time goes into answering; `begun` is set at 统一开考, `stop` ends everything."""
        super().__init__(name=f"candidate-{player.number}", daemon=True)
        self._script = Script(
            player, seconds=seconds, share=share, hands_in=hands_in, clock=time.monotonic, stopped=stop.is_set
        )
        self.account = self._script.account
        self.ready = threading.Event()
        self._begun, self._stop_all = begun, stop
        self._line = BrowserLine(lambda: port)
        self._line.cookies.update(player.cookies)

    def begins(self, at: float) -> None:
        self._script.begun_at = at

    def run(self) -> None:
        try:
            self._carry_out()
        finally:
            self.ready.set()
            self._line.hang_up()

    def _carry_out(self) -> None:
        steps, reply = self._script.steps(), None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = self._done(step)

    def _done(self, step: object) -> WireReply | None:
        if isinstance(step, Ask):
            return self._line.ask(step.method, step.path, step.body, step.headers)
        if isinstance(step, Rest):
            self._stop_all.wait(step.seconds)
        else:
            self.ready.set()
            self._begun.wait()
        return None
