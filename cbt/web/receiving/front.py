"""The front of a server process: one loop reads requests whole, pools of threads answer them (lanes.py).

A thread is used once a request is there, never for waiting on a body or a line, so whoever sends slowly takes
nothing from the others. The loop stamps the instant at which a request had been read (R-21) and hands it on as a
WSGI call; between the two nothing but a queue. What waits for a commit alone the loop asks for itself, and its
answer is promised (promises.py).

Source: R-21.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # meant to be used

from cbt.web.headers import SECURITY_HEADERS
from cbt.web.receiving.asking import AskedRequest
from cbt.web.receiving.bodies import SMALL_BODY, Bodies, Body, cuts_at_once, declared_length
from cbt.web.receiving.environs import Environs, address_of
from cbt.web.receiving.lanes import POLL_THREADS, READ_THREADS, STAFF_THREADS, TURN_THREADS, Lane, LaneOf
from cbt.web.receiving.parking import AGAIN, MAY_WAIT, ParkedRequest, Parking
from cbt.web.receiving.pool import ThreadPool
from cbt.web.receiving.promises import AT_ONCE, PROMISES
from cbt.web.receiving.sharing import FairShare
from cbt.web.receiving.whole import HANDED_AT, NO_LENGTH, RECEIVED_AT, REFUSED, TOO_LARGE, TOO_SLOW, Limit

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

TEND_SECONDS = 0.05
"""How long until bodies are looked at again, and what each look counts as their senders' time, however late it is.

What this process was busy with is none of their doing: a hall comes back all at once when a server is there again.
"""
TELL_SECONDS = 60.0
REAP_SECONDS = 0.02
"""How long an answered request's coroutine may stay: many are ended in one turn of the loop."""
THROWN_AWAY = 10
"""So many times what somebody may send is read and thrown away, that they hear it was too much."""
log = logging.getLogger(__name__)


class Front:
    """What granian calls (RSGI): serves a WSGI app, which only ever sees requests that are there as a whole."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        threads: int,
        now: Callable[[], datetime],
        limit: Limit = lambda _method, _path, _cookies: SMALL_BODY,
        bodies: Bodies | None = None,
        parking: Parking | None = None,
        lane: LaneOf = lambda _method, _path: Lane.REST,
        share: FairShare | None = None,
    ) -> None:
        self.app = app
        self._now = now
        self._limit = limit
        self._bodies = Bodies() if bodies is None else bodies
        self.parking = Parking() if parking is None else parking
        self._lane = lane
        self.share = FairShare() if share is None else share
        self._pools = {
            Lane.REST: ThreadPool(threads),
            Lane.STAFF: ThreadPool(min(STAFF_THREADS, threads)),
            Lane.POLLS: ThreadPool(min(POLL_THREADS, threads)),
            Lane.READS: ThreadPool(min(READ_THREADS, threads)),
            Lane.TURNS: ThreadPool(min(TURN_THREADS, threads)),
        }
        self._environs = Environs()
        self._answered: deque[asyncio.Future[None]] = deque()
        self._reaping = False
        self._attended = 0.0
        """Seconds of looks at the bodies, in which their times are counted."""
        self._loop: asyncio.AbstractEventLoop
        self._tending: asyncio.Task[None]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to look after the bodies that are on their way."""
        self._loop = loop
        self.parking.open(loop)
        self._tending = loop.create_task(self._tend())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop."""
        self.parking.close()
        self._tending.cancel()

    def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> Coroutine[Any, Any, None]:
        """Answer one request."""
        return self._serve(scope, protocol)

    async def _tend(self) -> None:
        told_at, cut = -TELL_SECONDS, 0
        while True:
            await asyncio.sleep(TEND_SECONDS)
            now = time.monotonic()
            self._attended += TEND_SECONDS
            cut += self._bodies.cut_overdue(self._attended, most=cuts_at_once(len(self._bodies)))
            if cut and now - told_at >= TELL_SECONDS:
                log.warning("%d requests were let go whose bodies did not come", cut)
                told_at, cut = now, 0

    async def _serve(self, scope: Scope, protocol: HTTPProtocol) -> None:
        headers = scope.headers
        length = declared_length(headers.get("content-length"))
        refused, raw = 0, b""
        if "transfer-encoding" in headers:
            refused = NO_LENGTH
        elif length:
            most = (
                self._limit(scope.method, scope.path, headers.get("cookie") or "")
                if length > SMALL_BODY
                else 0
            )
            refused = TOO_LARGE if length > max(most, SMALL_BODY) else 0
            # Whoever may send a file hears why this one is refused: a browser that is still sending when the line
            # is closed often shows that the line broke, and nothing of the answer.
            if not refused or (most > SMALL_BODY and length <= THROWN_AWAY * most):
                read = await self._read(scope, protocol, length, keep=not refused)
                if read is None:
                    return
                raw = read
        done = self._loop.create_future()
        self.ask(scope, raw, protocol, done, refused)
        await done

    def ask(
        self,
        scope: Scope,
        raw: bytes,
        protocol: HTTPProtocol,
        done: asyncio.Future[None],
        refused: int = 0,
        until: float | None = None,
    ) -> None:
        """Have the app asked by a thread; `until` is the end of the wait of a request that has waited."""
        environ = self._environs.of(scope, raw)
        environ[RECEIVED_AT] = self._now()
        environ[HANDED_AT] = time.perf_counter()
        environ[PROMISES] = True
        if refused:
            environ[REFUSED] = refused
            environ["CONTENT_LENGTH"] = "0"
        elif not raw:
            environ[MAY_WAIT] = True
            if until is not None:
                environ[AGAIN] = True

        lane = self._lane(scope.method, scope.path)
        stays = lane is Lane.POLLS  # a board is drawn anew as a whole by the process it comes to
        request = AskedRequest(
            self, scope, protocol, done, environ, refused=bool(refused), until=until, stays=stays
        )
        if lane is not Lane.COMMIT:
            self._pools[lane].put(request.ask)
        elif refused:
            self._pools[Lane.REST].put(request.ask)
        else:
            environ[AT_ONCE] = True
            request.ask()

    def in_a_thread(self, work: Callable[[], None]) -> None:
        """Have a thread do what the loop has begun; called by any thread."""
        self._pools[Lane.REST].put(work)

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

    async def _read(self, scope: Scope, protocol: HTTPProtocol, length: int, *, keep: bool) -> bytes | None:
        """Return the body, or nothing of it unless `keep`; None when there is nobody to answer any more."""
        task = asyncio.current_task()
        assert task is not None
        body = Body(address_of(scope), self._attended, task.cancel)
        self._bodies.begin(body)
        try:
            return await protocol() if length <= SMALL_BODY else await _read_large(protocol, body, keep=keep)
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
        """End the coroutines of what has been answered."""
        self._reaping = False
        while self._answered:
            done = self._answered.popleft()
            if not done.done():
                done.set_result(None)


async def _read_large(protocol: HTTPProtocol, body: Body, *, keep: bool) -> bytes:
    pieces = []
    async for piece in protocol:
        if keep:
            pieces.append(piece)
        body.received += len(piece)
    return b"".join(pieces)
