"""The writer of one process: who waits for whom, and what an outcome is to the one who asked."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from cbt.errors import Conflict, Unavailable
from cbt.storage.write_queue.batch import Carried, Failed, More
from cbt.storage.write_queue.group_commit import LONGEST_PAUSE, GroupWriter, pause_for

PATIENCE = 10.0


@dataclass(eq=False)
class Hand:
    """Carries a batch out once it is let go; answers every word in capitals."""

    let_go: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    batches: list[list[str]] = field(default_factory=list)
    outcome: Callable[[str], object] = str.upper
    closed: bool = False

    def carry_out(self, requests: Sequence[str], more: More) -> Carried:
        batch = [*requests, *more()]
        self.holding.set()
        assert self.let_go.wait(PATIENCE)
        self.batches.append(batch)
        return Carried([self.outcome(word) for word in batch], 0.5)

    def close(self) -> None:
        self.closed = True


def ask(writer: GroupWriter, word: str, found: dict[str, object]) -> threading.Thread:
    """Ask for `word` in a thread of its own."""

    def run() -> None:
        try:
            found[word] = writer.run(word)
        except (Unavailable, Conflict) as error:
            found[word] = error.code

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("it did not come to that")


def two_away(
    writer: GroupWriter, hands: Sequence[Hand], one: str, other: str, between: Callable[[], object] = int
) -> dict[str, object]:
    """Ask for `other` while `one` is away, let both go and end the writer; return what they came to."""
    for hand in hands:
        hand.let_go.clear()
        hand.holding.clear()
    found: dict[str, object] = {}
    threads = [ask(writer, one, found)]
    wait_until(lambda: any(hand.holding.is_set() for hand in hands))
    between()
    threads.append(ask(writer, other, found))
    wait_until(lambda: all(hand.holding.is_set() for hand in hands))
    for hand in hands:
        hand.let_go.set()
    for thread in threads:
        thread.join(PATIENCE)
    writer.close()
    return found


def queue_up(writer: GroupWriter, hand: Hand, words: str, found: dict[str, object]) -> list[threading.Thread]:
    """Have the first word on its way and the others wait, in their order."""
    threads = [ask(writer, words[0], found)]
    assert hand.holding.wait(PATIENCE)
    for number, word in enumerate(words[1:], 1):
        threads.append(ask(writer, word, found))
        wait_until(lambda number=number: writer.waiting == number)
    return threads


def test_what_queues_while_a_batch_is_under_way_is_the_next_batch() -> None:
    hand = Hand()
    writer = GroupWriter([hand])
    found: dict[str, object] = {}
    threads = queue_up(writer, hand, "abcd", found)
    assert writer.unanswered == 4, "the one that is away is not answered either"
    hand.let_go.set()
    for thread in threads:
        thread.join(PATIENCE)
    writer.close()
    assert hand.batches == [["a"], ["b", "c", "d"]]
    assert found == {word: word.upper() for word in "abcd"}
    assert hand.closed


def test_a_batch_holds_no_more_than_it_may_at_that_moment() -> None:
    hand, most = Hand(), [2]
    writer = GroupWriter([hand], most=lambda: most[0])
    found: dict[str, object] = {}
    threads = queue_up(writer, hand, "abcdefg", found)

    def enough(word: str) -> str:
        most[0] = 3 if "c" in word else 2
        return word.upper()

    hand.outcome = enough
    hand.let_go.set()
    for thread in threads:
        thread.join(PATIENCE)
    writer.close()
    assert hand.batches == [["a"], ["b", "c"], ["d", "e", "f"], ["g"]]
    assert found == {word: word.upper() for word in "abcdefg"}


def test_what_works_in_the_background_is_nobody_who_waits() -> None:
    hand = Hand()
    writer = GroupWriter([hand])
    found: dict[str, object] = {}
    background = threading.Thread(target=lambda: writer.run("a", somebody=False))
    background.start()
    assert hand.holding.wait(PATIENCE)
    assert writer.unanswered == 0
    somebody = ask(writer, "b", found)
    wait_until(lambda: writer.waiting == 1)
    assert writer.unanswered == 1
    hand.let_go.set()
    for thread in (background, somebody):
        thread.join(PATIENCE)
    writer.close()
    assert found == {"b": "B"}


def test_with_two_lines_what_comes_while_a_batch_is_away_is_on_its_way_too() -> None:
    hands = [Hand(), Hand()]
    writer = GroupWriter(hands)
    found: dict[str, object] = {}
    first = ask(writer, "a", found)
    wait_until(lambda: any(hand.holding.is_set() for hand in hands))
    second = ask(writer, "b", found)
    wait_until(lambda: all(hand.holding.is_set() for hand in hands))
    for hand in hands:
        hand.let_go.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    writer.close()
    assert found == {"a": "A", "b": "B"}
    assert sorted(hand.batches[0] for hand in hands) == [["a"], ["b"]]
    assert all(hand.closed for hand in hands)


def test_a_batch_waits_for_company_only_while_another_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("cbt.storage.write_queue.group_commit.time.sleep", pauses.append)
    hands = [Hand(), Hand()]
    hands[0].let_go.set()
    hands[1].let_go.set()
    writer = GroupWriter(hands)
    assert [writer.run("a"), writer.run("b")] == ["A", "B"]
    assert pauses == []
    found = two_away(writer, hands, "c", "d")
    assert found == {"c": "C", "d": "D"}
    assert pauses == [LONGEST_PAUSE]  # a COMMIT of half a second: no longer than this


@pytest.mark.parametrize(
    ("took", "since", "pause"),
    [
        pytest.param(0.005, 0.0, 0.003, id="as long as what is away may not have committed"),
        pytest.param(0.005, 0.0015, 0.0015, id="of that what is left"),
        pytest.param(0.005, 0.004, 0.001, id="at least so long that late ones go together"),
        pytest.param(0.005, 60.0, 0.001, id="nor longer after a quiet minute"),
        pytest.param(0.5, 0.0, LONGEST_PAUSE, id="never long"),
        pytest.param(0.0, 0.0, 0.0, id="not before a COMMIT was seen"),
    ],
)
def test_company_is_waited_for_until_shortly_before_the_next_commit(
    took: float, since: float, pause: float
) -> None:
    assert pause_for(took, since=since) == pytest.approx(pause)


def test_company_is_waited_for_from_when_the_last_outcome_came(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    clock = SimpleNamespace(now=100.0, monotonic=lambda: clock.now, sleep=pauses.append)
    monkeypatch.setattr("cbt.storage.write_queue.group_commit.time", clock)

    class Slow(Hand):
        def carry_out(self, requests: Sequence[str], more: More) -> Carried:
            carried = super().carry_out(requests, more)
            clock.now = 107.0
            return replace(carried, commit_seconds=0.02)

    hands = [Slow(), Slow()]
    for hand in hands:
        hand.let_go.set()
    writer = GroupWriter(hands)
    assert writer.run("z", somebody=False) == "Z"
    wait_until(lambda: not writer.unanswered)
    assert writer.quiet_seconds == math.inf, "nobody has waited for an outcome yet"
    assert writer.run("a") == "A"
    wait_until(lambda: not writer.unanswered)
    assert writer.quiet_seconds == 0.0
    assert two_away(writer, hands, "b", "c", between=lambda: setattr(clock, "now", 107.005)) == {
        "b": "B",
        "c": "C",
    }
    assert pauses == [pytest.approx(0.02 * 0.6 - 0.005)]


def test_a_failure_is_raised_and_a_refusal_is_a_result() -> None:
    refusal = Conflict("lease.held")
    hand = Hand(outcome=lambda word: Failed(Unavailable("db.write")) if word == "lost" else refusal)
    hand.let_go.set()
    writer = GroupWriter([hand])
    with pytest.raises(Unavailable, match=r"db\.write"):
        writer.run("lost")
    assert writer.run("refused") is refusal
    writer.close()


def test_a_carrier_that_breaks_promises_nothing_and_the_next_batch_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Brittle(Hand):
        def carry_out(self, requests: Sequence[str], more: More) -> Carried:
            if requests == ["break"]:
                raise RuntimeError("nobody expected this")
            return super().carry_out(requests, more)

    hand = Brittle()
    hand.let_go.set()
    writer = GroupWriter([hand])
    with pytest.raises(Unavailable, match=r"db\.write"):
        writer.run("break")
    assert writer.run("go on") == "GO ON"
    writer.close()
    assert "a batch was not carried out" in caplog.text


def test_a_writer_can_be_used_again_after_its_end() -> None:
    hand = Hand()
    hand.let_go.set()
    writer = GroupWriter([hand])
    assert writer.run("once") == "ONCE"
    writer.close()
    assert writer.run("again") == "AGAIN"
    writer.close()
    assert writer.unanswered == 0


@dataclass
class Teller:
    """Is told of outcomes."""

    told: list[list[tuple[Any, Any]]] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)

    def tell(self, outcomes: Sequence[tuple[Any, Any]]) -> None:
        self.told.append(list(outcomes))
        self.heard.set()


def test_whoever_waits_in_no_thread_is_told_with_the_whole_batch() -> None:
    hand, teller, other = Hand(), Teller(), Teller()
    writer = GroupWriter([hand])
    writer.ask("a", teller.tell, 1)
    assert hand.holding.wait(PATIENCE)
    found: dict[str, object] = {}
    writer.ask("b", teller.tell, 2)
    writer.ask("c", other.tell, 3)
    thread = ask(writer, "d", found)
    wait_until(lambda: writer.waiting == 3)
    writer.ask("e", teller.tell, 4)
    assert writer.unanswered == 5
    hand.let_go.set()
    thread.join(PATIENCE)
    writer.close()
    assert teller.told == [[(1, "A")], [(2, "B"), (4, "E")]]
    assert other.told == [[(3, "C")]]
    assert found == {"d": "D"}


def test_a_failure_is_told_and_one_who_cannot_be_told_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    hand, teller = Hand(outcome=lambda word: Failed(Unavailable("db.write"))), Teller()
    hand.let_go.set()
    writer = GroupWriter([hand])

    def deaf(_outcomes: Sequence[tuple[Any, Any]]) -> None:
        raise RuntimeError("nobody expected this")

    writer.ask("a", deaf, 1)
    writer.ask("b", teller.tell, 2)
    writer.close()
    [[(kept, outcome)]] = teller.told
    assert (kept, outcome.error.code) == (2, "db.write")
    assert "nobody was told" in caplog.text


def test_whoever_waits_too_long_is_told_once_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cbt.storage.write_queue.group_commit.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("cbt.storage.write_queue.group_commit.WAIT_SECONDS", 0.02)
    hand, teller = Hand(), Teller()
    writer = GroupWriter([hand])
    writer.ask("a", teller.tell, 1)
    assert teller.heard.wait(PATIENCE)
    hand.let_go.set()
    writer.close()
    [[(kept, outcome)]] = teller.told
    assert (kept, outcome.error.code) == (1, "db.write")
    assert hand.batches == [["a"]]
