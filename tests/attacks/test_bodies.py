"""Bodies that do not come: nobody can hold the server with them (R-21). Policy, front, and a server on a socket."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import IO, Any

import pytest

from cbt.errors import TooMany
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server import front
from cbt.http.server import request_body as server_request_body
from cbt.http.server.front import Front
from cbt.http.server.request_body import (
    AGAIN_SECONDS,
    ALWAYS_TAKEN,
    LARGE_OF_LOGIN,
    LEAST_CUTS,
    LEAST_RATE,
    MOST_OF_ADDRESS,
    MOST_UNFINISHED,
    ONE_OF,
    PATIENCE_SECONDS,
    RECEIVED_AT,
    REFUSED,
    SLOW_SECONDS,
    SMALL_BODY,
    Bodies,
    Body,
    BodyBudget,
    Sender,
    SenderOf,
    cuts_at_once,
    declared_length,
    spool,
)
from cbt.slots import Slots
from tests.helpers import FakeClock
from tests.loops import run_in_loop
from tests.packaging.served import Installation
from torture.faults.slow import half_sent_bodies

LET_GO = (408, [("connection", "close"), *SECURITY_HEADERS.items()], b"")

# --- which bodies are let go -------------------------------------------------------------------------------


def crowd(bodies: Bodies, *, address: str, count: int, begun: float = 0.0) -> list[Body]:
    """Let so many bodies begin at one address."""
    found = [Body(address, begun, lambda: None) for _ in range(count)]
    for body in found:
        bodies.begin(body)
    return found


RATE = LEAST_RATE
"""Bytes that come in a second of a body that is just fast enough."""


@pytest.mark.parametrize(
    ("pieces", "age", "cut"),
    [
        pytest.param({}, SLOW_SECONDS / 2, False, id="on its way for a moment"),
        pytest.param({}, PATIENCE_SECONDS, False, id="nothing yet, at the end of the patience"),
        pytest.param({}, PATIENCE_SECONDS + 0.1, True, id="nothing yet, past it"),
        pytest.param({5: 5 * RATE}, PATIENCE_SECONDS + 5, False, id="large, as fast as it must be"),
        pytest.param({5: 5 * RATE}, PATIENCE_SECONDS + 5.1, True, id="large, a little slower"),
        pytest.param(dict.fromkeys(range(100), RATE), 100.0, False, id="the least rate all the time"),
        pytest.param(dict.fromkeys(range(70), 1), 70.0, True, id="a byte a second"),
        pytest.param(
            {1: 100 * RATE}, 1 + PATIENCE_SECONDS, False, id="fast at first, and silent for a while"
        ),
        pytest.param(
            {1: 100 * RATE}, 1.1 + PATIENCE_SECONDS, True, id="fast at first, and silent for longer"
        ),
        pytest.param(
            {1: 100 * RATE, **dict.fromkeys(range(2, 12), 1)},
            11.5,
            True,
            id="fast at first, then a byte a second",
        ),
        pytest.param(
            {0: 100 * RATE, **dict.fromkeys(range(1, 200), RATE)},
            200.0,
            False,
            id="fast at first, then just enough",
        ),
    ],
)
def test_a_body_has_a_deadline_and_a_least_rate_over_its_last_seconds(
    pieces: dict[int, int], age: float, cut: bool
) -> None:
    bodies = Bodies()
    body = crowd(bodies, address="10.0.0.1", count=1)[0]
    for at, size in sorted(pieces.items()):
        bodies.cut_overdue(at, most=10)
        body.take(size, at)
    bodies.cut_overdue(age, most=10)
    assert body.cut is cut


@pytest.mark.parametrize(
    ("count", "age", "cut"),
    [
        pytest.param(2000, SLOW_SECONDS / 2, 0, id="a room starts: two thousand in one instant"),
        pytest.param(MOST_OF_ADDRESS, SLOW_SECONDS, 0, id="as many as one address may have"),
        pytest.param(MOST_OF_ADDRESS + 1, SLOW_SECONDS, 1, id="one more"),
        pytest.param(2000, SLOW_SECONDS, 2000 - MOST_OF_ADDRESS, id="two thousand"),
    ],
)
def test_one_address_has_a_share(count: int, age: float, cut: int) -> None:
    bodies = Bodies()
    crowd(bodies, address="10.0.0.1", count=count)
    assert bodies.cut_overdue(age, most=10_000) == cut


def test_one_address_takes_nothing_from_another() -> None:
    bodies = Bodies()
    crowd(bodies, address="10.0.0.66", count=2000)
    honest = crowd(bodies, address="10.0.0.7", count=3)
    bodies.cut_overdue(SLOW_SECONDS, most=10_000)
    assert not any(body.cut for body in honest)


def test_all_together_stay_below_the_threads() -> None:
    bodies = Bodies()
    for number in range(200):
        crowd(bodies, address=f"10.0.1.{number}", count=10)
    honest = crowd(bodies, address="10.0.0.7", count=1)
    bodies.cut_overdue(SLOW_SECONDS, most=10_000)
    assert sum(1 for body in bodies._coming.values() if not body.cut) == MOST_UNFINISHED
    assert not honest[0].cut


def test_the_oldest_of_too_many_go_first() -> None:
    bodies = Bodies()
    old = crowd(bodies, address="10.0.0.1", count=5, begun=0.0)
    young = crowd(bodies, address="10.0.0.1", count=MOST_OF_ADDRESS, begun=1.0)
    bodies.cut_overdue(2.5, most=10_000)
    assert all(body.cut for body in old)
    assert not any(body.cut for body in young)


def test_a_trusted_proxy_is_no_single_person() -> None:
    bodies = Bodies(trusted=lambda address: address == "10.0.0.2")
    crowd(bodies, address="10.0.0.2", count=MOST_OF_ADDRESS + 20)
    assert bodies.cut_overdue(SLOW_SECONDS, most=10_000) == 0


def test_whether_an_address_is_a_proxys_is_asked_once_however_many_come_from_it() -> None:
    asked: list[str] = []
    bodies = Bodies(trusted=lambda address: bool(asked.append(address)))
    for address in ("10.0.0.1", "10.0.0.2"):
        crowd(bodies, address=address, count=500)
    crowd(bodies, address="10.0.0.3", count=MOST_OF_ADDRESS)
    bodies.cut_overdue(SLOW_SECONDS, most=10_000)
    assert asked == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("coming", "cuts"),
    [
        pytest.param(0, LEAST_CUTS, id="none"),
        pytest.param(1000, LEAST_CUTS, id="as many as wait at no cost"),
        pytest.param(LEAST_CUTS * ONE_OF * 20, LEAST_CUTS * 20, id="so many that memory counts"),
    ],
)
def test_what_is_let_go_comes_again_so_few_are_let_go_at_once(coming: int, cuts: int) -> None:
    assert cuts_at_once(coming) == cuts


def test_letting_go_is_spread_over_turns() -> None:
    bodies = Bodies()
    crowd(bodies, address="10.0.0.1", count=500)
    turns = [bodies.cut_overdue(SLOW_SECONDS, most=100) for _ in range(6)]
    assert turns == [100, 100, 100, 100, 100 - MOST_OF_ADDRESS, 0]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        pytest.param(None, 0, id="none"),
        pytest.param("", 0, id="empty"),
        pytest.param("17", 17, id="a number"),
        pytest.param("-1", 10**18, id="below nothing"),
        pytest.param("1e3", 10**18, id="an exponent"),
        pytest.param("١٧", 10**18, id="digits of another script"),
        pytest.param("9" * 5000, 10**18, id="five thousand digits"),
    ],
)
def test_a_declared_length_is_read_without_belief(text: str | None, length: int) -> None:
    assert declared_length(text) == length


# --- the front ---------------------------------------------------------------------------------------------


class Headers(dict[str, str]):
    """What granian gives: names in lower case."""


class Scope:
    """A request's head as granian gives it."""

    proto, http_version, scheme, query_string = "http", "1.1", "http", ""
    server, client = "127.0.0.1:8000", "10.0.0.7:50000"

    def __init__(self, headers: dict[str, str], *, path: str = "/x", method: str = "POST") -> None:
        self.headers, self.path, self.method = Headers(headers), path, method


