"""The steps of a virtual candidate, and what came of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbt.rehearsal.line import WireReply


@dataclass(slots=True)
class Account:
    """What one candidate saw: the receipts it was given, and what the server took for them."""

    attempt_id: int
    signed_in: bool = False
    started: float | None = None
    """Seconds from 统一开考 to the paper on the screen."""
    acknowledged: dict[tuple[int, int], tuple[int, Any]] = field(default_factory=dict)
    """(epoch, number) -> (position, answer)"""
    latencies: list[float] = field(default_factory=list)
    repeated: int = 0
    refused: list[str] = field(default_factory=list)
    """The codes of what was refused that a browser does not send twice."""
    receipt: str = ""
    closed: bool = False


@dataclass(slots=True)
class Ask:
    """A request to make; the driver sends the answer back. `due`: when it was to go out, where that was before."""

    kind: str
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Time to let pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ready:
    """The candidate waits; a driver that knows when the rooms begin goes on then."""


Steps = Generator[Ask | Rest | Ready, WireReply | None, Any]
