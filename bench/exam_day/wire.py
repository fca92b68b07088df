"""A browser for one loop: a kept connection, opened again when it breaks, gzip asked for, cookies kept."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cbt.rehearsal.http_client import HOST, WireReply

PATIENCE_SECONDS = 60.0
GZIPPED = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class PackedReply(WireReply):
    """An answer that came packed; unpacked when somebody looks at it, for one process is two thousand browsers."""

    @property
    def text(self) -> str:
        """The page."""
        return self._unpacked.text

    @property
    def body(self) -> Mapping[str, Any]:
        """What was said as JSON."""
        return self._unpacked.body

    @property
    def _unpacked(self) -> WireReply:
        return WireReply(self.status, zlib.decompress(self.raw, GZIPPED))


class _Wire(asyncio.Protocol):
    """One connection with one request in flight."""

    def __init__(self) -> None:
        self.buffer, self.need = b"", 0
        self.transport: asyncio.Transport | None = None
        self.reply: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.need:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            length = header(self.buffer[:end], b"content-length")
            self.need = end + 4 + int(length or 0)
        if len(self.buffer) >= self.need and self.reply is not None and not self.reply.done():
            self.reply.set_result(self.buffer)
            self.buffer, self.need = b"", 0

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(ConnectionError("the server closed a connection"))


def header(head: bytes, name: bytes) -> str:
    """Return the value of a header; "" without it."""
    lowered = head.lower()
    start = lowered.find(b"\r\n" + name + b":")
    if start < 0:
        return ""
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip().decode()


class Browser:
    """One browser of a machine; `broken` counts connections that were lost with a request in flight."""

    def __init__(self, port: int, cookies: Mapping[str, str]) -> None:
        self.cookies = dict(cookies)
        self.broken = 0
        self._port = port
        self._wire: _Wire | None = None

    @property
    def cookie(self) -> str:
        """The header of its cookies."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    async def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> WireReply:
        """Send one request and return the answer; status 0 when none came."""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {HOST}",
            "Accept-Encoding: gzip",
            f"Cookie: {self.cookie}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", ""]).encode() + body
        try:
            return self._read(await self._exchange(request))
        except (OSError, TimeoutError):
            self.broken += 1
            self.close()
            return WireReply(0)

    async def _exchange(self, request: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        wire = self._wire
        if wire is None or wire.transport is None or wire.transport.is_closing():
            _, wire = await loop.create_connection(_Wire, HOST, self._port)
            self._wire = wire
        assert wire.transport is not None
        wire.reply = loop.create_future()
        wire.transport.write(request)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await wire.reply

    def _read(self, raw: bytes) -> WireReply:
        end = raw.find(b"\r\n\r\n")
        head, body = raw[:end], raw[end + 4 :]
        lowered = head.lower()
        if b"\r\nset-cookie:" in lowered:
            self._keep(head)
        if b"\r\nconnection: close" in lowered:
            self.close()
        kind = PackedReply if b"\r\ncontent-encoding: gzip" in lowered else WireReply
        location = header(head, b"location") if head[9:10] == b"3" else ""
        return kind(int(head[9:12]), body, location, header(head, b"etag"))

    def _keep(self, head: bytes) -> None:
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"set-cookie:"):
                name, _, value = line[11:].strip().split(b";")[0].decode().partition("=")
                self.cookies[name] = value

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        wire, self._wire = self._wire, None
        if wire is not None and wire.transport is not None:
            wire.transport.close()