class Protocol:
    """One request: its body comes when the test says so; the answer is kept."""

    def __init__(self) -> None:
        self.body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.pieces: list[bytes] = []
        self.answer: tuple[int, list[tuple[str, str]], bytes] | None = None
        self.answered = threading.Event()

    async def __call__(self) -> bytes:
        """Wait for the body."""
        return await self.body

    async def __aiter__(self) -> Any:
        """Give the body piece by piece, then what the future has."""
        for piece in self.pieces:
            yield piece
        yield await self.body

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Keep the answer."""
        self.answer = (status, headers, body)
        self.answered.set()


class Asked:
    """An app that keeps what it was asked."""

    def __init__(
        self, reply: Callable[[dict[str, Any]], bytes] = lambda environ: environ["wsgi.input"].read()
    ) -> None:
        self.environs: list[dict[str, Any]] = []
        self._reply = reply

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.environs.append(environ)
        body = self._reply(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]


NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)
Play = Callable[[Front, Any], Any]


def play(
    app: Any,
    scene: Callable[[Front], Any],
    *,
    bodies: Bodies | None = None,
    budget: BodyBudget | None = None,
    sender_of: SenderOf = lambda *_: Sender(4 * SMALL_BODY, "st-1"),
    now: Callable[[], datetime] = lambda: NOON,
) -> Any:
    """Run one scene with a front in a loop of its own."""

    async def run() -> Any:
        fronted = Front(app, threads=2, now=now, bodies=bodies, sender_of=sender_of, budget=budget)
        fronted.__rsgi_init__(asyncio.get_running_loop())
        try:
            return await asyncio.wait_for(scene(fronted), 20)
        finally:
            fronted.__rsgi_del__(asyncio.get_running_loop())

    return run_in_loop(run())


def test_the_clock_is_read_after_the_body() -> None:
    app, clock = Asked(), FakeClock(NOON)

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        task = asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": "5"}), protocol))
        await asyncio.sleep(0)
        assert app.environs == []
        clock.set(NOON + timedelta(minutes=5))
        protocol.body.set_result(b"hello")
        await task
        return protocol

    protocol = play(app, scene, now=clock.now)
    assert protocol.answer == (200, [("Content-Type", "text/plain")], b"hello")
    assert app.environs[0][RECEIVED_AT] == NOON + timedelta(minutes=5)


def test_a_body_that_does_not_come_uses_no_thread_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "TEND_SECONDS", 0.001)
    app, bodies = Asked(), Bodies()

    async def scene(fronted: Front) -> list[Protocol]:
        protocols = [Protocol() for _ in range(50)]
        tasks = [
            asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": "5"}), one)) for one in protocols
        ]
        await asyncio.sleep(0)
        other = Protocol()
        await fronted.__rsgi__(Scope({}, method="GET"), other)
        assert other.answer is not None  # answered while fifty wait, by a front of two threads
        for body in bodies._coming.values():
            body.begun -= 100
        await asyncio.gather(*tasks)
        return protocols

    protocols = play(app, scene, bodies=bodies)
    assert [one.answer for one in protocols] == [LET_GO] * 50
    assert len(app.environs) == 1
    assert len(bodies) == 0


def test_a_body_ages_by_the_looks_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "TEND_SECONDS", 0.001)
    monkeypatch.setattr(server_request_body, "SLOW_SECONDS", 0.002)
    monkeypatch.setattr(server_request_body, "PATIENCE_SECONDS", 0.005)

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        await fronted.__rsgi__(Scope({"content-length": "5"}), protocol)
        return protocol

    assert play(Asked(), scene).answer == LET_GO


def test_what_the_server_itself_was_busy_with_is_not_the_senders_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hall behind one address comes back at once, to a process that gets round to it each second or so."""
    monkeypatch.setattr(front, "TEND_SECONDS", 0.001)
    looks = []

    def monotonic() -> float:
        looks.append(1.2 * len(looks))
        return looks[-1]

    monkeypatch.setattr(front, "time", SimpleNamespace(monotonic=monotonic, perf_counter=perf_counter))

    async def scene(fronted: Front) -> list[Protocol]:
        protocols = [Protocol() for _ in range(50)]
        tasks = [
            asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": "5"}), one)) for one in protocols
        ]
        while len(looks) < 20:
            await asyncio.sleep(0)
        assert not any(one.answer for one in protocols), "nobody was slow"
        for one in protocols:
            one.body.set_result(b"hello")
        await asyncio.gather(*tasks)
        return protocols

    protocols = play(Asked(), scene)
    assert [one.answer[0] for one in protocols if one.answer] == [200] * 50


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"transfer-encoding": "chunked"}, 411, id="chunked"),
        pytest.param(
            {"transfer-encoding": "chunked", "content-length": "5"}, 411, id="chunked with a length"
        ),
        pytest.param({"transfer-encoding": "identity"}, 411, id="another coding"),
        pytest.param({"content-length": str(40 * SMALL_BODY + 1)}, 413, id="far over the limit"),
        pytest.param({"content-length": "9" * 30}, 413, id="a length of thirty digits"),
    ],
)
def test_what_is_not_read_is_refused_by_the_app_and_the_line_closed(
    headers: dict[str, str], status: int
) -> None:
    app = Asked()

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        await fronted.__rsgi__(Scope(headers), protocol)
        return protocol

    protocol = play(app, scene)
    assert app.environs[0][REFUSED] == status
    assert protocol.answer is not None
    assert ("connection", "close") in protocol.answer[1]


