"""The line to the process that owns the writing: batches, outcomes, and what a broken line means."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cbt.storage.write_queue.batch import Carried, Failed, More
from cbt.storage.write_queue.writer_client import WriteLine, address_of, can_share, framed, is_owned
from cbt.storage.write_queue.writer_server import LONG_COMMIT, OWED_SHARE, PACE_SECONDS, LineServer

pytestmark = pytest.mark.skipif(
    not can_share(), reason="such lines are Linux's; elsewhere each process writes"
)
PATIENCE = 10.0
Lines = Callable[..., WriteLine]


class Words:
    """Packs requests and outcomes that are words."""

    def pack_requests(self, requests: Sequence[str]) -> bytes:
        return " ".join(requests).encode()

    def unpack_requests(self, packed: bytes) -> Sequence[str]:
        return packed.decode("ascii").split(" ")  # anything else is a ValueError

    def pack_carried(self, carried: Carried) -> bytes:
        return " ".join(carried.outcomes).encode()

    def unpack_carried(self, packed: bytes, requests: Sequence[str]) -> Carried:
        outcomes = packed.decode().split(" ")
        if len(outcomes) != len(requests):
            raise ValueError("not theirs")
        return Carried(outcomes)


@dataclass
class Hand:
    """Carries out by hand: notes each batch, answers every word in capitals."""

    batches: list[list[str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    commit_seconds: float | None = None
    seconds_before: float = 0.0
    commit: Callable[[], None] = lambda: None
    closed: int = 0

    def carry_out(
        self, requests: Sequence[str], more: More, meanwhile: Callable[[], None] = lambda: None
    ) -> Carried:
        self.before()
        batch = [*requests, *more()]
        self.batches.append(batch)
        if "no" not in batch:
            meanwhile()
            self.commit()
        return Carried([word.upper() for word in batch], self.commit_seconds, self.seconds_before)

    def close(self) -> None:
        self.closed += 1


@contextmanager
def owner(folder: Path, hand: Hand) -> Iterator[LineServer]:
    """Own the writing in `folder` for the length of the block."""
    until, end = os.pipe()
    server = LineServer(folder, Words(), hand)
    thread = threading.Thread(target=server.serve, args=(until,))
    thread.start()
    try:
        wait_until_owned(folder)
        yield server
    finally:
        os.close(end)
        thread.join(PATIENCE)
        os.close(until)
        assert not thread.is_alive()


def wait_until_owned(folder: Path) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_owned(folder):
            return
        pause.wait(0.01)
    pytest.fail("nobody listens")


def nothing() -> Sequence[Any]:
    return ()


@pytest.fixture
def line_by(tmp_path: Path) -> Iterator[Callable[..., WriteLine]]:
    """Return lines of server processes to the owner in this folder, hung up at the end."""
    lines: list[WriteLine] = []

    def line(here: Hand | None = None, packing: Words | None = None) -> WriteLine:
        lines.append(WriteLine(tmp_path, packing or Words(), here or Hand()))
        return lines[-1]

    yield line
    for one in lines:
        one.close()


def test_a_batch_is_carried_out_by_the_owner_with_what_came_meanwhile(tmp_path: Path, line_by: Lines) -> None:
    there, here = Hand(), Hand()
    line = line_by(here)
    with owner(tmp_path, there):
        assert line.carry_out(["one"], lambda: ["two", "three"]).outcomes == ["ONE", "TWO", "THREE"]
        assert line.carry_out(["four"], nothing).outcomes == ["FOUR"]
    assert there.batches == [["one", "two", "three"], ["four"]]
    assert here.batches == []
    assert there.closed == 1


def test_batches_of_two_processes_become_one_transaction_and_each_gets_its_own(
    tmp_path: Path, line_by: Lines
) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        inside.set()
        go_on.wait(PATIENCE)

    there = Hand()
    lines = [line_by() for _ in range(2)]
    found: dict[int, Any] = {}

    def send(number: int, words: Sequence[str]) -> None:
        found[number] = lines[number].carry_out(words, nothing).outcomes

    with owner(tmp_path, there) as server:
        for line in lines:
            line.carry_out(["hello"], nothing)
        there.batches.clear()
        there.before = hold
        first = threading.Thread(target=send, args=(0, ["a", "b"]))
        first.start()
        assert inside.wait(PATIENCE)
        second = threading.Thread(target=send, args=(1, ["c"]))
        second.start()
        wait_for_frame(server)
        go_on.set()
        first.join(PATIENCE)
        second.join(PATIENCE)
    assert there.batches == [["a", "b", "c"]]
    assert found == {0: ["A", "B"], 1: ["C"]}


@dataclass
class Two:
    """Two callers by bare sockets: what the second sends lies ready when the first one's COMMIT ends."""

    first: socket.socket
    second: socket.socket
    commits: int = 0

    def between(
        self, server: LineServer, words: bytes, when_second: Callable[[], None]
    ) -> Callable[[], None]:
        def commit() -> None:
            self.commits += 1
            if self.commits == 1:
                self.second.sendall(framed(words))
                wait_for_frame(server)
            else:
                when_second()

        return commit


