"""The wire between a candidate's browser and the product: every reply is written down and searched."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torture.judging.leaks import leaks
from torture.judging.ledger import Ledger
from torture.sites.people import Person

TIMEOUT_SECONDS = 30.0
EXPECTED = frozenset({0, 200, 409, 410, 423, 425, 429, 503})
"""What the product may answer to a browser that does nothing wrong; 0 is no reply."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of the server; status 0 when none came."""

    status: int
    body: Mapping[str, Any]

    @property
    def code(self) -> str:
        """Return the error's code, "" when there is none."""
        return str(self.body.get("code", ""))


class Wire:
    """One candidate's connection, opened again whenever it breaks."""

    expected = EXPECTED
    """The statuses that are no breach."""

    def __init__(self, person: Person, port: Callable[[], int], ledger: Ledger, *, host: str) -> None:
        self.person = person
        self.ledger = ledger
        self._port = port
        self._host = host
        self._line: http.client.HTTPConnection | None = None

    def call(
        self, operation: str, body: Mapping[str, Any], headers: Mapping[str, str], *, carries: bool
    ) -> Reply:
        """POST to the attempt and return the reply; it is written down and searched for what must not be there."""
        sent_at = time.monotonic()
        path = f"/attempts/{self.person.attempt_ref}/{operation}"
        sent = {"Cookie": self.person.cookie, **headers}
        status, raw = self._exchange(path, json.dumps(body).encode(), sent)
        self.ledger.answered(operation, status, sent_at=sent_at, carries=carries)
        if status not in self.expected:
            invariant = "I12" if status >= 500 else "X"
            self.ledger.breach(invariant, f"{operation} was answered {status}: {_code(raw)}")
        for what in leaks(raw, self.person.secrets):
            self.ledger.breach("I9", f"a reply to {operation} ({status}) holds {what}")
        try:
            read = json.loads(raw) if raw else {}
        except ValueError:
            read = {}
        return Reply(status, read if isinstance(read, dict) else {})

    def _exchange(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._line is None:
            self._line = http.client.HTTPConnection(self._host, self._port(), timeout=TIMEOUT_SECONDS)
        try:
            self._line.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = self._line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return 0, b""

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(OSError):
                line.close()


def _code(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["code"])
    except (ValueError, KeyError, TypeError):
        return "no code"
