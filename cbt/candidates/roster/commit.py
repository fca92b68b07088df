"""Import a roster: dry run, draft, confirmation; all of a file or nothing of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates import steps
from cbt.candidates.models import Candidate
from cbt.candidates.roster.choosing import BlueprintChoice, choices
from cbt.candidates.roster.plan import Placement, RosterPlan, plan_roster
from cbt.candidates.roster.reading.file import Roster, read_roster
from cbt.candidates.roster.renewing import renew
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput
from cbt.exams.steps import store_blueprint
from cbt.sheets.drafts import Drafts, drop
from cbt.sittings.models import Sitting
from cbt.sittings.store import sitting_by_ref
from cbt.web.i18n import local_zone
from cbt.web.refs import new_ref

DRAFTS = Drafts("roster", gone="roster.draft_gone")


@dataclass(frozen=True, slots=True)
class CheckedRoster:
    """A dry run: the file as it was read and what importing it would do."""

    sitting: Sitting
    roster: Roster
    plan: RosterPlan
    file_name: str
    draft_ref: str = ""


def dry_run(*, sitting_ref: str, file_name: str, body: bytes, folder: Path) -> CheckedRoster:
    """Return what importing a file would do; nothing is stored.

    Raise InvalidInput as `read_roster` does, Conflict as `plan_roster` does.
    """
    roster = read_roster(file_name, body)
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        plan = plan_roster(session, sitting, roster, choices(session, folder))
    return CheckedRoster(sitting, roster, plan, file_name)


def save_draft(*, sitting_ref: str, file_name: str, body: bytes, now: datetime, actor: str) -> str:
    """Keep a file for its confirmation, sealed, and return the draft's ref; the person's former one goes."""
    with unit_of_work() as session:
        subject = f"sitting:{sitting_by_ref(session, sitting_ref).ref}"
        return DRAFTS.keep(
            session, ref=new_ref("rd"), subject=subject, file_name=file_name, body=body, now=now, actor=actor
        )


def open_draft(*, sitting_ref: str, ref: str, actor: str) -> tuple[str, bytes]:
    """Return the name and the bytes of a draft of this person; raise NotFound("roster.draft_gone")."""
    with reading() as session:
        return DRAFTS.open(session, ref, subject=f"sitting:{sitting_ref}", actor=actor)


def drop_draft(*, ref: str, actor: str) -> None:
    """Forget a draft; a repeat changes nothing."""
    with unit_of_work() as session:
        drop(session, ref, actor=actor)


def import_roster(
    *,
    sitting_ref: str,
    file_name: str,
    body: bytes,
    folder: Path,
    now: datetime,
    actor: str,
    draft_ref: str = "",
) -> CheckedRoster:
    """Register everybody in a file, or nobody.

    Raise InvalidInput("roster.refused") with the number of problems when something stops the file; the
    plan is made again inside the unit of work, so what changed since the dry run is seen.

    Source: R-7, R-16.
    """
    roster = read_roster(file_name, body)
    try:
        with unit_of_work() as session:
            sitting = sitting_by_ref(session, sitting_ref)
            plan = plan_roster(session, sitting, roster, choices(session, folder))
            if plan.stops:
                raise InvalidInput("roster.refused", count=len(plan.stops))
            for candidate, row in plan.renewed:
                renew(candidate, row)
            _register(session, sitting, plan, now=now, actor=actor)
            drop(session, draft_ref, actor=actor)
            # By its digest: the name of a file is often somebody's.
            sealed = hashlib.sha256(body).hexdigest()
            after = {"file": sealed, "registered": len(plan.placements), "already": plan.already}
            if plan.renewed:
                after["numbers"] = len(plan.renewed)
            subject = f"sitting:{sitting.ref}"
            record(session, at=now, actor=actor, act="roster.import", subject=subject, after=after)
            session.flush()
            session.expunge_all()
    except IntegrityError as error:
        # Somebody else took a seat or a number between the plan and the commit (PostgreSQL).
        raise Conflict("roster.changed") from error
    return CheckedRoster(sitting, roster, plan, file_name)


def _register(session: Session, sitting: Sitting, plan: RosterPlan, *, now: datetime, actor: str) -> None:
    people = _people(session, plan, now=now)
    brought = {one.index: one.row.ticket for one in plan.placements if one.row.ticket}
    tickets = steps.issue_tickets(
        session,
        batch_id=sitting.batch_id,
        local_start=sitting.planned_start_at.astimezone(local_zone()),
        wanted=[(candidate, brought.get(index, "")) for index, candidate in people.items()],
    )
    versions: dict[str, int] = {}
    for one in plan.placements:
        blueprint, row = one.choice.blueprint, one.row
        if blueprint.ref not in versions:
            versions[blueprint.ref] = _version(session, one.choice, now=now, actor=actor)
        terms = steps.PaperTerms(
            one.kind, row.factor, row.extra, row.accommodation, row.eligibility, row.note
        )
        seated = steps.SeatedPaper(
            versions[blueprint.ref], blueprint.ref, one.paper, one.sitting_room.id, one.seat.id
        )
        steps.register(session, sitting, tickets[people[one.index].id], seated, terms)
    session.flush()


def _version(session: Session, choice: BlueprintChoice, *, now: datetime, actor: str) -> int:
    if choice.version_id is not None:
        return choice.version_id
    return store_blueprint(session, choice.text, now=now, actor=actor, name=choice.blueprint.ref).id


def _people(session: Session, plan: RosterPlan, *, now: datetime) -> dict[str, Candidate]:
    people: dict[str, Candidate] = {}
    for one in plan.placements:
        if one.index not in people:
            people[one.index] = one.candidate or steps.add_candidate(session, _person(one), now=now)
    session.flush()
    return people


def _person(one: Placement) -> steps.NewPerson:
    row = one.row
    return steps.NewPerson(
        name=row.name,
        document_type=row.document_type,
        document_number=row.document_number,
        gender=row.gender,
        phone=row.phone,
        employer=row.employer,
    )