@contextmanager
def two_callers(folder: Path) -> Iterator[Two]:
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        for one in (first, second):
            one.settimeout(PATIENCE)
            one.connect(address_of(folder))
        yield Two(first, second)


@dataclass
class NoTime:
    """A clock of the owner's that stands; `asleep` is called where it pauses."""

    asleep: Callable[[], None] = lambda: None
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.asleep()


def test_transactions_keep_a_pace_and_what_comes_meanwhile_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, clock = Hand(), NoTime()
    monkeypatch.setattr("cbt.storage.write_queue.writer_server.time", clock)
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:

        def another_comes() -> None:
            two.second.sendall(framed(b"three"))
            wait_for_frame(server)

        clock.asleep = another_comes
        two.first.sendall(framed(b"one"))
        assert two.first.recv(100) == framed(b"ONE")
        assert clock.pauses == []  # whoever comes first waits for nobody
        two.first.sendall(framed(b"two"))
        assert (two.first.recv(100), two.second.recv(100)) == (framed(b"TWO"), framed(b"THREE"))
    assert (there.batches, clock.pauses) == ([["one"], ["two", "three"]], [PACE_SECONDS])


def test_while_commits_take_long_an_outcome_is_told_during_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = NoTime()
    monkeypatch.setattr("cbt.storage.write_queue.writer_server.time", clock)
    there, heard = Hand(commit_seconds=LONG_COMMIT, seconds_before=LONG_COMMIT * OWED_SHARE), []
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:
        there.before = lambda: heard.append(select.select([two.first], [], [], 0)[0] == [])
        there.commit = two.between(server, b"two", lambda: heard.append(two.first.recv(100)))
        two.first.sendall(framed(b"one"))
        assert two.second.recv(100) == framed(b"TWO")
    assert heard == [True, True, framed(b"ONE")]
    assert clock.pauses == []  # who is owed an outcome waits no longer


@pytest.mark.parametrize(
    ("seconds", "before", "words"),
    [
        pytest.param(LONG_COMMIT / 2, 0.0, b"two", id="a COMMIT that is short"),
        pytest.param(None, 0.0, b"two", id="no COMMIT"),
        pytest.param(LONG_COMMIT, LONG_COMMIT, b"two", id="what takes long before its COMMIT"),
        pytest.param(LONG_COMMIT, LONG_COMMIT * OWED_SHARE, b"two three", id="more of them"),
    ],
)
def test_an_outcome_is_told_before_the_next_transaction_where_nothing_is_gained_by_waiting(
    tmp_path: Path, seconds: float | None, before: float, words: bytes
) -> None:
    there, heard = Hand(commit_seconds=seconds, seconds_before=before), []
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:

        def listen() -> None:
            if two.commits == 1:
                heard.append(two.first.recv(100))

        there.before = listen
        there.commit = two.between(server, words, lambda: None)
        two.first.sendall(framed(b"one"))
        assert two.second.recv(100)
    assert heard == [framed(b"ONE")]


def test_an_outcome_is_told_where_nothing_comes_next(tmp_path: Path) -> None:
    with owner(tmp_path, Hand(commit_seconds=LONG_COMMIT)), two_callers(tmp_path) as two:
        two.first.sendall(framed(b"one"))
        assert two.first.recv(100) == framed(b"ONE")


def test_an_outcome_is_told_though_the_next_transaction_comes_to_no_commit(tmp_path: Path) -> None:
    there = Hand(commit_seconds=LONG_COMMIT)
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:
        there.commit = two.between(server, b"no", lambda: None)
        two.first.sendall(framed(b"one"))
        assert two.first.recv(100) == framed(b"ONE")
        assert two.second.recv(100) == framed(b"NO")


