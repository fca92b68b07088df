"""The people of an office's sittings: registered for papers, examined, with scores and the evidence of these."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bench.installation import PAPER, Installation
from cbt.blueprints.store import current_version
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.personal import document_index
from cbt.rules.canonical import canonical_json, digest_of
from cbt.rules.door import mask_document
from cbt.rules.states import State
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.scoring.score_sheets import Scorers
from cbt.sittings.models import Seat, Sitting, SittingRoom
from cbt.storage.crypto import DOCUMENT, seal
from cbt.storage.types import Base, new_ref

SEATS = 100
FIRST = 10**8
"""People are numbered from here on: those of the exam and of the roster have other numbers."""
SHEETS = 40
"""So many different score sheets there are."""
KNOWN = 0.75
"""How much of a paper somebody knows: nearly everybody passes."""
DAY = timedelta(days=1)
_CHUNK = 2000


class People:
    """Enters people by rows of whole tables; everybody is somebody else."""

    def __init__(self, session: Session, built: Installation, now: datetime) -> None:
        self._session, self._now, self._next = session, now, FIRST
        self._version = current_version(session, PAPER.level).id
        example = session.get_one(Attempt, built.sitters[0].attempt_id)
        self._form, self._layout = example.form_id, example.layout
        self._sheets = _sheets(session, built)

    def register(
        self,
        sitting: Sitting,
        rooms: Sequence[SittingRoom],
        papers: Sequence[str],
        many: int,
        *,
        per_room: int = SEATS,
        papers_each: int = 1,
    ) -> list[int]:
        """Register people for `many` papers, which go round from room to room or to each person; return the ids."""
        people = [self._next + number for number in range(many // papers_each)]
        self._next += len(people)
        over = sitting.planned_start_at < self._now
        candidates = self.insert(Candidate, [_candidate(number, sitting) for number in people])
        tickets = self.insert(
            AdmissionTicket,
            [
                {
                    "batch_id": sitting.batch_id, "candidate_id": candidate, "number": f"27{number:010d}",
                    "reprint_reasons": "",
                }
                for number, candidate in zip(people, candidates, strict=True)
            ],
        )  # fmt: skip
        seats = self._seats(rooms, per_room)
        door = dict.fromkeys(("arrived_at", "checked_in_at", "signed_in_at", "confirmed_at", "pledged_at"))
        came = dict.fromkeys(door, sitting.planned_start_at) if over else door
        rows = []
        for number in range(many):
            person, (room, place, seat) = number // papers_each, next(seats)
            paper = papers[number % papers_each] if papers_each > 1 else papers[place % len(papers)]
            rows.append(
                {
                    "ref": new_ref("re"), "candidate_id": candidates[person], "ticket_id": tickets[person],
                    "sitting_id": sitting.id, "sitting_room_id": room, "seat_id": seat,
                    "blueprint_version_id": self._version, "blueprint_ref": PAPER.level, "paper": paper,
                    "kind": "first", "factor": Decimal(1), "extra": timedelta(0), "accommodation_note": "",
                    "tools": "", "eligibility": "", "note": "", "query_about": "", **came,
                }
            )  # fmt: skip
        return self.insert(Registration, rows)

    def _seats(self, rooms: Sequence[SittingRoom], per_room: int) -> Iterator[tuple[int, int, int]]:
        """Yield the seats of rooms: the sitting-room, which of the rooms it is, the seat."""
        for place, room in enumerate(rooms):
            query = select(Seat.id).where(Seat.room_id == room.room_id).order_by(Seat.number).limit(per_room)
            for seat in self._session.scalars(query):
                yield room.id, place, seat

    def examine(self, sitting: Sitting, registrations: Sequence[int]) -> list[int]:
        """Give everybody an attempt that is handed in and has a score; return the attempts."""
        at = sitting.planned_start_at
        query = select(Registration.id, Registration.sitting_room_id)
        seated = self._session.execute(query.where(Registration.sitting_id == sitting.id))
        rooms = {row.id: row.sitting_room_id for row in seated}
        attempts = self.insert(
            Attempt,
            [
                {
                    "ref": new_ref("at"), "registration_id": one, "sitting_room_id": rooms[one],
                    "form_id": self._form, "layout": self._layout, "state": State.SCORED.value, "started_at": at,
                    "closes_at": at + timedelta(hours=2), "earliest_submit_at": at, "grace": timedelta(seconds=3),
                    "has_message": False, "closed_at": at + timedelta(hours=1), "closed_by": "candidate",
                    "submitted_at": at + timedelta(hours=1), "receipt": f"{one:012x}",
                    "journal_digest": f"{one:064x}", "lease_epoch": 1, "lease_machines": "",
                }
                for one in registrations
            ],
        )  # fmt: skip
        self.insert(
            Score,
            [
                {
                    "attempt_id": attempt, "number": 1, "key_revision": 0, "journal_digest": f"{one:064x}",
                    "scored_at": at + timedelta(hours=2), **self._sheets[place % len(self._sheets)],
                }
                for place, (attempt, one) in enumerate(zip(attempts, registrations, strict=True))
            ],
        )  # fmt: skip
        return attempts

    def results(self, sitting: Sitting) -> list[dict[str, Any]]:
        query = (
            select(Registration.id, Score.id, Score.score, Score.passed)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Score, Score.attempt_id == Attempt.id)
            .where(Registration.sitting_id == sitting.id)
        )
        return [
            {
                "registration_id": registration,
                "score_id": score_id,
                "score": score,
                "outcome": "passed" if passed else "failed",
            }
            for registration, score_id, score, passed in self._session.execute(query)
        ]

    def insert(self, table: type[Base], rows: Sequence[dict[str, Any]]) -> list[int]:
        """Insert rows, a stretch of them at a time, and return their ids in the same order."""
        own = table.__table__.c.id
        found: list[int] = []
        for start in range(0, len(rows), _CHUNK):
            query = insert(table).returning(own, sort_by_parameter_order=True)
            found += self._session.scalars(query, rows[start : start + _CHUNK])
        return found


def _candidate(number: int, sitting: Sitting) -> dict[str, Any]:
    document = f"{number:017d}X"
    return {
        "ref": new_ref("ca"), "name": f"考生{number}", "gender": "", "document_type": "resident_id",
        "document_sealed": seal(document, DOCUMENT), "document_index": document_index(document),
        "document_masked": mask_document(document), "phone_sealed": None, "employer": "",
        "created_at": sitting.planned_start_at - 30 * DAY,
    }  # fmt: skip


def _sheets(session: Session, built: Installation) -> list[dict[str, Any]]:
    """Return the scores, with their evidence, of people who know much of one paper."""
    sitter, rng = built.sitters[0], random.Random(1)
    scorer = Scorers().scorers_of(session, [sitter.attempt_id])[sitter.attempt_id]
    shapes = built.app.extensions["cbt_journal"].infos.get(sitter.attempt_ref).shapes
    right: dict[str, str] = {}
    for place, letter in enumerate("ABCD"):
        said = canonical_json(letter)
        offered = [str(position) for position, shape in enumerate(shapes, 1) if place < len(shape["order"])]
        sheet = scorer.score(dict.fromkeys(offered, said))
        right |= {str(position): said for position in _earned(sheet.content)}
    found = []
    for _ in range(SHEETS):
        known = {place: said for place, said in right.items() if rng.random() < KNOWN}
        sheet = scorer.score(known)
        found.append(
            {
                "raw": sheet.raw,
                "score": sheet.score,
                "passed": sheet.passed,
                "sheet": sheet.content.decode(),
                "sha256": digest_of(sheet.content),
            }
        )
    return found


def _earned(sheet: bytes) -> list[int]:
    return [one["position"] for one in json.loads(sheet)["positions"] if one["earned"] != "0"]
