"""Those who wait and are not known yet are read with one query for all who ask at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, cast

import pytest

from cbt.runner.waiting import hall as together
from cbt.runner.waiting.hall import ReadTogether, WaitingHall


class Reading:
    """A hall that reads as long as the test lets it, and may fail."""

    def __init__(self) -> None:
        self.read_logins: list[list[str]] = []
        self.goes_on = threading.Event()
        self.begun = threading.Event()
        self.fails = 0

    def read(self, _cursor: Any, logins: Sequence[str]) -> dict[str, str]:
        self.read_logins.append(sorted(logins))
        self.begun.set()
        assert self.goes_on.wait(10)
        if self.fails:
            self.fails -= 1
            raise OSError
        return {one: one.upper() for one in logins if one != "nobody"}


@pytest.fixture
def hall(monkeypatch: pytest.MonkeyPatch) -> Reading:
    monkeypatch.setattr(together, "raw_reading", nullcontext)
    return Reading()


def asked(reader: ReadTogether, hall: Reading, pool: ThreadPoolExecutor, *logins: str) -> list[Future[Any]]:
    """Have the first ask, and the others while it is read."""
    first = pool.submit(reader.read, logins[0])
    assert hall.begun.wait(10)
    others = [pool.submit(reader.read, login) for login in logins[1:]]
    while len(reader._asked) < len(others):
        pass
    hall.goes_on.set()
    return [first, *others]


def test_whoever_asks_meanwhile_is_read_with_the_next_query(hall: Reading) -> None:
    reader = ReadTogether(cast(Any, None), cast(WaitingHall, hall))
    with ThreadPoolExecutor(5) as pool:
        found = [one.result(10) for one in asked(reader, hall, pool, "a", "b", "nobody", "c", "b")]
    assert found == ["A", "B", None, "C", "B"]
    assert hall.read_logins == [["a"], ["b", "c", "nobody"]]


def test_where_one_query_fails_the_next_tries_again(hall: Reading) -> None:
    hall.fails = 2
    reader = ReadTogether(cast(Any, None), cast(WaitingHall, hall))
    with ThreadPoolExecutor(4) as pool:
        found = asked(reader, hall, pool, "a", "b", "c", "d")
        failed = [one for one in found if one.exception(10) is not None]
    assert len(failed) == 2
    assert {one.result() for one in found if one not in failed} < {"B", "C", "D"}
