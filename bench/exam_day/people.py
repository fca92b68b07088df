"""The candidates of the day: those of a rehearsal, at the pace of the page's outbox, and some change machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.exam_day.hall import Comer
from cbt.rehearsal.virtual_candidate import Ask, Rest, Script, Steps

SAVE_EVERY = 5.0
HEARTBEAT = 10.0
"""static/runner/save/outbox.js: so long after the last request an empty save goes out."""
LOOK_EVERY = (4.0, 6.0)
"""static/runner/flow.js: how often the clock is asked for after the deadline, beside a request that waits."""
TO_THE_DEADLINE = 5
"""Every so manieth leaves the paper to the deadline."""
HEARS_WITHIN = 0.25
"""So long after the request that waits was answered a candidate goes on, at most."""
STAYS = 60.0
WATCH_EVERY = (4.0, 6.0)
"""static/runner/close/done.js: so long the page after the paper is looked at, and so often it asks for itself."""
LEFT_AFTER = 1.15
"""When so much of the sitting's length has gone by, everybody has left."""
THINKER, THINKS = 8, 3
"""Every so manieth answers so many times as slowly."""
FASTEST, SLOWEST = 0.55, 0.85
MOVED_FROM, MOVED_UNTIL = 0.25, 0.55
"""Machines fail one after the other, in this part of the sitting."""


@dataclass(frozen=True, slots=True)
class ByProctor:
    """An act that the proctor of this candidate's room does now."""

    code: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AtMachine:
    """The candidate goes to another machine, whose browser has these cookies."""

    cookies: Mapping[str, str]


class Examinee(Script):
    """Sits the paper as its page does."""

    retry_seconds = (0.5, 3.0)

    def __init__(
        self,
        comer: Comer,
        people: int,
        *,
        seconds: float,
        all_hand_in: bool,
        clock: Callable[[], float],
        stopped: Callable[[], bool],
    ) -> None:
        number = comer.player.number
        super().__init__(
            comer.player,
            seconds=seconds,
            share=FASTEST + (SLOWEST - FASTEST) * number / people,
            hands_in=all_hand_in or number % TO_THE_DEADLINE != TO_THE_DEADLINE - 1,
            clock=clock,
            stopped=stopped,
        )
        self.comer = comer
        self.moved = False
        self._moves_at = MOVED_FROM + (MOVED_UNTIL - MOVED_FROM) * number / people
        self.room_began = False
        self.told_closed = False
        """Whether the request that waits was answered that the paper is closed."""

    @property
    def refused(self) -> list[str]:
        """What the server did not do."""
        return self.account.refused

    def steps(self) -> Steps:
        """Sit the paper, and look at what is said after it."""
        yield from super().steps()
        if self.account.receipt:
            yield from self.page("done")
        if self.account.closed:
            yield from self._stay()

    def _stay(self) -> Steps:
        """Stay on the page after the paper, which asks whether a closing was undone."""
        until = min(self.clock() + STAYS, self.begun_at + self.seconds * LEFT_AFTER)
        while not self.over() and self.clock() < until:
            yield Rest(self.rng.uniform(*WATCH_EVERY))
            yield from self.page("done")

    def wait(self) -> Steps:
        """Wait as the waiting room does: the first question is answered, the next waits until something happens."""
        query = ""
        while not self.over():
            path = self.player.paths["waits"] + query
            told = (yield from self.asked(Ask("wait_news" if query else "wait_poll", "GET", path))).body
            if told.get("go"):
                self.room_began = True
                yield Rest(float(told.get("opens_ms", 800 * self.rng.random())) / 1000)
                return
            number = told.get("number")
            query = "" if number is None else f"?since={number}"
            yield Rest(float(told.get("next_ms", 50)) / 1000)

    def chosen(self, items: Sequence[Mapping[str, Any]], span: float) -> Sequence[Mapping[str, Any]]:
        """Answer as many as a save every few seconds lets; some think for long."""
        every = SAVE_EVERY * (THINKS if self.player.number % THINKER == 0 else 1)
        return items[: max(1, round(span / every))]

    def until(self, instant: float) -> Steps:
        """Let time pass; whoever thinks for long has a heartbeat meanwhile, and some change machines."""
        fails = self.begun_at + self._moves_at * self.seconds
        if self.comer.spare_seat and not self.moved and fails < max(instant, self.clock()):
            yield from self._thinks(fails)
            yield from self._move()
        yield from self._thinks(instant)

    def _thinks(self, until: float) -> Steps:
        while until - self.clock() > HEARTBEAT:
            yield Rest(HEARTBEAT)
            yield from self.tell(
                "answers", {"epoch": self.epoch, "at": self.at, "entries": []}, kind="heartbeat"
            )
        yield from super().until(until)

    def _move(self) -> Steps:
        """换机: the proctor allows it, the paper is opened at another seat."""
        self.moved = True
        fields = {
            "seat": self.comer.registration,
            "to_seat": str(self.comer.spare_seat),
            "reason": "鼠标失灵",
        }
        yield ByProctor("move", fields)
        yield AtMachine(self.comer.spare_cookies)
        if (yield from self.enter()):
            yield from self.open_page()

    def until_closed(self) -> Steps:
        """At the deadline send what is there, and hear that the paper is closed, or ask now and then."""
        yield from self.until(self.begun_at + self.seconds)
        yield from self.tell("answers", {"epoch": self.epoch, "at": self.at, "entries": []}, kind="heartbeat")
        while not self.account.closed and not self.over():
            asks_at = self.clock() + self.rng.uniform(*LOOK_EVERY)
            while self.clock() < asks_at and not self.told_closed:
                yield Rest(HEARS_WITHIN)
            if self.told_closed:
                self.account.closed = True
            else:
                yield from self.is_closed()