def test_a_file_over_the_limit_is_thrown_away_as_it_comes_and_its_sender_answered() -> None:
    """A browser that is still sending when the line is closed shows a broken line, not what was answered."""
    app, bodies = Asked(), Bodies()

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        protocol.pieces = [b"x" * 1000]
        scope = Scope({"content-length": str(4 * SMALL_BODY + 1)})
        task = asyncio.ensure_future(fronted.__rsgi__(scope, protocol))
        await until(lambda: [body.received for body in bodies._coming.values()] == [1000])
        assert app.environs == []
        protocol.body.set_result(b"z")
        await task
        return protocol

    protocol = play(app, scene, bodies=bodies)
    assert (app.environs[0][REFUSED], protocol.answer[2]) == (413, b"")
    assert ("connection", "close") in protocol.answer[1]
    assert len(bodies) == 0


def test_a_large_body_counts_as_it_comes() -> None:
    app, bodies = Asked(lambda environ: str(len(environ["wsgi.input"].read())).encode()), Bodies()

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        protocol.pieces = [b"x" * SMALL_BODY, b"y" * 500]
        task = asyncio.ensure_future(
            fronted.__rsgi__(Scope({"content-length": str(SMALL_BODY + 501)}), protocol)
        )
        await until(lambda: [body.received for body in bodies._coming.values()] == [SMALL_BODY + 500])
        protocol.body.set_result(b"z")
        await task
        return protocol

    assert play(app, scene, bodies=bodies).answer[2] == str(SMALL_BODY + 501).encode()


