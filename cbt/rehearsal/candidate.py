"""One virtual candidate: signs in, waits, answers at its pace, hands in, or leaves it to the deadline.

It keeps to the page's own rules: one request in flight, the same number for the same answer until a receipt comes.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cbt.rehearsal.answers import plausible
from cbt.rehearsal.building import Player
from cbt.rehearsal.line import BrowserLine, WireReply

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_SCRIPT_TOKEN = re.compile(r'data-csrf="([^"]+)"')
RETRY_SECONDS = (0.15, 0.45)
WAIT_SECONDS = 0.5
LEASE_GONE = frozenset({"lease.lost", "lease.held"})
EXPECTED = frozenset({*LEASE_GONE, "unit.closed", "unit.moved", "submit.units_open"})
"""What a page is told in an ordinary sitting, and goes on from by itself."""
PATIENCE_SECONDS = 60.0
"""After the deadline nobody waits longer for an answer of the server."""


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
        self.player, self.account = player, Account(player.attempt_id)
        self.ready = threading.Event()
        self.begun_at = 0.0
        self._begun, self._stop_all = begun, stop
        self._seconds, self._share, self._hands_in = seconds, share, hands_in
        self._line = BrowserLine(lambda: port)
        self._line.cookies.update(player.cookies)
        self._rng = random.Random(player.number)
        self._lease, self._epoch, self._seq, self._unit = "", 0, 0, 0
        self._items: Sequence[Mapping[str, Any]] = ()
        self._csrf, self._parts = "", 1

    def run(self) -> None:
        """Sit the paper."""
        try:
            if self._enter():
                self._sit()
        finally:
            self.ready.set()
            self._line.hang_up()

    def _enter(self) -> bool:
        """Sign in at the seat page and go through the pages to the waiting room."""
        paths = self.player.paths
        signed = self._form(
            paths["seat"],
            paths["sign_in"],
            {"ticket": self.player.ticket, "by": "document", "document": self.player.last_six},
        )
        for page in ("confirm", "notice"):
            if signed.status == 303:
                signed = self._form(paths[page], paths[page], {"agree": "1"})
        self.account.signed_in = signed.status == 303 and self._line.page(paths["wait"]).status == 200
        if not self.account.signed_in:
            self.account.refused.append(f"sign_in.{signed.status}")
        self.ready.set()
        return self.account.signed_in

    def _form(self, page: str, target: str, fields: Mapping[str, str]) -> WireReply:
        found = _TOKEN.search(self._line.page(page).text)
        return self._line.post_form(target, {"csrf_token": found[1] if found else "", **fields})

    def _sit(self) -> None:
        self._begun.wait()
        while not self._over() and not self._line.page(self.player.paths["waits"]).body.get("go"):
            time.sleep(WAIT_SECONDS * self._rng.random())
        found = _SCRIPT_TOKEN.search(self._line.page(self.player.paths["runner"]).text)
        self._csrf = found[1] if found else ""
        if not self._open():
            return
        self.account.started = time.monotonic() - self.begun_at
        while self._items and not self._over() and not self.account.closed:
            self._answer_all()
            if self._unit and not self.account.closed:
                self._advance()
            else:
                break
        self._finish()

    def _over(self) -> bool:
        late = time.monotonic() > self.begun_at + self._seconds + PATIENCE_SECONDS
        return self._stop_all.is_set() or late

    def _open(self) -> bool:
        reply = self._tell("start", {}, {"X-CSRFToken": self._csrf})
        if reply.status != 200:
            return False
        self._lease, self._epoch = reply.body["lease"], reply.body["epoch"]
        self._seq = max(self._seq, int(reply.body.get("seq", 0)))
        self._show(reply.body["paper"])
        return True

    def _show(self, paper: Mapping[str, Any] | None) -> None:
        self._items, self._unit = (), 0
        if paper is not None:
            self._items = paper["items"]
            opened = [unit["number"] for unit in paper["units"] if unit["state"] == "open"]
            self._unit = opened[0] if paper["timing"] == "strict" and opened else 0
            self._parts = len(paper["units"]) if self._unit else 1

    def _answer_all(self) -> None:
        """Answer what is shown, one at a time, spread over this candidate's share of the time."""
        items = list(self._items)
        pace = self._seconds * self._share / self._parts / max(1, len(items))
        for item in items:
            if self._over() or self.account.closed:
                return
            if not self._save(item):
                return
            self._stop_all.wait(pace * self._rng.uniform(0.6, 1.4))

    def _save(self, item: Mapping[str, Any]) -> bool:
        """Save an answer; return whether the next one of what is shown can follow."""
        self._seq += 1
        position, value = item["position"], plausible(item, self._rng)
        entry = {"seq": self._seq, "kind": "answer", "position": position, "value": value}
        at, epoch = time.monotonic(), self._epoch
        reply = self._tell("answers", {"epoch": epoch, "entries": [entry]})
        if reply.status == 200:
            self.account.latencies.append(time.monotonic() - at)
            self.account.acknowledged[epoch, self._seq] = (position, value)
            return True
        if reply.body.get("code") in LEASE_GONE:
            return self._open()
        return False

    def _advance(self) -> None:
        """Finish the unit; where time has moved on already, open the paper again as the page does."""
        body = {"epoch": self._epoch, "entries": [], "from_unit": self._unit, "completed": True}
        reply = self._tell("advance", body)
        if reply.status == 200:
            self._show(reply.body["paper"])
        elif reply.body.get("code") not in EXPECTED or not self._open():
            self._show(None)

    def _finish(self) -> None:
        """Hand in, or wait for the deadline; either way look whether the paper is closed."""
        while self._hands_in and not self.account.closed and not self._over():
            reply = self._tell("submit", {"epoch": self._epoch, "entries": []})
            if reply.status == 200:
                self.account.receipt, self.account.closed = str(reply.body["receipt"]), True
            elif reply.body.get("code") in EXPECTED:
                if not self._open():
                    break
            elif reply.status != 425:
                break
            else:
                self._stop_all.wait(WAIT_SECONDS)
        while not self.account.closed and not self._over():
            self.account.closed = self._line.page(self.player.paths["done"]).status == 200
            if not self.account.closed:
                self._stop_all.wait(WAIT_SECONDS)

    def _tell(
        self, operation: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> WireReply:
        """Send until the server answers for good: what was not stored or not answered goes again, unchanged."""
        path = self.player.paths[operation]
        while True:
            reply = self._line.post_json(path, body, headers or {"X-CBT-Lease": self._lease})
            if reply.status not in {0, 503} or self._over():
                break
            self.account.repeated += 1
            time.sleep(self._rng.uniform(*RETRY_SECONDS))
        if reply.status == 410:
            self.account.closed = True
        elif reply.status not in {200, 425} and reply.body.get("code") not in EXPECTED:
            self.account.refused.append(str(reply.body.get("code", reply.status)))
        return reply
