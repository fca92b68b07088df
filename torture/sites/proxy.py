"""A bad network between browsers and a server: one request at a time it loses, cuts, holds, doubles, reorders.

It stands on a port of 127.0.0.1, its own unless told otherwise, and reads whole requests, so that it can choose
what a network does to each. Whatever it does is what a network may do; it never makes a request or a reply up.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from torture.sites.waiting import PATIENCE_SECONDS, wait_for

HOST = "127.0.0.1"
FAULTS = ("reply_lost", "cut_in_body", "half_open", "delayed", "doubled", "late", "reset")
"""What may happen to a request:

reply_lost: done, the reply never arrives. cut_in_body: half of it arrives. half_open: done, and silence.
delayed: it waits on its way and on its way back. doubled: it arrives twice at once. late: the browser hears a
reset, tries again, and then the first one arrives as well. reset: it never left.
"""
LONGEST_SECONDS = 1.0


class Proxy:
    """Listens while its block is open; `rate` is the share of requests something happens to."""

    def __init__(
        self,
        target: Callable[[], int],
        rng: random.Random,
        *,
        rate: float = 0.3,
        host: str = HOST,
        port: int = 0,
    ) -> None:
        self.port = port
        self.rate = rate
        self.down = False
        """Whether the network is gone: whatever is open is cut, whatever comes is not answered."""
        self.done: Counter[str] = Counter()
        """How often each fault was injected."""
        self._target = target
        self._host = host
        self._rng = rng
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    @property
    def faults(self) -> int:
        """Return how many faults were injected."""
        return sum(self.done.values())

    def cut(self) -> None:
        """Cut every connection, and let nothing through until `mend`."""
        self.down = True
        self._run(self._cut())
        self.done["cut"] += 1

    def mend(self) -> None:
        """Let the network be whole again, and do nothing to it any more."""
        self.down = False
        self.rate = 0.0

    def wait_for_faults(self, count: int, seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until `count` faults were injected; return whether they were."""
        return wait_for(lambda: self.faults >= count, seconds)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_SECONDS)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for line in list(self._lines):
            _reset(line)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._lines.add(writer)
        try:
            while not self.down:
                request = await _message(reader)
                if self.down or not await self._pass_on(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            pass  # either side hung up, or the proxy is closed: the streams' own callback wants no error
        finally:
            self._lines.discard(writer)
            self._tasks.discard(task)
            _reset(writer)

    async def _pass_on(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Let one request through, or not; return whether the connection lives on."""
        fault = self._rng.choice(FAULTS) if self._rng.random() < self.rate else ""
        if fault:
            self.done[fault] += 1
        wait = self._rng.random() * LONGEST_SECONDS
        if fault == "reset":
            return False
        if fault == "late":
            self._begin(self._late(request, wait))
            return False
        if fault == "cut_in_body":
            await self._half(request)
            return False
        if fault == "doubled":
            self._begin(self._late(request, 0))
        if fault == "delayed":
            await asyncio.sleep(wait / 4)
        reply = await self._ask(request)
        if fault == "reply_lost":
            return False
        if fault == "half_open":
            await asyncio.sleep(wait)
            return False
        if fault == "delayed":
            await asyncio.sleep(wait / 4)
        writer.write(reply)
        await writer.drain()
        return True

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _late(self, request: bytes, wait: float) -> None:
        await asyncio.sleep(wait)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            await self._ask(request)

    async def _half(self, request: bytes) -> None:
        _, writer = await asyncio.open_connection(self._host, self._target())
        body = request.index(b"\r\n\r\n") + 4
        writer.write(request[: (body + len(request)) // 2])
        await writer.drain()
        _reset(writer)

    async def _ask(self, request: bytes) -> bytes:
        """Send a request over a connection of its own and return the reply."""
        reader, writer = await asyncio.open_connection(self._host, self._target())
        self._lines.add(writer)
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        finally:
            self._lines.discard(writer)
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read one request or reply whole."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":", 1)[1]))
    return head


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection as a broken network does: with a reset, not with a farewell."""
    found = writer.get_extra_info("socket")
    if found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
