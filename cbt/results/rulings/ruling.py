"""Ruling on a violation: whether it stands, after the candidate was told and could say something to it.

Source: R-92.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.candidates.models import Registration
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.proctoring.incidents.reports import ToldReport, told_of_registration
from cbt.proctoring.incidents.writing import stand_what_is_left
from cbt.results.publicity.store import is_released
from cbt.results.rulings import store
from cbt.results.rulings.models import ViolationRuling
from cbt.results.store import finished_sitting
from cbt.rules.roles import Role
from cbt.rules.second_person import PersonStep
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting
from cbt.web.i18n import local_day
from cbt.web.refs import new_ref
from cbt.web.texts import one_line, required

LONGEST = 2000
STANDS = "stands"
VERDICTS = (STANDS, "dismissed")
DECIDERS = (Role.OFFICER, Role.CHIEF_PROCTOR)


@dataclass(frozen=True, slots=True)
class RulingForm:
    """What the form says: whether it stands, when the candidate was told, what they said, on what grounds."""

    verdict: str
    told_on: str
    statement: str
    grounds: str


def ruled_on(session: Session, registration_ref: str) -> tuple[Registration, Sitting, list[ToldReport]]:
    """Return a registration with a violation on record, its sitting, and the reports of it that hold.

    Raise NotFound("registration.unknown"), Conflict("ruling.none") without a violation, else like
    `finished_sitting`.
    """
    registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
    sitting = session.get_one(Sitting, registration.sitting_id)
    finished_sitting(session, sitting.ref)
    if registration.violation_code is None:
        raise Conflict("ruling.none")
    reports = told_of_registration(session, registration.id)
    return (
        registration,
        sitting,
        [one for one in reports if one.report.kind == "violation" and one.withdrawn_at is None],
    )


def rule(registration_ref: str, told: RulingForm, *, now: datetime, actor: str) -> str:
    """Decide whether the violation on record stands; return the ref of the sitting. Its result waits no longer.

    One that does not stand goes from the record, and the next heaviest that was reported stands there.

    Raise InvalidInput("ruling.verdict"|"ruling.told"|"ruling.statement"|"ruling.grounds"),
    NotAllowed("ruling.same_person") for who reported it, Conflict("ruling.decided"|"ruling.released"), and like
    `ruled_on` and `insist_on_two`.

    Source: R-62, R-92.
    """
    if told.verdict not in VERDICTS:
        raise InvalidInput("ruling.verdict", field="verdict")
    grounds = required(told.grounds, "ruling.grounds", "grounds", limit=LONGEST)
    statement = one_line(told.statement, "statement")
    if len(statement) > LONGEST:
        raise InvalidInput("ruling.statement", field="statement", maximum=LONGEST)
    with unit_of_work() as session:
        registration, sitting, reports = ruled_on(session, registration_ref)
        hold_sitting(session, sitting.id)
        insist_on_two(
            session,
            [PersonStep(one.report.by, one.report.at) for one in reports],
            actor,
            roles=DECIDERS,
            same=NotAllowed("ruling.same_person"),
            now=now,
        )
        if store.ruling_of(session, registration) is not None:
            raise Conflict("ruling.decided")
        if is_released(session, registration.id):
            raise Conflict("ruling.released")
        told_on = _day(told.told_on, first=local_day(sitting.planned_start_at), last=local_day(now))
        made = ViolationRuling(
            ref=new_ref("vr"),
            registration_id=registration.id,
            code=registration.violation_code,
            stands=told.verdict == STANDS,
            told_on=told_on,
            statement=statement,
            grounds=grounds,
            decided_at=now,
            decided_by=actor,
        )
        session.add(made)
        if not made.stands:
            stand_what_is_left(session, registration, but=made.code)
        record(
            session,
            at=now,
            actor=actor,
            act="ruling.decide",
            subject=registration.logged_as,
            after={"code": made.code, "verdict": told.verdict, "told_on": told_on.isoformat()},
        )
        return sitting.ref


def _day(text: str, *, first: date, last: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    if not first <= day <= last:
        raise InvalidInput("ruling.told", field="told_on", first=first.isoformat(), last=last.isoformat())
    return day
