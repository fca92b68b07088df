"""What a candidate types at a seat, where and when, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cbt.sittings.models import Seat
from cbt.web.who.machine import Machine


@dataclass(frozen=True, slots=True)
class SignInInput:
    """What a candidate typed: normalised ticket number and one of the two secrets."""

    ticket: str
    by: Literal["document", "code"]
    secret: str


@dataclass(frozen=True, slots=True)
class SeatVisit:
    """A browser that signs somebody in: its machine, the seat this stands at, the login it still holds."""

    machine: Machine
    seat: Seat | None
    now: datetime
    former_login_id: int | None


@dataclass(frozen=True, slots=True)
class SeatSignIn:
    """A login session was opened; `token` goes into the cookie after the commit."""

    token: str
    registration_ref: str


@dataclass(frozen=True, slots=True)
class PaperChoice:
    """Two papers are open for this person; the references of their registrations, earliest first."""

    registration_refs: tuple[str, ...]
