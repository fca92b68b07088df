"""Requests that are answered together: nobody is left, nobody is answered twice, and a long queue in pieces."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.http.server import coalescence
from cbt.http.server.coalescence import Coalescer


def test_whoever_asks_meanwhile_waits_for_nobody_and_is_answered_with_the_next() -> None:
    answered: list[list[str]] = []
    goes_on, begun = threading.Event(), threading.Event()

    def answer(some: Sequence[str]) -> None:
        answered.append(list(some))
        begun.set()
        assert goes_on.wait(10)

    gathered = Coalescer[str](answer)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gathered.ask, "a")
        assert begun.wait(10)
        for one in "bcd":
            gathered.ask(one)
        assert not first.done()
        goes_on.set()
        first.result(10)
    gathered.ask("e")
    assert answered == [["a"], ["b", "c", "d"], ["e"]]


@given(st.integers(1, 400), st.integers(1, 50))
def test_a_long_queue_is_answered_in_pieces_in_its_order(count: int, most: int) -> None:
    answered: list[Sequence[int]] = []

    def answer(some: Sequence[int]) -> None:
        if not answered:
            for one in range(1, count):
                gathered.ask(one)
        answered.append(some)

    gathered = Coalescer[int](answer)
    former, coalescence.MOST_TOGETHER = coalescence.MOST_TOGETHER, most
    try:
        gathered.ask(0)
    finally:
        coalescence.MOST_TOGETHER = former
    assert [one for some in answered for one in some] == list(range(count))
    assert max(map(len, answered)) <= most


def test_many_threads_are_answered_once_each() -> None:
    answered: list[int] = []
    gathered = Coalescer[int](answered.extend)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(gathered.ask, range(2000)))
    assert sorted(answered) == list(range(2000))


def test_what_fails_for_some_holds_up_nobody_after_them(caplog: pytest.LogCaptureFixture) -> None:
    answered: list[str] = []

    def answer(some: Sequence[str]) -> None:
        if "a" in some:
            gathered.ask("b")
            raise OSError
        answered.extend(some)

    gathered = Coalescer[str](answer)
    gathered.ask("a")
    gathered.ask("c")
    assert answered == ["b", "c"]
    assert "1 requests" in caplog.text