@pytest.mark.parametrize(
    ("declared", "came"),
    [
        pytest.param(5, 4, id="a byte short"),
        pytest.param(SMALL_BODY, SMALL_BODY - 1, id="the largest form, a byte short"),
        pytest.param(SMALL_BODY + 1, SMALL_BODY, id="a file, a byte short"),
        pytest.param(450_000, 300_000, id="two thirds of a file"),
        pytest.param(2 * SMALL_BODY, 0, id="nothing of a file"),
    ],
)
def test_what_ends_before_its_declared_length_reaches_no_view(declared: int, came: int) -> None:
    app, bodies, budget = Asked(), Bodies(), BodyBudget(largest=4 * SMALL_BODY)

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        protocol.body.set_result(b"x" * came)
        await fronted.__rsgi__(Scope({"content-length": str(declared)}), protocol)
        return protocol

    assert play(app, scene, bodies=bodies, budget=budget).answer == (400, [("connection", "close")], b"")
    assert app.environs == []
    assert (len(bodies), budget.large, budget.small) == (0, 0, 0)


# --- bytes held -------------------------------------------------------------------------------------------


def test_a_large_body_lies_on_the_disk_and_its_room_is_given_back(tmp_path: Path) -> None:
    made: list[IO[bytes]] = []

    def look(environ: dict[str, Any]) -> bytes:
        opened = os.fstat(environ["wsgi.input"].fileno())
        assert (stat.S_IMODE(opened.st_mode), opened.st_nlink, opened.st_size) == (0o600, 0, 3 * SMALL_BODY)
        assert list(tmp_path.iterdir()) == [], "it has no name that could be left behind"
        assert isinstance(environ["wsgi.input"].read(), bytes)
        return b""

    def new_spool() -> IO[bytes]:
        made.append(spool(tmp_path))
        return made[-1]

    async def scene(fronted: Front) -> None:
        fronted._new_spool = new_spool
        for _ in range(3):
            protocol = Protocol()
            protocol.pieces = [b"x" * SMALL_BODY] * 2
            protocol.body.set_result(b"y" * SMALL_BODY)
            await fronted.__rsgi__(Scope({"content-length": str(3 * SMALL_BODY)}), protocol)

    app = Asked(look)
    play(app, scene)
    assert len(app.environs) == len(made) == 3
    assert all(file.closed for file in made)


