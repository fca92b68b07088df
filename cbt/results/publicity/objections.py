"""异议: brought by staff for whoever objects, decided by another person with reasons.

Source: R-90.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.candidates.models import Registration
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.form_values import required
from cbt.results.models import Publication, ResultObjection
from cbt.results.publicity import store
from cbt.results.store import finished_sitting
from cbt.rules.roles import PersonStep, Role
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

BRINGERS = ("self", "unit", "other")
VERDICTS = ("upheld", "rejected")
DECIDERS = (Role.OFFICER, Role.CHIEF_PROCTOR)
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class ObjectionForm:
    """What somebody objects to a result, as the form says it."""

    brought_by: str
    bringer: str
    words: str
    brought_on: str


def bring(registration_ref: str, form: ObjectionForm, *, today: date, now: datetime, actor: str) -> str:
    """Take down that somebody objects to a result that is shown; return the ref of the sitting.

    That result is held from now on, nobody else's is.

    Raise InvalidInput("objection.by"|"objection.bringer"|"objection.words"|"objection.day") and what
    `objected_to` does.

    Source: R-90.
    """
    if form.brought_by not in BRINGERS:
        raise InvalidInput("objection.by", field="brought_by")
    bringer = required(form.bringer, "objection.bringer", "bringer", limit=60)
    words = required(form.words, "objection.words", "words", limit=LONGEST)
    with unit_of_work() as session:
        registration, publication = objected_to(session, registration_ref, changing=True)
        window = publication.window
        try:
            brought_on = date.fromisoformat(form.brought_on)
        except ValueError:
            brought_on = date.max
        if brought_on > today or not window.is_open(brought_on):
            last = min(window.last_on, today)
            raise InvalidInput(
                "objection.day",
                field="brought_on",
                first=window.published_on.isoformat(),
                last=last.isoformat(),
            )
        made = ResultObjection(
            ref=new_ref("ob"),
            publication_id=publication.id,
            registration_id=registration.id,
            brought_by=form.brought_by,
            bringer=bringer,
            words=words,
            brought_on=brought_on,
            entered_at=now,
            entered_by=actor,
            verdict="",
            grounds="",
            decided_by="",
        )
        session.add(made)
        session.flush()
        record(
            session,
            at=now,
            actor=actor,
            act="objection.bring",
            subject=registration.logged_as,
            after={
                "objection": made.ref,
                "brought_by": made.brought_by,
                "brought_on": brought_on.isoformat(),
            },
        )
        return session.get_one(Sitting, registration.sitting_id).ref


def objected_to(
    session: Session, registration_ref: str, *, changing: bool = False
) -> tuple[Registration, Publication]:
    """Return a registration whose result is shown and can be objected to, and the publication.

    `changing` holds its sitting.

    Raise NotFound("registration.unknown"), Conflict("objection.not_shown") for a result that is not shown,
    ("objection.released") for one that was released, and like `finished_sitting`.
    """
    registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
    sitting = session.get_one(Sitting, registration.sitting_id)
    finished_sitting(session, sitting.ref)
    if changing:
        hold_sitting(session, sitting.id)
    publication = store.standing_publication(session, sitting.id)
    if publication is None or store.published_of(session, publication, registration.id) is None:
        raise Conflict("objection.not_shown")
    if store.is_released(session, registration.id):
        raise Conflict("objection.released")
    return registration, publication


def decide(ref: str, *, verdict: str, grounds: str, now: datetime, actor: str) -> str:
    """Decide an objection; return the ref of its sitting. Its result is released afterwards, by two people.

    Raise NotFound("objection.unknown"), InvalidInput("objection.verdict"|"objection.grounds"),
    NotAllowed("objection.same_person") for whoever took it down, Conflict("objection.decided"), and as
    `insist_on_two` does.

    Source: R-62, R-90.
    """
    if verdict not in VERDICTS:
        raise InvalidInput("objection.verdict", field="verdict")
    why = required(grounds, "objection.grounds", "grounds", limit=LONGEST)
    with unit_of_work() as session:
        objection = ResultObjection.by_ref(session, ref, unknown="objection.unknown")
        insist_on_two(
            session,
            [PersonStep(objection.entered_by, objection.entered_at)],
            actor,
            roles=DECIDERS,
            same=NotAllowed("objection.same_person"),
            now=now,
        )
        decided = session.scalar(
            update(ResultObjection)
            .where(ResultObjection.id == objection.id, ResultObjection.verdict == "")
            .values(verdict=verdict, grounds=why, decided_at=now, decided_by=actor)
            .returning(ResultObjection.id)
        )
        if decided is None:
            raise Conflict("objection.decided")
        registration = session.get_one(Registration, objection.registration_id)
        record(
            session,
            at=now,
            actor=actor,
            act="objection.decide",
            subject=registration.logged_as,
            after={"objection": ref, "verdict": verdict},
        )
        return session.get_one(Sitting, registration.sitting_id).ref
