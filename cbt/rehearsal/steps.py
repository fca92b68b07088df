"""The steps of a virtual candidate, and what came of them."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cbt.rehearsal.building import Player
from cbt.rehearsal.line import WireReply

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
        """Open a page."""
        return (yield from self.asked(Ask(name, "GET", self.player.paths[name])))

    def form(self, page: str, target: str, fields: Mapping[str, str]) -> Steps:
        """Fill in the form of a page and send it to where another name leads."""
        shown = yield from self.page(page)
        if shown.status == 303:  # that was done already
            return shown
        found = _TOKEN.search(shown.text)
        body = urlencode({"csrf_token": found[1] if found else "", **fields}).encode()
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
