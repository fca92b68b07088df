"""The open loop's client against a server that misbehaves on purpose."""

from __future__ import annotations

import json
import math
import resource
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.installation import Sitter
from bench.measured.stalls import seconds_until_usual
from bench.traffic import client, loads, open_loop
from bench.traffic.client import HOST
from bench.traffic.loads import Ledger
from bench.traffic.paced import Paced, allow_files, run_paced

Answer = Callable[[int, int], int | None]
"""Given how many requests came before and the sequence number, the HTTP status; None closes the connection."""


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        while line := self.rfile.readline():
            assert line.startswith(b"POST /attempts/")
            length = 0
            while (head := self.rfile.readline()) != b"\r\n":
                if head.lower().startswith(b"content-length:"):
                    length = int(head.split(b":")[1])
            seq = json.loads(self.rfile.read(length))["entries"][-1]["seq"]
            with server.lock:
                before = len(server.seen)
                server.seen.append(seq)
            status = server.answer(before, seq)
            if status is None:
                return
            self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__((HOST, 0), _Handler)
        self.answer = answer
        self.seen: list[int] = []
        self.lock = threading.Lock()


@contextmanager
def stub(answer: Answer) -> Iterator[_Server]:
    """Serve with `answer` for the length of the block."""
    with _Server(answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def run(
    server: _Server, *, people: int, every: float, seconds: float, as_pages: bool = False
) -> tuple[Paced, Ledger]:
    """Let `people` save at `server`."""
    sitters = [Sitter(n, f"at{n}", "", "", [(1, "A"), (2, "B")], lease="x", epoch=1) for n in range(people)]
    ledger = Ledger()
    port = server.server_address[1]
    return run_paced(port, sitters, ledger, every=every, seconds=seconds, as_pages=as_pages), ledger


def test_everybody_saves_once_in_each_period() -> None:
    with stub(lambda _before, _seq: 200) as server:
        paced, ledger = run(server, people=4, every=0.1, seconds=0.3)
    assert (paced.done, paced.broken, paced.unanswered, paced.refused) == (12, 0, 0, 0)
    assert all(numbers == {(1, 1), (1, 2), (1, 3)} for numbers in ledger.saved.values())


def test_a_stall_counts_for_everything_that_was_due_meanwhile() -> None:
    def slow_at_first(before: int, _seq: int) -> int:
        if before == 0:
            time.sleep(0.6)
        return 200

    with stub(slow_at_first) as server:
        paced, _ = run(server, people=1, every=0.1, seconds=0.4)
    assert paced.done == 4
    # Due at 0, 0.1, 0.2 and 0.3 s, none answered before 0.6 s: none of them can have taken less than 0.3 s.
    assert min(paced.latencies) >= 0.25


def test_a_broken_connection_is_opened_again_and_the_save_repeated_under_its_number() -> None:
    with stub(lambda before, _seq: None if before == 0 else 200) as server:
        paced, ledger = run(server, people=1, every=0.1, seconds=0.2)
    assert server.seen == [1, 1, 2]
    assert (paced.done, paced.broken, paced.unanswered) == (2, 1, 0)
    assert ledger.saved[0] == {(1, 1), (1, 2)}


def test_a_save_that_was_not_stored_is_sent_again_and_other_refusals_are_counted() -> None:
    statuses = {0: 503, 1: 200, 2: 410}
    with stub(lambda before, _seq: statuses[before]) as server:
        paced, ledger = run(server, people=1, every=0.1, seconds=0.2)
    assert server.seen == [1, 1, 2]
    assert (paced.done, paced.refused, paced.unanswered) == (1, 1, 0)
    assert ledger.saved[0] == {(1, 1)}


def test_pages_send_all_that_waits_in_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "PAGE_RETRY", (0.25, 0.3))
    with stub(lambda before, _seq: 503 if before == 0 else 200) as server:
        paced, ledger = run(server, people=1, every=0.1, seconds=0.3, as_pages=True)
    assert server.seen == [1, 1, 3], "the refused one as it was, then all that was due meanwhile"
    assert (paced.done, len(paced.turned_away_at), paced.unanswered) == (3, 1, 0)
    assert ledger.saved[0] == {(1, 1), (1, 2), (1, 3)}
    assert len(paced.due_at) == 3


def test_pages_come_again_when_the_server_says() -> None:
    assert open_loop._retry_after(b"HTTP/1.1 503 X\r\nRetry-After: 4\r\nContent-Length: 2") == 4.0
    assert open_loop._retry_after(b"HTTP/1.1 503 X\r\nContent-Length: 2") == 0.0


def test_pages_give_a_request_up_and_repeat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_loop, "PAGE_PATIENCE", 0.1)
    monkeypatch.setattr(open_loop, "PAGE_RETRY", (0.05, 0.1))

    again = threading.Event()

    def not_before_it_is_repeated(before: int, _seq: int) -> int:
        if before == 0:
            again.wait(20)
        again.set()
        return 200

    with stub(not_before_it_is_repeated) as server:
        paced, ledger = run(server, people=1, every=0.2, seconds=0.2, as_pages=True)
    assert paced.given_up >= 1
    assert (paced.done, paced.unanswered) == (1, 0)
    assert ledger.saved[0] == {(1, 1)}


@pytest.mark.parametrize(
    ("slow_until", "back"),
    [
        pytest.param(0.0, 0.0, id="at once"),
        pytest.param(4.0, 4.0, id="the first window that is as usual"),
        pytest.param(10.0, 10.0, id="never"),
    ],
)
def test_it_is_back_from_the_first_windows_that_are_as_usual(slow_until: float, back: float) -> None:
    saves = [(at / 10, 0.5 if at / 10 < 20 + slow_until else 0.02) for at in range(300)]
    assert seconds_until_usual(saves, since=20.0, until=30.0, usual_ms=15.0) == back


def test_what_is_never_answered_is_no_recovery() -> None:
    saves = [(20 + at / 10, 0.01) for at in range(100)] + [(20.5 + at, math.inf) for at in range(9)]
    assert seconds_until_usual(saves, since=20.0, until=30.0, usual_ms=15.0) == 10.0


def test_more_files_than_the_system_allows_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_which: int, _limits: tuple[int, int]) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(RuntimeError, match="ulimit -n 10500"):
        allow_files(10_000)


def test_a_server_that_stays_silent_is_given_up_and_its_requests_count_as_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_up = threading.Event()

    def never(_before: int, _seq: int) -> int:
        given_up.wait(20)
        return 200

    monkeypatch.setattr(client, "STALLED_SECONDS", 0.2)
    sitter = Sitter(1, "at1", "", "", [(1, "A")], lease="x", epoch=1)
    with stub(never) as server:
        load = client.run_load(server.server_address[1], [loads.saves([sitter], Ledger())], seconds=0.1)
        given_up.set()
    assert (load.done, load.refused) == (0, 1)