def test_outcomes_that_cannot_be_told_meanwhile_keep_nobody_else_from_theirs(
    tmp_path: Path, line_by: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    there = Hand(commit_seconds=LONG_COMMIT)
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:
        server._packing = Unpacked()
        there.commit = two.between(server, b"two", lambda: None)
        two.first.sendall(framed(b"one"))
        assert two.second.recv(100) == framed(b"TWO")
        assert two.first.recv(100) == b""
        assert line_by().carry_out(["three"], nothing).outcomes == ["THREE"]
    assert "outcomes were not told" in caplog.text


class Unpacked(Words):
    """Cannot pack one word."""

    def pack_carried(self, carried: Carried) -> bytes:
        if carried.outcomes == ["ONE"]:
            raise TypeError("no outcome of ours")
        return super().pack_carried(carried)


def test_who_hangs_up_before_they_are_told_keeps_nobody_waiting(tmp_path: Path, line_by: Lines) -> None:
    there = Hand(commit_seconds=LONG_COMMIT)
    with owner(tmp_path, there) as server, two_callers(tmp_path) as two:
        there.commit = two.between(server, b"two", lambda: None)
        there.before = lambda: two.first.close() if two.commits else None
        two.first.sendall(framed(b"one"))
        assert two.second.recv(100) == framed(b"TWO")
        assert line_by().carry_out(["three"], nothing).outcomes == ["THREE"]


def wait_for_frame(server: LineServer) -> None:
    """Wait until another frame lies ready at the owner, which is busy and has not looked."""
    pause = threading.Event()
    for _ in range(1000):
        if server._selector.select(0):
            return
        pause.wait(0.01)
    pytest.fail("nothing came")


def test_without_an_owner_each_process_writes_for_itself_until_there_is_one(
    tmp_path: Path, line_by: Lines
) -> None:
    there, here = Hand(), Hand()
    line = line_by(here)
    assert line.carry_out(["one"], lambda: ["two"]).outcomes == ["ONE", "TWO"]
    with owner(tmp_path, there):
        assert line.carry_out(["three"], nothing).outcomes == ["THREE"]
    assert (here.batches, there.batches) == ([["one", "two"]], [["three"]])
    assert here.closed == 1  # its own writing connection is let go of


def test_an_owner_that_is_gone_is_noticed_and_the_batch_is_not_lost(tmp_path: Path, line_by: Lines) -> None:
    there, here = Hand(), Hand()
    line = line_by(here)
    with owner(tmp_path, there):
        line.carry_out(["one"], nothing)
    # The line is broken: either the sending fails, and it is done here, or nobody knows, and nothing is promised.
    outcomes = line.carry_out(["two"], nothing).outcomes
    assert outcomes == ["TWO"] or isinstance(outcomes[0], Failed)
    assert line.carry_out(["three"], nothing).outcomes == ["THREE"]
    assert ["three"] in here.batches


def test_a_batch_that_was_sent_and_not_answered_is_promised_to_nobody(tmp_path: Path, line_by: Lines) -> None:
    here = Hand()
    line = line_by(here)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address_of(tmp_path))
        listener.listen()

        def take_and_hang_up() -> None:
            caller, _ = listener.accept()
            caller.recv(1000)
            caller.close()

        thread = threading.Thread(target=take_and_hang_up)
        thread.start()
        outcomes = line.carry_out(["one", "two"], nothing).outcomes
        thread.join(PATIENCE)
    assert [(type(one), one.error.code) for one in outcomes] == [(Failed, "db.write")] * 2
    assert here.batches == []


def test_outcomes_that_are_not_theirs_are_promised_to_nobody(tmp_path: Path, line_by: Lines) -> None:
    class Short(Hand):
        def carry_out(
            self, requests: Sequence[str], more: More, meanwhile: Callable[[], None] = lambda: None
        ) -> Carried:
            return Carried(["ONLY", "TWO", "AND", "MORE"][: len(requests) + 1])

    line = line_by(packing=Miscounting())
    with owner(tmp_path, Short()):
        outcomes = line.carry_out(["one"], nothing).outcomes
    assert [one.error.code for one in outcomes] == ["db.write"]


class Miscounting(Words):
    """Reads one outcome too many."""

    def unpack_carried(self, packed: bytes, requests: Sequence[str]) -> Carried:
        raise ValueError("not theirs")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(framed(b"one two")[:7], id="half a frame"),
        pytest.param(framed(b"\xff\xfe"), id="no words"),
        pytest.param(b"\xff\xff\xff\xff", id="a length nobody has"),
    ],
)
def test_what_is_no_whole_frame_is_not_carried_out_and_keeps_nobody_waiting(
    tmp_path: Path, line_by: Lines, sent: bytes
) -> None:
    there = Hand()
    with owner(tmp_path, there):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(address_of(tmp_path))
            caller.sendall(sent)
        assert line_by().carry_out(["three"], nothing).outcomes == ["THREE"]
    assert there.batches == [["three"]]


def test_a_frame_in_pieces_is_carried_out_once_it_is_whole(tmp_path: Path) -> None:
    there = Hand()
    with owner(tmp_path, there), socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE)
        caller.connect(address_of(tmp_path))
        for byte in framed(b"one two"):
            caller.sendall(bytes([byte]))
        assert caller.recv(100) == framed(b"ONE TWO")
    assert there.batches == [["one", "two"]]


def test_two_processes_never_own_the_writing_of_one_folder(tmp_path: Path) -> None:
    with owner(tmp_path, Hand()), pytest.raises(OSError, match="in use"):
        LineServer(tmp_path, Words(), Hand()).serve(0)


def test_an_owner_of_another_user_is_not_believed(
    tmp_path: Path, line_by: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = Hand(), Hand()
    with owner(tmp_path, there):
        monkeypatch.setattr("cbt.storage.write_queue.writer_client.is_ours", lambda _line: False)
        assert line_by(here).carry_out(["one"], nothing).outcomes == ["ONE"]
    assert (there.batches, here.batches) == ([], [["one"]])


def test_a_caller_of_another_user_is_hung_up_on(
    tmp_path: Path, line_by: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Hand()
    with owner(tmp_path, there):
        monkeypatch.setattr("cbt.storage.write_queue.writer_server.is_ours", lambda _line: False)
        outcomes = line_by().carry_out(["one"], nothing).outcomes
    assert outcomes == ["ONE"] or isinstance(outcomes[0], Failed)
    assert there.batches == []
