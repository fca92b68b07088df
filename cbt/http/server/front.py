"""The front of a server process: one loop that reads requests whole, and its fair share of connections.

A connection stays with the process that took it. When a process is lost in the middle of an exam, its
browsers come again to those that are left, before another stands in its place; that one would be idle until
everybody goes home, and the others would answer twice as slowly. So whoever has more than its share lets some
go: they hear so with an answer, and connect again.

Source: R-21.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # meant to be used

from cbt.errors import CbtError
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.deferred import AGAIN, AT_ONCE, MAY_WAIT, PROMISES, ParkedRequest, Parking
from cbt.http.server.lanes import (
    MOST_WAITING,
    POLL_THREADS,
    PUBLIC_THREADS,
    READ_THREADS,
    REFUSED_AFTER,
    STAFF_THREADS,
    TURN_THREADS,
    Lane,
    LaneOf,
    Strangers,
    ThreadPool,
)
from cbt.http.server.lanes import THREADS as STRANGER_THREADS
from cbt.http.server.request_body import AT_ONCE as WRITTEN_AT_ONCE
from cbt.http.server.request_body import (
    CUT_SHORT,
    HANDED_AT,
    NO_LENGTH,
    NOBODY,
    RECEIVED_AT,
    REFUSED,
    SMALL_BODY,
    TOO_LARGE,
    TOO_SLOW,
    Bodies,
    Body,
    BodyBudget,
    Refused,
    SenderOf,
    cuts_at_once,
    declared_length,
    no_room,
)
from cbt.http.server.wsgi import OF_A_PAGE, BufferedRequest, Environs, address_of
from cbt.rules.overload import PAGE_PATIENCE, is_refused

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)


LATER = 5.0
"""By so many seconds one is younger that came later: a server begins all of its processes together."""
WITHIN = 60.0
"""So long after one came connections are let go: by then those that come by themselves keep it even."""
EVEN = 1.25
"""So many times its share a process keeps."""
FEW = 20.0
"""Requests a second that are never too many."""
AT_LEAST = 0.5
"""Seconds over which requests are counted."""


def surplus(own: float, others: Sequence[float]) -> float:
    """Return which part of what a process answers is more than its share; 0.0 while it is about even.

    In requests a second; `others` are those of the processes beside it.
    """
    share = (own + sum(others)) / (1 + len(others))
    return (own - share) / own if own > max(FEW, EVEN * share) else 0.0


class Beside(NamedTuple):
    """What another process told of itself a second ago at most."""

    rate: float
    """Requests it answered a second."""
    age: float
    """Seconds since it began."""


class FairShare:
    """How much one process answers, and whether that is more than its share; told and looked at once a second."""

    def __init__(
        self,
        others: Callable[[], Sequence[Beside]] = tuple,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`others` returns what the processes beside this one told."""
        self.others = others
        self._clock = clock
        self._chance = chance
        self._began = self._told_at = clock()
        self._answered = 0
        self._rate = 0.0
        self._lets_go = 0.0

    @property
    def age(self) -> float:
        """Seconds since this process began."""
        return self._clock() - self._began

    def lets_go(self) -> bool:
        """Count an answer; return whether its connection is to end with it. From any thread, nearly enough."""
        self._answered += 1
        return self._lets_go > 0.0 and self._chance() < self._lets_go

    def per_second(self) -> float:
        """Return how many requests this process answered a second of late."""
        now = self._clock()
        if now - self._told_at < AT_LEAST:
            return self._rate
        self._rate = self._answered / (now - self._told_at)
        self._answered, self._told_at = 0, now
        others, age = self.others(), self.age
        came = any(one.age < WITHIN and one.age + LATER < age for one in others)
        # A candidate asks every few seconds, and of two who are let go one comes back: sooner it is not even.
        self._lets_go = surplus(self._rate, [one.rate for one in others]) if came else 0.0
        return self._rate


# The front of a server process: one loop reads requests whole, pools of threads answer them (lanes.py).
#
# A thread is used once a request is there, never for waiting on a body or a line, so whoever sends slowly
# takes nothing from the others. The loop stamps the instant at which a request had been read and hands
# it on as a WSGI call; between the two nothing but a queue. What waits for a commit alone the loop asks for
# itself, and its answer is promised (deferred.py).
#
# Source: R-21.