def test_a_disk_that_takes_no_body_refuses_it_in_words() -> None:
    def no_space() -> IO[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    app = Asked(lambda environ: str(environ[REFUSED]).encode())

    async def scene(fronted: Front) -> Protocol:
        fronted._new_spool = no_space
        protocol = Protocol()
        protocol.body.set_result(b"x" * 2 * SMALL_BODY)
        await fronted.__rsgi__(Scope({"content-length": str(2 * SMALL_BODY)}), protocol)
        return protocol

    assert play(app, scene).answer[2].startswith(b"upload.busy")


async def until(holds: Callable[[], bool]) -> None:
    """Let the others go on until something holds."""
    while not holds():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("logins", "taken", "status"),
    [
        pytest.param(1, LARGE_OF_LOGIN, "upload.yours", id="one clerk sends 150"),
        pytest.param(150, 8, "upload.busy", id="150 clerks send one each"),
    ],
)
def test_what_a_process_holds_never_exceeds_its_budget(
    logins: int, taken: int, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit's clerk who sent 19.9 MB 150 times had the server hold all of it."""
    length = 2 * SMALL_BODY
    monkeypatch.setattr(server_request_body, "MOST_LARGE", 8 * length)
    budget, refused, most_held = BodyBudget(largest=length), [], 0
    logins_of = itertools.cycle(f"st-{number}" for number in range(logins))

    async def scene(fronted: Front) -> list[Protocol]:
        nonlocal most_held
        protocols = [Protocol() for _ in range(150)]
        asked = []
        for protocol in protocols:
            protocol.pieces = [b"x" * SMALL_BODY]
            asked.append(
                asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": str(length)}), protocol))
            )
        heard = min(150 - taken, LARGE_OF_LOGIN * logins)
        await until(lambda: budget.large == taken * length)
        await until(lambda: sum(one.done() for one in asked) == 150 - taken - heard)
        most_held = budget.large
        for protocol in protocols:
            if not protocol.body.done():
                protocol.body.set_result(b"y" * SMALL_BODY)
        await asyncio.gather(*asked)
        return protocols

    def tell(environ: dict[str, Any]) -> bytes:
        if REFUSED in environ:
            refused.append(environ[REFUSED])
        return str(environ.get(REFUSED, "taken")).encode()

    protocols = play(Asked(tell), scene, budget=budget, sender_of=lambda *_: Sender(length, next(logins_of)))
    assert [one.answer[2] for one in protocols].count(b"taken") == taken
    assert {(one.code, one.params["seconds"]) for one in refused} == {(status, AGAIN_SECONDS)}
    assert len(refused) == 150 - taken
    assert most_held == taken * length <= budget.most_large
    assert (budget.large, budget._of_login) == (0, {})


def test_small_bodies_have_a_budget_too_and_a_save_is_always_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_request_body, "MOST_SMALL", 3 * SMALL_BODY)
    budget = BodyBudget(largest=SMALL_BODY)
    app = Asked(lambda environ: str(environ.get(REFUSED, "taken")).encode())

    async def scene(fronted: Front) -> list[Protocol]:
        sizes = [SMALL_BODY] * 5 + [ALWAYS_TAKEN]
        protocols = [Protocol() for _ in sizes]
        asked = [
            asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": str(size)}), protocol))
            for size, protocol in zip(sizes, protocols, strict=True)
        ]
        await until(lambda: sum(one.done() for one in asked) == 2)
        assert budget.small == 3 * SMALL_BODY
        for size, protocol in zip(sizes, protocols, strict=True):
            protocol.body.set_result(b"x" * size)
        await asyncio.gather(*asked)
        return protocols

    answers = [one.answer[2].split(b" ")[0] for one in play(app, scene, budget=budget)]
    assert answers == [b"taken"] * 3 + [b"upload.busy"] * 2 + [b"taken"]
    assert budget.small == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_a_login_has_two_large_bodies_under_way_on_a_machine(tmp_path: Path, processes: int) -> None:
    """Whichever process its connections came to; what a process held is free once that has ended."""
    own = BodyBudget(largest=SMALL_BODY, slots=Slots(tmp_path / "slots.lock"))
    give_back = own.take_large("st-1", 1)
    if processes == 2:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "slots.lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
    else:
        own.take_large("st-1", 1)
    with pytest.raises(TooMany):
        own.take_large("st-1", 1)
    own.take_large("st-2", 1)
    if processes == 2:
        holder.kill()
        holder.communicate()
    else:
        give_back()
    own.take_large("st-1", 1)


