"""The connection of a virtual browser: kept alive, opened again when it breaks, with the cookies it was given."""

from __future__ import annotations

import contextlib
import http.client
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode

import msgspec

HOST = "127.0.0.1"
"""The only host a line leads to: no caller can name another (tests/attacks/test_source.py reads that)."""
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class WireReply:
    """The answer of a server; status 0 when none came."""

    status: int
    raw: bytes = b""
    location: str = ""
    etag: str = ""

    @property
    def text(self) -> str:
        return self.raw.decode(errors="replace")

    @property
    def body(self) -> Mapping[str, Any]:
        """What was said as JSON; empty where it was something else."""
        try:
            read = msgspec.json.decode(self.raw) if self.raw else {}
        except ValueError:
            read = {}
        return read if isinstance(read, dict) else {}


class BrowserLine:
    """One browser's connection to a server of this machine, and of no other."""

    def __init__(self, port: Callable[[], int]) -> None:
        """`port` is asked whenever a connection is opened: a server may come up again elsewhere."""
        self.cookies: dict[str, str] = {}
        self._port = port
        self._line: http.client.HTTPConnection | None = None

    def exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> WireReply:
        """Send one request and return the answer."""
        if self._line is None:
            self._line = http.client.HTTPConnection(HOST, self._port(), timeout=TIMEOUT_SECONDS)
        try:
            self._line.request(method, path, body or None, dict(headers or {}))
            answer = self._line.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return WireReply(0)
        self._keep(answer.headers.get_all("Set-Cookie") or ())
        return WireReply(answer.status, raw, answer.headers.get("Location", ""))

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> WireReply:
        return self.exchange(method, path, body, {**self._own(), **headers})

    def page(self, path: str) -> WireReply:
        return self.exchange("GET", path, headers=self._own())

    def post_form(self, path: str, fields: Mapping[str, str]) -> WireReply:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.exchange("POST", path, urlencode(fields).encode(), self._own() | kind)

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(OSError):
                line.close()

    def _own(self) -> dict[str, str]:
        shown = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": shown} if shown else {}

    def _keep(self, headers: Sequence[str]) -> None:
        for header in headers:
            with contextlib.suppress(CookieError):
                for name, morsel in SimpleCookie(header).items():
                    self.cookies[name] = morsel.coded_value


def percentile_ms(latencies: Sequence[float], share: float) -> float | None:
    """Return the latency in milliseconds that `share` of the replies stayed within; None without replies."""
    if not latencies:
        return None
    ranked = sorted(latencies)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000
