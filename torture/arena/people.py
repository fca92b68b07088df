"""The candidates of an arena: a person and a ticket each, numbered from 1."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from cbt.candidates.models import AdmissionTicket, Candidate
from cbt.candidates.personal import DOCUMENT, document_index
from cbt.db.private.sealing import seal


def add_candidate(session: Session, number: int, *, batch_id: int, now: datetime) -> None:
    """Add person and ticket `number`, which is also the id of both."""
    document = f"{number:017d}X"
    session.add(
        Candidate(
            id=number,
            ref=f"ca_{number}",
            name=f"考生{number}",
            gender="",
            document_type="resident_id",
            document_sealed=seal(document, DOCUMENT),
            document_index=document_index(document),
            document_masked="",
            employer="",
            created_at=now,
        )
    )
    session.flush()
    session.add(AdmissionTicket(id=number, batch_id=batch_id, candidate_id=number, number=f"{number:012d}"))
