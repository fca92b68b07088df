"""The wire between a candidate's browser and the product: every reply is written down and searched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cbt.rehearsal.http_client import BrowserLine
from torture.judging.leaks import leaks
from torture.judging.ledger import Ledger
from torture.sites.people import Person

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

    def __init__(self, person: Person, port: Callable[[], int], ledger: Ledger) -> None:
        self.person = person
        self.ledger = ledger
        self._line = BrowserLine(port)

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
        answer = self._line.exchange("POST", path, body, {"Content-Type": "application/json", **headers})
        return answer.status, answer.raw

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        self._line.hang_up()


def _code(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["code"])
    except (ValueError, KeyError, TypeError):
        return "no code"
