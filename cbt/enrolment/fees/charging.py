"""Fees arise from an application that is accepted, and are cancelled by the rule (R-76)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.fees.accounts import FeeBooking, account_of, keep_matches, keep_to_this
from cbt.enrolment.fees.models import FeeCharge
from cbt.enrolment.units.store import unit_by_ref
from cbt.errors import Conflict, InvalidInput, TextId
from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of
from cbt.rules.enrolment.fees.amounts import yuan
from cbt.rules.enrolment.fees.lines import (
    FeeKind,
    PaperTaking,
    RefundCause,
    TakingKind,
    fee_lines,
    is_given_back,
)
from cbt.rules.states.application import ApplicationState
from cbt.web.refs import new_ref
from cbt.web.texts import required

RECONSIDERED = "reconsidered"
"""Why lines were cancelled of an application whose acceptance was taken back."""
CHARGED = (ApplicationState.ACCEPTED, ApplicationState.SCHEDULED, ApplicationState.DONE)
"""In which states the people of an application cost what the rule says."""
MOST_AT_ONCE = 200


def charge_for(session: Session, application: UnitApplication, who: FeeBooking) -> None:
    """Add the lines of everybody who was accepted. Source: R-76."""
    people = session.scalars(
        select(Applicant)
        .where(Applicant.application_id == application.id, Applicant.verdict == "accepted")
        .order_by(Applicant.id)
    ).all()
    fees = blueprint_of(session, application.blueprint_version_id).fees
    before = _first_before(session, application, people)
    made = []
    for one in people:
        papers = one.papers.split(",")
        charged = any(papers_then.isdisjoint(papers) for papers_then in before.get(one.document_index, ()))
        takings = [PaperTaking(paper, TakingKind(one.kind)) for paper in papers]
        for line in fee_lines(fees, takings, first_charged=charged):
            made.append(
                FeeCharge(
                    ref=new_ref("fe", 10),
                    unit_id=application.unit_id,
                    application_id=application.id,
                    applicant_id=one.id,
                    kind=line.kind.value,
                    paper=line.paper,
                    fen=line.fen,
                    charged_on=who.today,
                    cause="",
                    cancel_reason="",
                )
            )
    session.add_all(made)
    application.charged_on = who.today
    record(
        session,
        at=who.now,
        actor=who.actor,
        act="fee.charge",
        subject=application.logged_as,
        after={"rows": len(made), "amount": yuan(sum(one.fen for one in made))},
    )


def _first_before(
    session: Session, application: UnitApplication, people: Sequence[Applicant]
) -> Mapping[str, list[set[str]]]:
    """Return for whose first taking of the level a fee stands in another application, and of which papers."""
    level = session.get_one(BlueprintVersion, application.blueprint_version_id).ref
    rows = session.execute(
        select(Applicant.document_index, Applicant.papers)
        .join(FeeCharge, FeeCharge.applicant_id == Applicant.id)
        .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
        .join(BlueprintVersion, BlueprintVersion.id == UnitApplication.blueprint_version_id)
        .where(
            Applicant.document_index.in_([one.document_index for one in people]),
            FeeCharge.kind == FeeKind.FIRST.value,
            FeeCharge.cancelled_on.is_(None),
            FeeCharge.application_id != application.id,
            BlueprintVersion.ref == level,
        )
    )
    found: dict[str, list[set[str]]] = {}
    for index, papers in rows:
        found.setdefault(index, []).append(set(papers.split(",")))
    return found


def charge_missing(who: FeeBooking) -> int:
    """Add the lines of the applications that were accepted before fees were kept; return how many there were."""
    with unit_of_work() as session:
        found = session.scalars(
            select(UnitApplication)
            .where(UnitApplication.state.in_(CHARGED), UnitApplication.charged_on.is_(None))
            .order_by(UnitApplication.id)
            .limit(MOST_AT_ONCE)
            .with_for_update()
        ).all()
        for application in found:
            charge_for(session, application, who)
            session.flush()
        return len(found)


def cancel_for(session: Session, application: UnitApplication, cause: str, who: FeeBooking) -> None:
    """Cancel all lines of an application, where the rule gives back for such a cause. Source: R-76."""
    fees = blueprint_of(session, application.blueprint_version_id).fees
    if cause != RECONSIDERED and not is_given_back(fees, RefundCause(cause)):
        return
    application.charged_on = None
    keep_to_this(session, application.unit_id)
    standing = session.scalars(
        select(FeeCharge).where(FeeCharge.application_id == application.id, FeeCharge.cancelled_on.is_(None))
    ).all()
    if standing:
        cancel_charges(session, application, standing, cause, "", who)


def cancel_lines(unit_ref: str, refs: Collection[str], *, cause: str, reason: str, who: FeeBooking) -> int:
    """Cancel chosen lines of a unit, so that what was paid for them is free again; return how many.

    Raise InvalidInput("fees.none_chosen"|"fees.cause"|"fees.reason"), Conflict("fees.not_given_back") where the
    rule gives nothing back: 缺考, and 撤回 where the 考核方案 says so.

    Source: R-76 (考生须知 一).
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    if cause not in set(RefundCause):
        raise InvalidInput("fees.cause", field="cause")
    with unit_of_work() as session:
        unit = unit_by_ref(session, unit_ref)
        keep_to_this(session, unit.id)
        rows = session.execute(
            select(FeeCharge, UnitApplication)
            .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
            .where(FeeCharge.unit_id == unit.id, FeeCharge.ref.in_(refs), FeeCharge.cancelled_on.is_(None))
            .order_by(FeeCharge.id)
        ).all()
        if not rows:
            raise InvalidInput("fees.none_chosen")
        by_application: dict[UnitApplication, list[FeeCharge]] = {}
        for charge, application in rows:
            fees = blueprint_of(session, application.blueprint_version_id).fees
            if not is_given_back(fees, RefundCause(cause)):
                raise Conflict(
                    "fees.not_given_back", field="cause", cause=TextId(f"enrolment.fees.cause.{cause}")
                )
            by_application.setdefault(application, []).append(charge)
        for application, charges in by_application.items():
            cancel_charges(session, application, charges, cause, reason, who)
        return len(rows)


def cancel_charges(
    session: Session,
    application: UnitApplication,
    charges: Sequence[FeeCharge],
    cause: str,
    reason: str,
    who: FeeBooking,
) -> None:
    """Cancel lines of an application, so that what was paid for them is free again."""
    account = account_of(session, application.unit_id)
    after = account.ledger
    for one in charges:
        after = after.cancel(one.ref)
        one.cancelled_on, one.cause, one.cancel_reason = who.today, cause, reason
    keep_matches(session, account, after, who)
    record(
        session,
        at=who.now,
        actor=who.actor,
        act="fee.cancel",
        subject=application.logged_as,
        reason=reason,
        before={"rows": len(charges), "amount": yuan(sum(one.fen for one in charges))},
        after={"cause": cause},
    )
