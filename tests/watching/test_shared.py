"""Processes of one server count in one memory: each in a slot of its own, which outlives it."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from cbt.http import metrics as shared
from cbt.http.metrics import Counter, Metrics, SharedMemory, counted_together, shared_path
from tests.watching.another import CELLS, SLOTS, another

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each process counts for itself there")
_names = count()
KINDS = {"attempts.answers": "save", "none": "other"}


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell a test's memory from what others left open in this process, which plays the server too."""
    monkeypatch.setattr(shared, "NAME", f"cbt-metrics-{next(_names)}")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """The file of a server that runs."""
    with counted_together(tmp_path):
        yield shared_path(tmp_path, os.getpid())


def memory(path: Path, layout: str = "one", slots: int = SLOTS) -> SharedMemory:
    """Take a slot."""
    return SharedMemory(path, layout=layout, cells=CELLS, slots=slots)


def totals(memory: SharedMemory) -> list[float]:
    """Return the sum over all processes, by cell."""
    return [sum(column) for column in zip(*memory.rows(), strict=True)]


def test_what_another_process_counted_is_in_the_sum_and_stays_when_it_is_killed(file: Path) -> None:
    own = memory(file)
    Counter(own.own).add(((0, 1), (2, 5)))
    with another(file, 0, 1) as process:
        assert totals(own) == [2, 1, 5, 0]
        assert len(own.live()) == 2
        process.kill()
        process.wait()
        assert totals(own) == [2, 1, 5, 0], "its counts are kept"
        assert len(own.live()) == 1, "its gauges are not"
    with another(file, 0):
        assert totals(own) == [3, 1, 5, 0], "the next one counts on from there"
        assert len(own.live()) == 2
        assert not any(own.rows()[2]), "in the slot of the one before"


def test_more_processes_than_slots_are_refused(file: Path) -> None:
    with another(file), another(file), another(file), pytest.raises(BlockingIOError):
        memory(file)


def test_another_layout_is_refused(file: Path) -> None:
    with another(file), pytest.raises(ValueError, match="another version"):
        memory(file, "two")


def test_each_server_begins_at_zero_and_leaves_nothing_behind(tmp_path: Path) -> None:
    for _ in range(2):
        with counted_together(tmp_path), another(shared_path(tmp_path, os.getpid()), 0):
            assert shared_path(tmp_path, os.getpid()).stat().st_size > 0
        with pytest.raises(FileNotFoundError):
            shared_path(tmp_path, os.getpid())
    with counted_together(tmp_path):
        assert totals(memory(shared_path(tmp_path, os.getpid()))) == [0] * CELLS
    assert list(tmp_path.iterdir()) == []


def test_elsewhere_it_lies_with_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.sys, "platform", "darwin")
    (tmp_path / shared.NAME).write_bytes(b"left by a server that was killed")
    with counted_together(tmp_path):
        path = shared_path(tmp_path, os.getpid())
        assert path.stat().st_mode & 0o777 == 0o600
        assert totals(memory(path)) == [0] * CELLS
    assert list(tmp_path.iterdir()) == []


def test_memory_that_cannot_be_had_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_name: str) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(shared.os, "memfd_create", refuse, raising=False)
    with counted_together(tmp_path):
        pass
    assert "each for itself: Operation not permitted" in caplog.text


def metrics() -> Metrics:
    """Return the metrics of one process."""
    made = Metrics(KINDS)
    made.add_process_gauge("cbt_own", "Told by each process.", lambda: 7)
    made.begin()
    return made


def test_a_process_that_cannot_share_counts_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        counted_together(tmp_path),
        another(shared_path(tmp_path, os.getpid())),
        caplog.at_level(logging.WARNING),
    ):
        alone = metrics()
        alone.share(tmp_path, servers=1, parent=os.getpid())
        alone.answered("attempts.answers", 200, 0.1)
        assert 'cbt_requests_total{endpoint="attempts.answers",status="2xx"} 1' in alone.render()
    assert "this process counts for itself" in caplog.text


def test_a_gauge_of_a_process_that_is_gone_is_not_told(tmp_path: Path) -> None:
    with counted_together(tmp_path):
        told = metrics()
        told.share(tmp_path, servers=1, parent=os.getpid())
        assert "cbt_own 7\n" in told.render()
        assert 'cbt_processes{role="server"} 1' in told.render()
        memory = told._memory
        assert isinstance(memory, SharedMemory)
        # Another process had the second slot, and left its gauges there.
        left = memory._row((memory._number + 1) % 7)
        left[:] = memory._row(memory._number)
        assert "cbt_own 7\n" in told.render()
        assert 'cbt_process_starts_total{role="server"} 2' in told.render(), "what it counted is kept"


def test_what_the_others_tell_is_heard(tmp_path: Path) -> None:
    with counted_together(tmp_path):
        own = Metrics(KINDS)
        cell = own.add_process_gauge("cbt_own", "Told by each process.", lambda: 7)
        own.begin()
        assert own.of_other_servers([cell]) == []
        own.share(tmp_path, servers=1, parent=os.getpid())
        path, cells = shared_path(tmp_path, os.getpid()), own._layout.size
        layout, role = own._layout.meaning, own._serves
        with (
            another(path, role, cell, cell, layout=layout, cells=cells, slots=7),
            another(path, cell, layout=layout, cells=cells, slots=7),
        ):
            assert own.of_other_servers([cell]) == [(2.0,)], "the other answers no requests"
        assert own.of_other_servers([cell]) == [], "it is gone"


def test_a_thread_that_finds_somebody_writing_does_not_wait() -> None:
    cells = [0.0]
    counter = Counter(cells)
    counter._turn.acquire()
    began = threading.Thread(target=counter.add, args=(((0, 1),),), daemon=True)
    began.start()
    began.join(10)
    assert not began.is_alive()
    assert cells == [0.0]
    counter._turn.release()
    counter.add(((0, 1),))
    assert cells == [2.0], "and is written by the next"