TEND_SECONDS = 0.05
"""How long until bodies are looked at again, and what each look counts as their senders' time, however late it is.

What this process was busy with is none of their doing: a hall comes back all at once when a server is there again.
"""
TELL_SECONDS = 60.0
REAP_SECONDS = 0.02
"""How long an answered request's coroutine may stay: many are ended in one turn of the loop."""
THROWN_AWAY = 10
"""So many times what somebody may send is read and thrown away, that they hear it was too much."""
FILE_THREADS = 2
"""They ask who sends a large body, and write down what came of it: the loop waits for no disk."""
R = TypeVar("R")


class Front:
    """What granian calls (RSGI): serves a WSGI app, which only ever sees requests that are there as a whole."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        threads: int,
        now: Callable[[], datetime],
        sender_of: SenderOf = lambda _method, _path, _cookies: NOBODY,
        bodies: Bodies | None = None,
        budget: BodyBudget | None = None,
        new_spool: Callable[[], IO[bytes]] = TemporaryFile,
        parking: Parking | None = None,
        lane: LaneOf = lambda _method, _path: Lane.REST,
        share: FairShare | None = None,
        strangers: Strangers | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.app = app
        self._now = now
        self.timer = timer
        self._sender_of = sender_of
        self._bodies = Bodies() if bodies is None else bodies
        self._budget = BodyBudget(largest=SMALL_BODY) if budget is None else budget
        self._new_spool = new_spool
        self._files = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="large-body")
        self.parking = Parking() if parking is None else parking
        self._lane = lane
        self.share = FairShare() if share is None else share
        self._pools = {
            Lane.REST: ThreadPool(threads),
            Lane.STAFF: ThreadPool(min(STAFF_THREADS, threads)),
            Lane.POLLS: ThreadPool(min(POLL_THREADS, threads)),
            Lane.READS: ThreadPool(min(READ_THREADS, threads)),
            Lane.TURNS: ThreadPool(min(TURN_THREADS, threads)),
            Lane.PUBLIC: ThreadPool(min(PUBLIC_THREADS, threads)),
            Lane.SIGN_INS: ThreadPool(STRANGER_THREADS, waiting=MOST_WAITING),
        }
        self._strangers = strangers
        self._turned_away = 0
        self._environs = Environs()
        self._answered: deque[asyncio.Future[None]] = deque()
        self._reaping = False
        self._attended = 0.0
        """Seconds of looks at the bodies, in which their times are counted."""
        self._attended_at = math.inf
        """When the loop last came to look at them."""
        self._loop: asyncio.AbstractEventLoop
        self._tending: asyncio.Task[None]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to look after the bodies that are on their way."""
        self._loop = loop
        self.parking.open(loop)
        self._tending = loop.create_task(self._tend())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.parking.close()
        self._tending.cancel()
        self._files.shutdown(wait=False)

    def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> Coroutine[Any, Any, None]:
        return self._serve(scope, protocol)

    async def _tend(self) -> None:
        told_at, cut = -TELL_SECONDS, 0
        told_of_strangers_at = -TELL_SECONDS
        while True:
            await asyncio.sleep(TEND_SECONDS)
            now = time.monotonic()
            self._attended += TEND_SECONDS
            self._attended_at = self.timer()
            cut += self._bodies.cut_overdue(self._attended, most=cuts_at_once(len(self._bodies)))
            if cut and now - told_at >= TELL_SECONDS:
                log.warning("%d requests were let go whose bodies did not come", cut)
                told_at, cut = now, 0
            if self._turned_away and now - told_of_strangers_at >= TELL_SECONDS:
                log.warning("%d sign-ins were refused, too many were waiting", self._turned_away)
                told_of_strangers_at, self._turned_away = now, 0

    async def _serve(self, scope: Scope, protocol: HTTPProtocol) -> None:
        # What a body takes of the budget and of the disk it takes until its request is answered.
        with ExitStack() as held:
            received = await self._receive(scope, protocol, held)
            if received is None:
                return
            done = self._loop.create_future()
            lane = self._lane(scope.method, scope.path)
            if lane is Lane.SIGN_INS:
                lane = await self._lane_of_sign_in(scope, held)
            if self.ask(scope, received[0], protocol, done, received[1], lane=lane):
                await done
                return
            del received
        await self._refuse_stranger(scope, protocol)

    async def _lane_of_sign_in(self, scope: Scope, held: ExitStack) -> Lane:
        """Return the lane of a sign-in: that of staff for a few of each known machine."""
        strangers = self._strangers
        if strangers is None:
            return Lane.STAFF
        machine = strangers.machine_of(scope.headers.get("cookie") or "")
        if machine is None:
            return Lane.SIGN_INS
        if not (
            strangers.remembers(machine) or await self._in_a_thread(partial(strangers.is_known, machine))
        ):
            return Lane.SIGN_INS
        end = strangers.begin(machine)
        if end is None:
            return Lane.SIGN_INS
        held.callback(end)
        return Lane.STAFF

    async def _refuse_stranger(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Tell somebody, after a while, that too many are waiting; nothing of theirs is held meanwhile."""
        assert self._strangers is not None
        self._turned_away += 1
        await asyncio.sleep(REFUSED_AFTER)
        answer = await self._in_a_thread(partial(self._strangers.draw, scope.headers.get("cookie") or ""))
        try:
            protocol.response_bytes(*answer)
        except Exception:
            log.debug("nobody waited for an answer any more")

    async def _receive(
        self, scope: Scope, protocol: HTTPProtocol, held: ExitStack
    ) -> tuple[bytes | IO[bytes], Refused | None] | None:
        """Return the body and what it is refused by, if it is; None when there is nobody to answer any more.

        What ends before its declared length is dropped: its sender is gone, or means ill.
        """
        headers = scope.headers
        length = declared_length(headers.get("content-length"))
        if "transfer-encoding" in headers:
            return b"", NO_LENGTH
        try:
            if length > SMALL_BODY:
                return await self._receive_large(scope, protocol, length, held)
            if not length:
                return b"", None
            held.callback(self._budget.take_small(length))
        except CbtError as error:
            return b"", error
        raw = await self._read(scope, protocol, lambda _body: protocol())
        if raw is None:
            return None
        if len(raw) < length:
            _drop(protocol)
            return None
        return raw, None

    async def _receive_large(
        self, scope: Scope, protocol: HTTPProtocol, length: int, held: ExitStack
    ) -> tuple[bytes | IO[bytes], Refused | None] | None:
        """Have the body written down as it comes, if its sender may send it and it is within the budget.

        Whoever may send a file hears why this one is refused, so it is read and thrown away: a browser that is
        still sending when the line is closed often shows that the line broke, and nothing of the answer.
        """
        cookies = scope.headers.get("cookie") or ""
        sender = await self._in_a_thread(partial(self._sender_of, scope.method, scope.path, cookies))
        file: IO[bytes] | None = None
        refused: Refused | None = TOO_LARGE if length > sender.most else None
        try:
            if refused is None:
                held.callback(self._budget.take_large(sender.login, length))
                file = held.enter_context(await self._in_a_thread(self._new_spool))
        except CbtError as error:
            refused = error
        except OSError as error:
            refused = no_room(error)
        if file is None:
            heard = self._budget.take_heard(sender.login) if sender.most > SMALL_BODY else None
            if heard is None or length > THROWN_AWAY * sender.most:
                return b"", refused
            held.callback(heard)
        try:
            size = await self._read(scope, protocol, partial(self._write_down, protocol, file))
        except OSError as error:
            return b"", no_room(error)
        if size is None:
            return None
        if file is None:
            return b"", refused
        if size < length:
            _drop(protocol)
            return None
        return file, None

    async def _write_down(self, protocol: HTTPProtocol, file: IO[bytes] | None, body: Body) -> int:
        """Write a large body down as it comes, or throw it away; return its size, with `file` at its beginning."""
        pieces, size = [], 0
        async for piece in protocol:
            body.take(len(piece), self._attended)
            if file is None:
                continue
            pieces.append(piece)
            size += len(piece)
            if size >= WRITTEN_AT_ONCE:
                await self._in_a_thread(partial(file.writelines, pieces))
                pieces, size = [], 0
        if file is not None:
            await self._in_a_thread(partial(_finish, file, pieces))
        return body.received

    async def _in_a_thread(self, work: Callable[[], R]) -> R:
        return await self._loop.run_in_executor(self._files, work)

    def ask(
        self,
        scope: Scope,
        body: bytes | IO[bytes],
        protocol: HTTPProtocol,
        done: asyncio.Future[None],
        refused: Refused | None = None,
        until: float | None = None,
        lane: Lane | None = None,
    ) -> bool:
        """Have the app asked by a thread of its lane; return whether there was room for it.

        `until` is the end of the wait of a request that has waited.
        """
        environ = self._environs.of(scope, body)
        environ[RECEIVED_AT] = self._now()
        environ[HANDED_AT] = self.timer()
        environ[PROMISES] = True
        if refused is not None:
            environ[REFUSED] = refused
            environ["CONTENT_LENGTH"] = "0"
        elif not body:
            environ[MAY_WAIT] = True
            if until is not None:
                environ[AGAIN] = True

        if lane is None:
            lane = self._lane(scope.method, scope.path)
        stays = lane is Lane.POLLS  # a board is drawn anew as a whole by the process it comes to
        request = BufferedRequest(
            self, scope, protocol, done, environ, refused=refused is not None, until=until, stays=stays
        )
        if lane is Lane.SIGN_INS and self._strangers is not None:
            return self._pools[lane].put(partial(self._strangers.in_turn, request.ask))
        pool = (
            None if lane is Lane.COMMIT and refused is None else self._pools.get(lane, self._pools[Lane.REST])
        )
        # For so long the loop came to nothing else.
        late = environ[HANDED_AT] - self._attended_at - TEND_SECONDS
        patience = PAGE_PATIENCE if OF_A_PAGE in environ else math.inf
        if is_refused(0 if pool is None else pool.waiting, late, patience=patience):
            request.refuse(max(late, 0.0))
            return True
        if pool is not None:
            return pool.put(request.ask)
        environ[AT_ONCE] = True
        request.ask()
        return True

    def in_a_thread(self, work: Callable[[], None]) -> bool:
        """Have a thread do what the loop has begun; return whether there was room. Called by any thread."""
        pool = self._pools[Lane.REST]
        return not is_refused(pool.waiting, 0.0, patience=math.inf) and pool.put(work)

    def answered(self, done: asyncio.Future[None]) -> None:
        """Note that a request was answered; called by any thread."""
        self._answered.append(done)
        if not self._reaping:
            self._reaping = True
            self._loop.call_soon_threadsafe(self._loop.call_later, REAP_SECONDS, self._reap)

    def hold(self, held: ParkedRequest) -> None:
        """Let a request wait until something happens; called by any thread."""
        self._loop.call_soon_threadsafe(self._hold, held)

    def _hold(self, held: ParkedRequest) -> None:
        if not self.parking.take(held):
            held.send()

    async def _read(
        self, scope: Scope, protocol: HTTPProtocol, reading: Callable[[Body], Awaitable[R]]
    ) -> R | None:
        """Return what `reading` makes of the body; None when there is nobody to answer any more."""
        task = asyncio.current_task()
        assert task is not None
        body = Body(address_of(scope), self._attended, task.cancel)
        self._bodies.begin(body)
        try:
            return await reading(body)
        except ProtocolClosed:
            return None  # whoever sent it is gone
        except asyncio.CancelledError:
            if not body.cut:
                raise
            task.uncancel()
            # No page: of these there may be very many, and nobody reads it.
            protocol.response_bytes(TOO_SLOW, [("connection", "close"), *SECURITY_HEADERS.items()], b"")
            return None
        finally:
            self._bodies.end(body)

    def _reap(self) -> None:
        self._reaping = False
        while self._answered:
            done = self._answered.popleft()
            if not done.done():
                done.set_result(None)


def _drop(protocol: HTTPProtocol) -> None:
    """Answer what ended before its declared length; as of those that are too slow, nobody reads a page."""
    protocol.response_bytes(CUT_SHORT, [("connection", "close")], b"")


def _finish(file: IO[bytes], pieces: list[bytes]) -> None:
    file.writelines(pieces)
    file.seek(0)
