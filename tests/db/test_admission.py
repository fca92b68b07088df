"""A write queue under overload: refused early, nothing carried out for nobody, open again by itself (I12, I14)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cbt.errors import Unavailable
from cbt.rules import overload
from cbt.rules.overload import PAGE_PATIENCE
from cbt.storage.write_queue.batch import Carried, Failed, More
from cbt.storage.write_queue.group_commit import Admission, GroupWriter
from tests.db.test_group_commit import PATIENCE, Teller, wait_until


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Stalled:
    """A hand whose disk stands still until it is let go."""

    let_go: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    batches: list[list[str]] = field(default_factory=list)

    def carry_out(self, requests: Sequence[str], more: More) -> Carried:
        self.holding.set()
        assert self.let_go.wait(PATIENCE)
        batch = [*requests, *more()]
        self.batches.append(batch)
        return Carried([word.upper() for word in batch], 0.01)

    def close(self) -> None:
        pass


def refusal_of(teller: Teller, number: int = 0) -> Any:
    [[(_, outcome)]] = [teller.told[number]]
    assert isinstance(outcome, Failed)
    return outcome.error


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hand() -> Stalled:
    return Stalled()


@pytest.fixture
def writer(clock: Clock, hand: Stalled) -> GroupWriter:
    return GroupWriter([hand], clock=clock)


def test_whoever_asks_a_queue_that_stands_still_is_told_at_once_to_come_again(
    writer: GroupWriter, hand: Stalled, clock: Clock
) -> None:
    first, late = Teller(), Teller()
    writer.ask("a", first.tell, 1)
    assert hand.holding.wait(PATIENCE)
    clock.now += PAGE_PATIENCE / 2 - 0.01
    writer.ask("b", first.tell, 2)
    assert late.told == [], "half of the time is not over"
    clock.now += 0.01
    writer.ask("c", late.tell, 3)
    assert refusal_of(late).code == "db.busy"
    with pytest.raises(Unavailable, match=r"db\.busy"):
        writer.run("d")
    hand.let_go.set()
    writer.close()
    assert hand.batches == [["a", "b"]], "what was refused is not carried out"
    assert [pair for told in first.told for pair in told] == [(1, "A"), (2, "B")]


def test_the_time_to_come_again_grows_while_it_lasts_and_differs(clock: Clock) -> None:
    chances = iter([0.0, 0.0, 0.0, 0.999])
    gate = Admission(clock=clock, chance=lambda: next(chances))
    assert gate.refusal(0, patience=PAGE_PATIENCE) is None
    found = []
    for _ in range(3):
        clock.now += 3.0
        refused = gate.refusal(5, patience=PAGE_PATIENCE)
        assert refused is not None
        found.append(refused.params["seconds"])
    assert found == [2, 3, 3]
    assert gate.come_again() == 5, "the same overload, told to somebody else"


def test_what_nobody_waits_for_any_more_is_not_carried_out_and_refused(
    writer: GroupWriter, hand: Stalled, clock: Clock
) -> None:
    away, queued = Teller(), Teller()
    writer.ask("a", away.tell, 1)
    assert hand.holding.wait(PATIENCE)
    clock.now += 1.0
    writer.ask("b", queued.tell, 2)
    found: list[str] = []

    def waits() -> None:
        try:
            writer.run("c")
        except Unavailable as error:
            found.append(error.code)

    thread = threading.Thread(target=waits)
    thread.start()
    wait_until(lambda: writer.waiting == 2)
    clock.now += PAGE_PATIENCE
    hand.let_go.set()
    thread.join(PATIENCE)
    writer.close()
    assert hand.batches == [["a"]]
    assert refusal_of(queued).code in ("db.busy", "db.write")
    assert found == ["db.busy"]


def test_work_in_the_background_waits_as_long_as_it_takes(
    writer: GroupWriter, hand: Stalled, clock: Clock
) -> None:
    """The heartbeat is not refused: its gap is what tells of the stall (R-27)."""
    teller, found = Teller(), []
    writer.ask("a", teller.tell, 1)
    assert hand.holding.wait(PATIENCE)
    clock.now += 3 * PAGE_PATIENCE
    thread = threading.Thread(target=lambda: found.append(writer.run("beat", somebody=False)))
    thread.start()
    wait_until(lambda: writer.waiting == 1)
    hand.let_go.set()
    thread.join(PATIENCE)
    writer.close()
    assert found == ["BEAT"]


def test_it_is_open_again_as_soon_as_what_waited_is_through(
    writer: GroupWriter, hand: Stalled, clock: Clock
) -> None:
    teller = Teller()
    writer.ask("a", teller.tell, 1)
    assert hand.holding.wait(PATIENCE)
    clock.now += 10.0
    with pytest.raises(Unavailable, match=r"db\.busy"):
        writer.run("b")
    hand.let_go.set()
    wait_until(lambda: not writer.unanswered)
    assert writer.run("c") == "C"
    writer.close()


def test_no_more_wait_than_a_queue_holds(
    writer: GroupWriter, hand: Stalled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overload, "MOST_WAITING", 3)
    tellers = [Teller() for _ in range(4)]
    writer.ask("a", tellers[0].tell, 0)
    assert hand.holding.wait(PATIENCE)
    for number, teller in enumerate(tellers[1:], 1):
        writer.ask("bcd"[number - 1], teller.tell, number)
    assert refusal_of(tellers[3]).code == "db.busy"
    hand.let_go.set()
    writer.close()
    assert hand.batches == [["a", "b", "c"]]
