"""How the world's sitting ended: scores by name, and further exams of the same people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.blueprints.store import paper_of
from cbt.candidates.models import AdmissionTicket, Registration
from cbt.demo.world import Premises, plan_sitting
from cbt.results.models import ViolationRuling
from cbt.results.sheet.sitting import groups_of
from cbt.rules.canonical import canonical_json, decimal_of, digest
from cbt.rules.form_score import passes
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.sittings.models import Batch, Centre, Room, Seat, Sitting, SittingRoom
from cbt.sittings.room_clock import end_room
from cbt.sittings.service import create_batch
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work
from tests.world import PASSWORD, PLANNED, World

ENDED = PLANNED + timedelta(minutes=50)
SECOND = {"second_login": "chief-proctor", "second_password": PASSWORD}

USUAL = {
    "theory": "72.5",
    "skills": "60.0",
    "extra": "59.9",
    "factor": "absent",
    "late": "88.0",
    "second": "unanswered",
    "elsewhere": "41.0",
}


def finish(world: World, marks: Mapping[str, str] = USUAL, *, end: bool = True) -> None:
    """Run the sitting to its end: a score, `absent`, `unanswered` or `unscored` for each sitter."""
    world.admit_all()
    world.start()
    end_with(world, marks, end=end)


def end_with(world: World, marks: Mapping[str, str], *, end: bool = True) -> None:
    """End the running sitting as `finish` does."""
    world.clock.set(ENDED)
    with world.app.app_context(), unit_of_work() as session:
        for name, mark in marks.items():
            attempt = session.get_one(Attempt, world.sitters[name].attempt_id)
            _finish_one(session, attempt, mark)
        for room in session.scalars(select(SittingRoom)) if end else ():
            end_room(session, room, now=ENDED, actor="staff:test")


def _finish_one(session: Session, attempt: Attempt, mark: str) -> None:
    registration = session.get_one(Registration, attempt.registration_id)
    if mark == "absent":
        registration.arrived_at = registration.checked_in_at = registration.signed_in_at = None
        registration.absent_at, registration.absent_cause = PLANNED, "not_arrived"
    if mark in {"absent", "unanswered"}:
        return
    attempt.started_at, attempt.closed_at, attempt.closed_by = PLANNED, ENDED, "candidate"
    attempt.state = "closed"
    if mark != "unscored":
        add_score(session, attempt, Decimal(mark))


def add_score(session: Session, attempt: Attempt, points: Decimal) -> None:
    """Give an attempt another score, spread evenly over its units or sections."""
    registration = session.get_one(Registration, attempt.registration_id)
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    share = Fraction(points) / Fraction(paper.points)
    groups = [
        {
            "number": one.number,
            "name": one.name,
            "points": one.points,
            "earned": decimal_of(share * Fraction(one.points)),
        }
        for one in groups_of(paper)
    ]
    passed = passes(points, paper.pass_points)
    sheet = canonical_json(
        {
            "paper": paper.code,
            "positions": [],
            "groups": groups,
            "raw": points,
            "score": points,
            "pass_points": paper.pass_points,
            "passed": passed,
        }
    )
    numbers = session.scalars(select(Score.number).where(Score.attempt_id == attempt.id)).all()
    session.add(
        Score(
            attempt_id=attempt.id,
            number=max(numbers, default=0) + 1,
            key_revision=0,
            journal_digest="",
            raw=points,
            score=points,
            passed=passed,
            sheet=sheet,
            sha256=digest(sheet),
            scored_at=ENDED,
        )
    )
    attempt.state = "scored"
    session.flush()


def rescore(world: World, name: str, mark: str) -> None:
    """Give somebody a newer score."""
    with world.app.app_context(), unit_of_work() as session:
        add_score(session, session.get_one(Attempt, world.sitters[name].attempt_id), Decimal(mark))


def set_violation(world: World, name: str, code: str, *, ruled: bool = True) -> None:
    """Put a violation on record for somebody, and the ruling that it stands."""
    with world.app.app_context(), unit_of_work() as session:
        registration = session.get_one(Registration, world.sitters[name].registration_id)
        registration.violation_code = code
        if ruled:
            session.add(
                ViolationRuling(
                    ref=new_ref("vr"),
                    registration_id=registration.id,
                    code=code,
                    stands=True,
                    told_on=PLANNED.date(),
                    statement="",
                    grounds="事实清楚。",
                    decided_at=world.clock.now(),
                    decided_by="staff:test",
                )
            )


def release_url(world: World) -> str:
    """Return where the world's sitting is released."""
    return f"/results/{world.sitting_ref}/release"


def release(world: World) -> None:
    """Release the world's sitting by its officer and its chief proctor."""
    answer = world.staff("officer").post(release_url(world), data=SECOND)
    assert answer.status_code == 303, answer.text


def book_again(
    world: World,
    name: str,
    *,
    at: datetime,
    kind: str = "retake",
    paper: str | None = None,
    batch: str = "下一批",
) -> str:
    """Register a sitter for another exam at `at` in a batch of its own; return the batch's ref."""
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        former = session.get_one(Registration, world.sitters[name].registration_id)
        room = session.get_one(Room, world.room_id)
        centre = session.get_one(Centre, room.centre_id)
        made = session.scalar(select(Batch).where(Batch.name == batch))
        made = made or create_batch(session, name=batch, now=now, actor="cli")
        premises = Premises(centre, [room], made)
        sitting, _ = plan_sitting(session, premises, name=f"{name} 再考", at=at, now=now)
        _register(session, former, sitting, kind=kind, paper=paper or former.paper)
        return made.ref


def _register(session: Session, former: Registration, sitting: Sitting, *, kind: str, paper: str) -> None:
    ticket = session.scalar(
        select(AdmissionTicket).where(
            AdmissionTicket.batch_id == sitting.batch_id, AdmissionTicket.candidate_id == former.candidate_id
        )
    )
    if ticket is None:
        number = f"27{sitting.batch_id:04d}{former.candidate_id:06d}"
        ticket = AdmissionTicket(batch_id=sitting.batch_id, candidate_id=former.candidate_id, number=number)
        session.add(ticket)
        session.flush()
    room = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).one()
    seat = session.scalars(select(Seat).where(Seat.room_id == room.room_id).order_by(Seat.number)).first()
    assert seat is not None
    session.add(
        Registration(
            ref=new_ref("re"),
            candidate_id=former.candidate_id,
            ticket_id=ticket.id,
            sitting_id=sitting.id,
            sitting_room_id=room.id,
            seat_id=seat.id,
            blueprint_version_id=former.blueprint_version_id,
            blueprint_ref=former.blueprint_ref,
            paper=paper,
            kind=kind,
            factor=Decimal(1),
            extra=timedelta(0),
            accommodation_note="",
        )
    )
    session.flush()