HOLDER = """
import sys
from pathlib import Path
from cbt.slots import Slots
from cbt.http.server.request_body import BodyBudget
BodyBudget(largest=1, slots=Slots(Path(sys.argv[1]))).take_large("st-1", 1)
print("held", flush=True)
sys.stdin.read()
"""


def test_memory_of_large_files_is_given_back() -> None:
    """In a process of its own, as in a worker: sixteen threads had files of 20 MB, one after the other."""
    held = int(
        subprocess.run(
            [sys.executable, "-c", MEMORY], capture_output=True, check=True, text=True, timeout=60
        ).stdout
    )
    assert held < 64 * 1024 * 1024


MEMORY = """
import os, threading
from cbt.ops.host_resources import give_memory_back
give_memory_back()

def resident():
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

before, together = resident(), threading.Barrier(16)

def upload():
    for _ in range(3):
        together.wait()
        whole = bytearray(os.urandom(16)) * (20 * 1024 * 1024 // 16)
        together.wait()
        del whole

threads = [threading.Thread(target=upload) for _ in range(16)]
for one in threads:
    one.start()
for one in threads:
    one.join()
print(resident() - before)
"""


def test_whoever_hangs_up_leaves_nothing_behind() -> None:
    app, bodies = Asked(), Bodies()

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        task = asyncio.ensure_future(fronted.__rsgi__(Scope({"content-length": "5"}), protocol))
        await asyncio.sleep(0)
        protocol.body.set_exception(front.ProtocolClosed("gone"))
        await task
        return protocol

    assert play(app, scene, bodies=bodies).answer is None
    assert len(bodies) == 0
    assert app.environs == []


@pytest.mark.parametrize(
    ("header", "key"),
    [
        pytest.param("x_forwarded_for", "HTTP_X_FORWARDED_FOR", id="a proxy's word"),
        pytest.param("x_cbt_lease", "HTTP_X_CBT_LEASE", id="a lease"),
        pytest.param("content_length", "HTTP_CONTENT_LENGTH", id="a length"),
    ],
)
def test_a_header_with_an_underscore_passes_for_no_other(header: str, key: str) -> None:
    app = Asked()

    async def scene(fronted: Front) -> None:
        await fronted.__rsgi__(Scope({header: "forged"}, method="GET"), Protocol())

    play(app, scene)
    assert key not in app.environs[0]
    assert "forged" not in app.environs[0].values()


def test_an_app_that_fails_answers_500_and_tells_nothing() -> None:
    def fail(_environ: dict[str, Any]) -> bytes:
        raise RuntimeError("secret")

    async def scene(fronted: Front) -> Protocol:
        protocol = Protocol()
        await fronted.__rsgi__(Scope({}, method="GET"), protocol)
        return protocol

    answer = play(Asked(fail), scene).answer
    assert answer is not None
    status, headers, content = answer
    assert status == 500
    assert SECURITY_HEADERS.items() <= dict(headers).items()
    assert "系统出了意外" in content.decode()
    assert b"secret" not in content


