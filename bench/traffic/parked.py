"""Answer pages that wait for news: each has a request that is open until something happens, then the next."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from bench.installation import Sitter
from bench.traffic.client import content_length, page_bytes
from bench.traffic.loads import under_lease
from cbt.rehearsal.http_client import HOST

BEGIN_SECONDS = 60.0
AGAIN_SECONDS = 0.05
SETTLE_SECONDS = 0.5
EACH_SECONDS = 0.003
"""What the request that waits, the second of each page, takes to get where it waits."""


class Parked:
    """The open pages, in a thread of their own."""

    def __init__(self, port: int, sitters: Sequence[Sitter]) -> None:
        self._port = port
        self._sitters = sitters
        self._stopped = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Semaphore(0)
        self.heard: list[float] = []
        """When each answer came that said something, by the monotonic clock."""
        self.refused = 0

    def begin(self) -> None:
        """Open every page; return once each has a request that waits."""
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        )
        self._thread.start()
        for _ in self._sitters:
            if not self._begun.acquire(timeout=BEGIN_SECONDS):
                raise RuntimeError("a page that waits for news was not answered")
        time.sleep(SETTLE_SECONDS + EACH_SECONDS * len(self._sitters))

    def end(self) -> None:
        """Close every page."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        pages = [asyncio.ensure_future(self._page(sitter)) for sitter in self._sitters]
        await self._stopped.wait()
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)

    async def _page(self, sitter: Sitter) -> None:
        number: int | None = None
        while True:
            reader, writer = await asyncio.open_connection(HOST, self._port)
            try:
                while True:
                    status, body = await _asked(reader, writer, sitter, number)
                    if status != 200:
                        self.refused += 1
                        await asyncio.sleep(1)
                        continue
                    if body["news"]:
                        self.heard.append(time.monotonic())
                    if number is None:
                        self._begun.release()
                    number = body["number"]
                    await asyncio.sleep(AGAIN_SECONDS)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(AGAIN_SECONDS)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()


async def _asked(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sitter: Sitter, number: int | None
) -> tuple[int, dict[str, list[object] | int]]:
    query = "" if number is None else f"?since={number}"
    writer.write(page_bytes(f"/attempts/{sitter.attempt_ref}/news{query}", under_lease(sitter)))
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head[9:12]), json.loads(await reader.readexactly(content_length(head)))


@contextmanager
def parked(port: int, sitters: Sequence[Sitter]) -> Iterator[Parked]:
    """Have the pages of these sitters open for the length of the block."""
    pages = Parked(port, sitters)
    if sitters:
        pages.begin()
    try:
        yield pages
    finally:
        if sitters:
            pages.end()
