"""Rulings on violations (裁决): which are due, whose results wait for one, the decision and its letter.

A ruling says whether a violation stands, after the candidate was told and could say something to it.

Source: R-63, R-92.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVarTuple

import flask_babel
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session, aliased

from cbt.accounts.two_people import insist_on_two
from cbt.audit.chain import record
from cbt.blueprints.reasons import violation_of, words_of
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.enrolment.body import issuing_body
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.form_values import one_line, required
from cbt.http.i18n import local_day, local_text
from cbt.printing.pdf import pdf
from cbt.proctoring.incidents import ReportStatement, stand_what_is_left, told_of_registration
from cbt.results.models import ViolationRuling
from cbt.results.publicity.store import is_released
from cbt.results.store import finished_sitting
from cbt.rules.roles import PersonStep, Role
from cbt.rules.violations import Violation, takes_away, voids
from cbt.sittings.models import Sitting
from cbt.sittings.store import hold_sitting, official_only
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

T = TypeVarTuple("T")
MOST_VIOLATIONS = 100


@dataclass(frozen=True, slots=True)
class ViolationLine:
    """A violation on record, whose it is, and the ruling on it, None while there is none."""

    registration: Registration
    candidate: Candidate
    ticket_number: str
    violation: Violation | None
    ruling: ViolationRuling | None

    @property
    def called(self) -> str:
        return self.registration.violation_code or "" if self.violation is None else words_of(self.violation)


def _ruled(query: Select[*T], of: type[Registration]) -> Select[*T]:
    return query.outerjoin(
        ViolationRuling,
        and_(ViolationRuling.registration_id == of.id, ViolationRuling.code == of.violation_code),
    )


def violations_of(session: Session, sitting_id: int) -> list[ViolationLine]:
    """Return the violations on record of a sitting that take something away, those without a ruling first."""
    query = (
        select(Registration, Candidate, AdmissionTicket.number, ViolationRuling)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .join(AdmissionTicket, AdmissionTicket.id == Registration.ticket_id)
        .where(Registration.sitting_id == sitting_id, Registration.violation_code.is_not(None))
        .order_by(ViolationRuling.id.is_not(None), Registration.id)
        .limit(MOST_VIOLATIONS)
    )
    lines = []
    for registration, candidate, ticket, ruling in session.execute(_ruled(query, Registration)):
        violation = violation_of(session, registration.violation_code, registration.violation_version_id)
        if violation is None or takes_away(violation):
            lines.append(ViolationLine(registration, candidate, ticket, violation, ruling))
    return lines


def unruled(session: Session, sitting_ids: Collection[int]) -> dict[int, set[tuple[int, str]]]:
    """Return whose results wait for a ruling: (registration id, ref) by sitting.

    It is a violation of their own that takes something away, or one in another paper of the batch that makes this
    one void.

    Source: R-63, R-92.
    """
    return _unruled(session, Registration.sitting_id.in_(sitting_ids)) if sitting_ids else {}


def unruled_among(session: Session, registration_ids: Collection[int]) -> set[int]:
    """Return which of these registrations' results wait for a ruling, as `unruled` does. Source: R-63, R-92."""
    if not registration_ids:
        return set()
    refs = _unruled(session, Registration.id.in_(registration_ids))
    return {own for some in refs.values() for own, _ref in some}


def _unruled(session: Session, whose: ColumnElement[bool]) -> dict[int, set[tuple[int, str]]]:
    other = aliased(Registration)
    query = (
        select(
            Registration.sitting_id,
            Registration.id,
            Registration.ref,
            Registration.absent_at,
            other.id,
            other.violation_code,
            other.violation_version_id,
        )
        .join(other, other.ticket_id == Registration.ticket_id)
        .join(Sitting, Sitting.id == other.sitting_id)
        .where(
            whose,
            other.violation_code.is_not(None),
            ViolationRuling.id.is_(None),
            official_only(),
        )
    )
    refs: dict[int, set[tuple[int, str]]] = {}
    for sitting, own, ref, absent_at, of, code, version in session.execute(_ruled(query, other)):
        violation = violation_of(session, code, version)
        if violation is None:
            continue
        mine = of == own
        if takes_away(violation) if mine else (absent_at is None and voids(violation, same_paper=False)):
            refs.setdefault(sitting, set()).add((own, ref))
    return refs


