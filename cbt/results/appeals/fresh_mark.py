"""复评 for an appeal: what people marked goes to a marker who never had it, before the appeal is decided.

Source: R-51, R-64, R-91.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Registration
from cbt.errors import Conflict, InvalidInput
from cbt.results.models import Appeal
from cbt.rules.appeals import AppealState
from cbt.runner.models import Attempt
from cbt.scoring.marking.fresh_marks import end_purpose, request_marks, waits_for
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting
from cbt.storage.unit_of_work import unit_of_work


def fresh_subject(appeal: Appeal) -> str:
    """Return what fresh marks of an appeal are asked for by."""
    return f"appeal:{appeal.ref}"


def ask_marks(ref: str, answers: Collection[str], *, now: datetime, actor: str) -> None:
    """Have answers of the paper marked afresh, before the appeal is decided.

    Raise InvalidInput("appeal.answers") for none, NotFound("appeal.unknown"), Conflict("appeal.over_already"|
    "marking.no_fresh").

    Source: R-51, R-91.
    """
    if not answers:
        raise InvalidInput("appeal.answers", field="answer")
    with unit_of_work() as session:
        appeal, registration, sitting = _open_appeal(session, ref)
        attempt_id = session.scalars(
            select(Attempt.id).where(Attempt.registration_id == registration.id)
        ).one()
        positions = request_marks(
            session, sitting, answers, fresh_subject(appeal), attempt_id=attempt_id, now=now, actor=actor
        )
        after = {"appeal": ref, "positions": positions}
        record(session, at=now, actor=actor, act="appeal.fresh", subject=registration.logged_as, after=after)


def call_off_marks(ref: str, *, now: datetime, actor: str) -> None:
    """Have what still waits for its fresh mark be decided without one.

    Raise NotFound("appeal.unknown"), Conflict("appeal.over_already"|"appeal.nothing_waits").

    Source: R-64, R-91.
    """
    with unit_of_work() as session:
        appeal, registration, sitting = _open_appeal(session, ref)
        subject = fresh_subject(appeal)
        if not waits_for(session, subject):
            raise Conflict("appeal.nothing_waits")
        end_purpose(session, sitting, subject, now=now, actor=actor)
        record(
            session,
            at=now,
            actor=actor,
            act="appeal.fresh_off",
            subject=registration.logged_as,
            after={"appeal": ref},
        )


def _open_appeal(session: Session, ref: str) -> tuple[Appeal, Registration, Sitting]:
    """Return an appeal that is not decided, with its sitting held; raise Conflict("appeal.over_already")."""
    appeal = Appeal.by_ref(session, ref, unknown="appeal.unknown")
    registration = session.get_one(Registration, appeal.registration_id)
    sitting = hold_sitting(session, registration.sitting_id)
    session.refresh(appeal)
    if appeal.state != AppealState.OPEN:
        raise Conflict("appeal.over_already")
    return appeal, registration, sitting
