"""Whose paper the answer page opens: what decides where they belong, and what the page tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cbt.rules.exam import Paper
from cbt.runner.attempt_states import OVER
from cbt.runner.save.attempt_row import Dialect, PaperKey

_COLUMNS = (
    "a.ref, a.state, r.confirmed_at, r.query_at, r.pledged_at, o.started_at, r.blueprint_version_id, "
    "r.paper, r.tools, c.name, t.number, s.number, g.purpose, a.receipt, a.closed_by, a.closed_at, "
    "p.candidate_id IS NOT NULL, "
    "EXISTS (SELECT 1 FROM centre WHERE kiosk_origin <> '')"
)
_JOINED = (
    "JOIN attempt a ON a.registration_id = r.id JOIN candidate c ON c.id = r.candidate_id "
    "JOIN admission_ticket t ON t.id = r.ticket_id JOIN seat s ON s.id = r.seat_id "
    "JOIN sitting_room o ON o.id = r.sitting_room_id JOIN sitting g ON g.id = r.sitting_id "
    "LEFT JOIN candidate_photo p ON p.candidate_id = c.id"
)
_BY_REF = f"SELECT {_COLUMNS} FROM registration r {_JOINED} WHERE r.ref = ?"
_BY_LOGIN = (
    f"SELECT l.token_hash, l.kind, l.revoked_at, l.expires_at, l.machine, {_COLUMNS} "
    f"FROM login_session l JOIN registration r ON r.ref = l.subject_ref {_JOINED} WHERE l.token_hash"
)


@dataclass(frozen=True, slots=True)
class Examinee:
    """One registration with its paper and its seat, as the database has it."""

    attempt_ref: str
    attempt_state: str
    confirmed_at: Any
    query_at: Any
    pledged_at: Any
    room_started_at: Any
    version_id: int
    paper: str
    tools: str
    name: str
    ticket: str
    seat: int
    purpose: str
    receipt: str | None
    closed_by: str | None
    closed_at: Any
    has_photo: bool
    by_kiosk: bool
    """Whether any centre asks for its kiosk browser, so that this one is to be looked at."""

    @property
    def paper_key(self) -> PaperKey:
        return self.version_id, self.paper

    def belongs_at(self) -> str | None:
        """Return the page this candidate is led to; None where it is the paper. Source: R-14."""
        if self.attempt_state in OVER:
            return "delivery.done"
        if self.confirmed_at is None or self.query_at is not None:
            return "door.confirm"
        if self.pledged_at is None:
            return "door.notice"
        return "door.wait" if self.room_started_at is None else None

    def told(self, paper: Paper, title: str, *, photo_url: str) -> dict[str, Any]:
        """Return what the page is told of the person."""
        return {
            "ref": self.attempt_ref,
            "paper_title": title,
            "candidate_name": self.name,
            "ticket_number": self.ticket,
            "seat_number": f"{self.seat:02d}",
            "photo_url": photo_url if self.has_photo else None,
            "watermark": f"{self.name} {self.ticket}" if paper.lock_down else None,
            "lock_down": paper.lock_down,
        }


class SignedIn(NamedTuple):
    """An examinee with the login session of a browser, which may be over."""

    kind: str
    revoked_at: Any
    expires_at: Any
    machine: str | None
    examinee: Examinee


class ExamineeReader:
    """Finds them on a cursor of the database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._by_ref = dialect.sql(_BY_REF)

    def find(self, cursor: Any, registration_ref: str) -> Examinee | None:
        """Return whose registration this is; None while its form is not drawn."""
        cursor.execute(self._by_ref, (registration_ref,))
        row = cursor.fetchone()
        return None if row is None else Examinee(*row)

    def signed_in(self, cursor: Any, token_hashes: Sequence[str]) -> dict[str, SignedIn]:
        """Return who is signed in by tokens, by their hashes; without those nobody has whose form is drawn."""
        among, values = self._dialect.among(token_hashes)
        cursor.execute(f"{_BY_LOGIN} {among}", values)
        return {
            found: SignedIn(kind, revoked_at, expires_at, machine, Examinee(*theirs))
            for found, kind, revoked_at, expires_at, machine, *theirs in cursor.fetchall()
        }