# --- a server ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The product as it is started by hand."""
    installation = Installation(Path(tmp_path_factory.mktemp("bodies")))
    with installation.serving() as server:
        yield server.port


def test_a_siege_of_half_sent_bodies_keeps_nobody_out(port: int) -> None:
    """More sockets than both processes have threads, all of them inside a body, from four addresses."""
    with half_sent_bodies(port, 700):
        for path in ("/healthz", "/staff/sign-in", "/"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
                assert reply.status == 200


def said(port: int, request: bytes) -> bytes:
    """Send bytes and return everything until the server hangs up or says a whole head."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        return line.recv(65536)


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        pytest.param(
            "POST /attempts/a/answers HTTP/1.1",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
            b"411",
            id="chunked and unfinished",
        ),
        pytest.param(
            "POST /attempts/a/answers HTTP/1.1",
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            b"400",
            id="two lengths",
        ),
        pytest.param(
            "POST /attempts/a/answers HTTP/1.1",
            "Content-Length: x\r\n\r\n{}",
            b"400",
            id="a length that is no number",
        ),
        pytest.param(
            "POST /attempts/a/answers HTTP/1.1",
            "Content-Length: 99999999\r\n\r\n{}",
            b"413",
            id="a length of a hundred million",
        ),
        pytest.param(
            "POST /attempts/a/answers HTTP/1.1",
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"411",
            id="a length and chunks",
        ),
        pytest.param("PRI * HTTP/2.0", "\r\nSM\r\n\r\n", b"", id="HTTP/2 without TLS"),
    ],
)
def test_lines_that_are_no_plain_request(port: int, request_line: str, body: str, status: bytes) -> None:
    reply = said(port, f"{request_line}\r\nHost: exam\r\nContent-Type: application/json\r\n{body}".encode())
    assert not reply.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
    assert status in reply[:16]


def test_a_balancer_asks_for_health_by_the_old_protocol_without_a_host(port: int) -> None:
    assert b"200" in said(port, b"GET /healthz HTTP/1.0\r\n\r\n")[:16]
    assert b"400" in said(port, b"GET /staff/sign-in HTTP/1.0\r\n\r\n")[:16]


@pytest.mark.parametrize("path", ["/staff/sign-in", "/healthz", "/attempts/a/news?after=0"])
@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        pytest.param("Host: exam:8000", b"200", id="one"),
        pytest.param("Host: [::1]:8000", b"200", id="an address of six"),
        pytest.param("", b"400", id="none"),
        pytest.param("Host: exam\r\nHost: evil.example", b"400", id="two"),
        pytest.param("Host: exam\r\nHost: exam", b"400", id="twice the same"),
        pytest.param("Host:", b"400", id="an empty one"),
        pytest.param("Host: exam, evil.example", b"400", id="two in one"),
        pytest.param("Host: exam/evil.example", b"400", id="with a path"),
        pytest.param("Host: evil@exam", b"400", id="with a user"),
        pytest.param("Host: exam:x", b"400", id="a port that is no number"),
        pytest.param("Host: exam evil", b"400", id="with a space"),
    ],
)
def test_a_request_names_exactly_one_host(port: int, path: str, hosts: str, status: bytes) -> None:
    head = "\r\n".join(filter(None, [f"GET {path} HTTP/1.1", hosts, "Connection: close"]))
    reply = said(port, f"{head}\r\n\r\n".encode())
    wanted = status if "attempts" not in path or status == b"400" else b"404"
    assert wanted in reply[:16]
    assert b"content-security-policy: default-src 'none'" in reply.lower()
    assert b"evil.example" not in reply
    if status == b"400":
        assert "系统看不懂这个请求".encode() in reply


def test_a_body_that_does_not_come_is_answered_with_our_headers(port: int) -> None:
    reply = said(port, b"POST /attempts/a/answers HTTP/1.1\r\nHost: exam\r\nContent-Length: 20\r\n\r\n{}")
    assert b"408" in reply[:16]
    assert b"content-security-policy: default-src 'none'" in reply.lower()
