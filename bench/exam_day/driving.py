"""Drives the day: candidates come, rooms begin, a room is held, a worker is killed, everybody hands in."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.exam_day.hall import Day
from bench.exam_day.people import AtMachine, ByProctor, Examinee
from bench.exam_day.staff import REMIND_EVERY, Proctor
from bench.exam_day.tally import Tally
from bench.exam_day.wire import Browser
from bench.servers.serve import Server
from cbt.rehearsal.http_client import WireReply
from cbt.rehearsal.virtual_candidate import Account, Ask, Ready, Rest

BEAT_SECONDS = 10.0
"""static/door/wait.js, static/runner/news/news.js: asked so often beside the request that waits."""
OPENED_WITHIN = 10.0
"""Proctors come one after the other, and no two boards ask at one instant."""
ASKS_AGAIN = 2.0
"""So long after a request for news that nobody took the next one is sent."""
BEGIN_WITHIN = 5.0
"""So far apart fifty proctors press 统一开考: that all begin at one instant is a row of its own (opening_2000)."""
HELD_AT, KILLED_AT = 0.25, 0.5
HELD_ROOM = 2
LATEST = 60.0
"""So long after the last has come, the rooms begin whoever is missing."""
WARM_DESKS, WARM_TIMES = 1, 8


@dataclass(frozen=True, slots=True)
class Times:
    """How long a day takes, in seconds: everybody comes, is there before the rooms begin, sits; a room is held.

    `lasts`: the papers; where that is longer than people sit, nobody leaves theirs to the deadline.
    """

    arriving: float
    gathered: float
    sitting: float
    held: float
    lasts: float

    @property
    def all(self) -> float:
        """From the first who comes to the deadline."""
        return self.arriving + self.gathered + self.sitting


@dataclass(slots=True)
class Played:
    """What came of a day."""

    tally: Tally
    accounts: list[Account]
    seconds: float
    moved: int
    killed: list[int]
    refused: list[str] = field(default_factory=list)


class Driving:
    """One day under way."""

    def __init__(self, day: Day, server: Server, times: Times) -> None:
        self.day, self.server, self.times = day, server, times
        self.tally = Tally()
        self.stopped = False
        self.waiting = 0
        self.killed: list[int] = []
        self.rng = random.Random(len(day.comers))

    async def run(self) -> Played:
        """Play the day."""
        loop = asyncio.get_running_loop()
        self.clock = loop.time
        self.proctors = [
            Proctor(desk, self.server.port, self.tally, self.day.csrf_token, self.clock)
            for desk in self.day.desks
        ]
        people = [self._examinee(number) for number in range(len(self.day.comers))]
        await self._warm()
        began = loop.time()
        step = min(OPENED_WITHIN, self.times.arriving) / len(self.proctors)
        staff = [asyncio.ensure_future(one.watch(step * place)) for place, one in enumerate(self.proctors)]
        staff.append(asyncio.ensure_future(self._direct(began, people)))
        try:
            await asyncio.gather(*self._come(people, began))
        finally:
            self.stopped = True
            for task in staff:
                task.cancel()
            await asyncio.gather(*staff, return_exceptions=True)
            for one in self.proctors:
                one.leave()
            await asyncio.sleep(0.05)  # closed connections are let go of
        self.tally.broken += sum(one.broken for one in self.proctors)
        refused = [code for one in (*people, *self.proctors) for code in one.refused]
        moved = sum(one.moved for one in people)
        accounts = [one.account for one in people]
        return Played(self.tally, accounts, loop.time() - began, moved, self.killed, refused)

    async def _warm(self) -> None:
        """Have every worker drawn each page once: a server is up long before its first candidate comes."""
        paths = {self.day.comers[0].player.paths["seat"]: {}}
        for proctor in self.proctors[:WARM_DESKS]:
            paths[proctor.board_path] = proctor.cookies
        for path, cookies in paths.items():
            for _ in range(WARM_TIMES):
                browser = Browser(self.server.port, cookies)
                await browser.ask("GET", path, b"", {})
                browser.close()

    def _examinee(self, number: int) -> Examinee:
        one = Examinee(
            self.day.comers[number],
            len(self.day.comers),
            seconds=self.times.sitting,
            all_hand_in=self.times.lasts > self.times.sitting,
            clock=self.clock,
            stopped=lambda: self.stopped,
        )
        one.begun_at = math.inf
        return one

    def _come(self, people: Sequence[Examinee], began: float) -> list[Coroutine[Any, Any, None]]:
        """Everybody comes in an order of chance, at an even pace."""
        order = list(people)
        self.rng.shuffle(order)
        step = self.times.arriving / max(1, len(order))
        return [self._sits(one, began + step * place) for place, one in enumerate(order)]

    async def _direct(self, began: float, people: Sequence[Examinee]) -> None:
        """Have the rooms begin once everybody waits, one held, a worker killed."""
        await asyncio.sleep(self.times.arriving + self.times.gathered)
        while self.waiting < len(people) and self.clock() < began + self.times.arriving + LATEST:
            await asyncio.sleep(0.1)
        begins, seconds = self.clock(), self.times.sitting
        for one in people:
            one.begun_at = begins
        step = min(BEGIN_WITHIN, 0.1 * seconds) / len(self.proctors)
        acts = [self._at(begins + step * place, one.begin()) for place, one in enumerate(self.proctors)]
        for place, one in enumerate(self.proctors):
            room = [each for each in people if each.comer.room == place]
            # Each reminds in a time of their own: rooms do not do it in chorus.
            first = begins + 0.2 * seconds + min(REMIND_EVERY, 0.2 * seconds) * place / len(self.proctors)
            acts.append(one.reminds(room, first=first, until=first + 0.3 * seconds))
        held = self.proctors[min(HELD_ROOM, len(self.proctors) - 1)]
        acts.append(self._at(begins + HELD_AT * seconds, held.hold(self.times.held)))
        acts.append(self._at(begins + KILLED_AT * seconds, self._kill()))
        await asyncio.gather(*acts)

    async def _at(self, instant: float, what: Coroutine[Any, Any, None]) -> None:
        try:
            await asyncio.sleep(max(0.0, instant - self.clock()))
            await what
        finally:
            what.close()

    async def _kill(self) -> None:
        self.killed.append(await asyncio.to_thread(self.server.kill_worker))

    async def _sits(self, one: Examinee, at: float) -> None:
        """Carry out the script of a candidate who comes at an instant."""
        browsers = [Browser(self.server.port, one.player.cookies)]
        beside: list[asyncio.Future[None]] = []
        due, reply = at, None
        steps = one.steps()
        await asyncio.sleep(max(0.0, at - self.clock()))
        try:
            while True:
                step = steps.send(reply)
                reply = None
                if isinstance(step, Ask):
                    reply = await self._asked(browsers[-1], step, due)
                    due = self.clock()
                elif isinstance(step, Rest):
                    due = self.clock() + step.seconds
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, ByProctor):
                    await self.proctors[one.comer.room].does(step.code, step.fields)
                elif isinstance(step, AtMachine):
                    browsers.append(Browser(self.server.port, step.cookies))
                elif isinstance(step, Ready):
                    self.waiting += 1
                    beside.append(asyncio.ensure_future(self._beside(one, browsers)))
        except StopIteration:
            pass
        finally:
            for task in beside:
                task.cancel()
            for browser in browsers:
                self.tally.broken += browser.broken
                browser.close()

    async def _asked(self, browser: Browser, ask: Ask, due: float) -> WireReply:
        """Send a request; it counts from when it was due, however often it has to be sent."""
        if ask.due is None:
            ask.due = due
        reply = await browser.ask(ask.method, ask.path, ask.body, ask.headers)
        if reply.status not in (0, 503):
            self.tally.note(ask.kind, self.clock() - ask.due)
        return reply

    async def _beside(self, one: Examinee, browsers: Sequence[Browser]) -> None:
        """What goes on beside the script: the waiting room's beat, then the request for news."""
        path = one.player.paths["waits"]
        other = Browser(self.server.port, {})
        with suppress(asyncio.CancelledError):
            while not one.room_began:
                await asyncio.sleep(BEAT_SECONDS * self.rng.uniform(0.8, 1.2))
                if not one.room_began:
                    other.cookies = browsers[-1].cookies
                    await self._asked(other, Ask("wait_poll", "GET", path), self.clock())
            await self._listens(one, browsers, other)
        other.close()

    async def _listens(self, one: Examinee, browsers: Sequence[Browser], other: Browser) -> None:
        number, news = None, one.player.paths["news"]
        while not one.account.closed and not self.stopped:
            if not one.lease:
                await asyncio.sleep(0.2)
                continue
            number = one.number if number is None else number
            other.cookies = browsers[-1].cookies
            path = news if number is None else f"{news}?since={number}"
            reply = await self._asked(
                other, Ask("news", "GET", path, headers={"X-CBT-Lease": one.lease}), 0.0
            )
            if reply.status == 200:
                told = reply.body
                number = told.get("number", number)
                one.told_closed = told.get("clock", {}).get("state") == "closed"
                await asyncio.sleep(0.05)
            else:
                await asyncio.sleep(ASKS_AGAIN)