def unruled_refs(session: Session, sitting_id: int) -> frozenset[str]:
    return frozenset(ref for _id, ref in unruled(session, [sitting_id]).get(sitting_id, ()))


def rulings_of(session: Session, registration_id: int) -> Sequence[ViolationRuling]:
    """Return every ruling on a registration's violations, former ones too, in their order."""
    return session.scalars(
        select(ViolationRuling)
        .where(ViolationRuling.registration_id == registration_id)
        .order_by(ViolationRuling.id)
    ).all()


def ruling_of(session: Session, registration: Registration) -> ViolationRuling | None:
    """Return the ruling on the violation that is on record of a registration, or None."""
    return session.scalar(
        select(ViolationRuling)
        .where(
            ViolationRuling.registration_id == registration.id,
            ViolationRuling.code == registration.violation_code,
        )
        .order_by(ViolationRuling.id.desc())
    )


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


def ruled_on(session: Session, registration_ref: str) -> tuple[Registration, Sitting, list[ReportStatement]]:
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


def rule(registration_ref: str, form: RulingForm, *, now: datetime, actor: str) -> str:
    """Decide whether the violation on record stands; return the ref of the sitting. Its result waits no longer.

    One that does not stand goes from the record, and the next heaviest that was reported stands there.

    Raise InvalidInput("ruling.verdict"|"ruling.told"|"ruling.statement"|"ruling.grounds"),
    NotAllowed("ruling.same_person") for who reported it, Conflict("ruling.decided"|"ruling.released"), and like
    `ruled_on` and `insist_on_two`.

    Source: R-62, R-92.
    """
    if form.verdict not in VERDICTS:
        raise InvalidInput("ruling.verdict", field="verdict")
    grounds = required(form.grounds, "ruling.grounds", "grounds", limit=LONGEST)
    statement = one_line(form.statement, "statement")
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
        if ruling_of(session, registration) is not None:
            raise Conflict("ruling.decided")
        if is_released(session, registration.id):
            raise Conflict("ruling.released")
        told_on = _day(form.told_on, first=local_day(sitting.planned_start_at), last=local_day(now))
        made = ViolationRuling(
            ref=new_ref("vr"),
            registration_id=registration.id,
            code=registration.violation_code,
            stands=form.verdict == STANDS,
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
            after={"code": made.code, "verdict": form.verdict, "told_on": told_on.isoformat()},
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


def ruling_letter(
    session: Session,
    registration: Registration,
    candidate: Candidate,
    sitting: Sitting,
    ruling: ViolationRuling,
    reports: Sequence[ReportStatement],
) -> bytes:
    """Return the letter as an A4 page. Source: R-92."""
    violation = violation_of(session, registration.violation_code, registration.violation_version_id)
    blueprint = blueprint_of(session, registration.blueprint_version_id)
    name = issuing_body(session).name
    effects = (
        [] if violation is None else [str(_(f"exams.reasons.effect.{one}")) for one in violation.effects]
    )
    day = local_day(ruling.decided_at)
    data: dict[str, Any] = {
        "title": _("ruling.letter.title"),
        "body": name,
        "foot": f"{_('ruling.letter.title')} · {ruling.ref}",
        "to": _("ruling.letter.to", name=candidate.name),
        "facts": [
            [_("results.col.document"), candidate.document_masked],
            [_("results.col.sitting"), f"{sitting.name} {local_text(sitting.planned_start_at)}"],
            [
                _("results.col.paper"),
                f"{blueprint.occupation_name} {blueprint.level_name} "
                f"{blueprint.papers[registration.paper].label}",
            ],
            [_("ruling.violation"), ruling.code if violation is None else words_of(violation)],
            [_("ruling.clause"), "" if violation is None else violation.clause],
            [_("ruling.facts"), "\n".join(one.part("facts") for one in reports) or "–"],
            [_("ruling.statement"), ruling.statement or _("ruling.statement.none")],
            [_("ruling.effects"), _("publicity.separator").join(effects) or "–"],
            [_("ruling.grounds"), ruling.grounds],
        ],
        "words": {
            "page": _("results.print.page", number="{n}", count="{of}"),
            "lead": _("ruling.letter.lead"),
            "seal": _("publicity.paper.seal"),
            "day": _("enrolment.paper.date", year=day.year, month=day.month, day=day.day),
            "received": [_("ruling.letter.received"), _("results.sign.date")],
        },
    }
    return pdf("letter", data, language=str(flask_babel.get_locale()))
