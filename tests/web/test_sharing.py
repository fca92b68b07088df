"""A process that comes later takes its share: those that have more than theirs end connections with an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from cbt.http.server.front import LATER, WITHIN, Beside, FairShare, surplus
from cbt.http.server.wsgi import BufferedRequest


@pytest.mark.parametrize(
    ("own", "others", "more"),
    [
        (400.0, [0.0], 0.5),
        (300.0, [100.0, 200.0], 1 / 3),
        (220.0, [180.0], 0.0),
        (100.0, [400.0], 0.0),
        (15.0, [0.0], 0.0),
        (400.0, [], 0.0),
        (0.0, [], 0.0),
    ],
)
def test_what_is_more_than_a_share(own: float, others: Sequence[float], more: float) -> None:
    assert surplus(own, others) == pytest.approx(more)


class Second:
    """A process that has been there for some time and answers 400 requests in each second, beside another."""

    def __init__(self, age: float = 100.0) -> None:
        self.now = 1000.0
        self.beside = [Beside(0.0, 100.0)]
        self.share = FairShare(lambda: self.beside, clock=lambda: self.now, chance=lambda: 0.2)
        self.now += age
        self.share.per_second()

    def passes(self, *beside: Beside) -> bool:
        """Answer for a second; return whether another answer's connection is let go then."""
        self.beside = list(beside)
        for _ in range(400):
            self.share.lets_go()
        self.now += 1.0
        assert self.share.per_second() == pytest.approx(400.0, rel=0.01)
        assert self.share.per_second() == pytest.approx(400.0, rel=0.01), (
            "asked again at once it says the same"
        )
        return self.share.lets_go()


@pytest.mark.parametrize(
    ("beside", "some"),
    [
        (Beside(0.0, 2.0), True),
        (Beside(200.0, 30.0), True),  # a quarter of what it answers, and this chance is a fifth
        (Beside(280.0, 30.0), False),  # three twentieths
        (Beside(380.0, 30.0), False),
        (Beside(0.0, WITHIN + 1.0), False),
        (Beside(0.0, 200.0), False),
    ],
)
def test_who_came_later_gets_a_share_and_nobody_else(beside: Beside, some: bool) -> None:
    assert Second().passes(beside) is some


def test_processes_that_began_together_keep_what_they_have() -> None:
    assert not Second(10.0).passes(Beside(0.0, 11.0 - LATER / 2))
    assert Second(10.0).passes(Beside(0.0, 11.0 - LATER * 1.5))


def test_it_ends_when_it_is_about_even() -> None:
    one = Second()
    assert not one.passes()
    assert one.passes(Beside(0.0, 1.0))
    assert not one.passes(Beside(300.0, 20.0))
    assert one.passes(Beside(0.0, 1.0)), "that one was lost too"


class Heard:
    """A protocol that keeps what it is to send."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], _body: bytes) -> None:
        self.said = status, headers


class FrontOf:
    """A front as an answer needs it."""

    def __init__(self, share: FairShare) -> None:
        self.share = share
        self.ended: list[object] = []

    def answered(self, done: object) -> None:
        self.ended.append(done)


@pytest.mark.parametrize("stays", [False, True])
def test_whoever_is_let_go_hears_so_with_an_answer(stays: bool) -> None:
    """A board stays where it is drawn: elsewhere it would be drawn anew as a whole."""
    one = Second()
    for rate, told in ((400.0, []), (0.0, [("connection", "close")])):
        one.passes(Beside(rate, 10.0))
        front, protocol = FrontOf(one.share), Heard()
        request = BufferedRequest(
            cast(Any, front),
            cast(Any, None),
            cast(Any, protocol),
            cast(Any, "done"),
            {},
            refused=False,
            until=None,
            stays=stays,
        )
        request._respond(200, [("etag", "1")], b"")
        assert protocol.said == (200, [("etag", "1"), *(() if stays else told)])
        assert front.ended == ["done"]
