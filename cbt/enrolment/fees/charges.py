"""Fees that arise from an application that is accepted, and are cancelled by the rule (R-76).

中止、退考: once its batch is over, lines are cancelled by what became of the papers. Sittings and withdrawals
are known by later rooms: how they are read is registered when the app is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import cast

import flask
from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import blueprint_of
from cbt.enrolment.fees.accounts import FeeBooking, keep_to_this
from cbt.enrolment.models import Applicant, FeeCharge, FeeMatch, UnitApplication
from cbt.enrolment.units import unit_by_ref
from cbt.errors import Conflict, InvalidInput, TextId
from cbt.http.form_values import required
from cbt.rules.enrolment.fees import (
    FeeKind,
    PaperFate,
    PaperTaking,
    RefundCause,
    TakingKind,
    credit_cause,
    fee_lines,
    is_given_back,
    yuan,
)
from cbt.rules.states import ApplicationState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down_in

RECONSIDERED = "reconsidered"
"""Why lines were cancelled of an application whose acceptance was taken back."""
CHARGED = (ApplicationState.ACCEPTED, ApplicationState.SCHEDULED, ApplicationState.DONE)
"""In which states the people of an application cost what the rule says."""
MOST_AT_ONCE = 200
CHARGED_AT_ONCE = 25
"""People whose lines are added in one unit of work."""


def charge(
    application_id: int, booking: FeeBooking, *, work: LongWork = DIRECTLY, keeping: Sequence[Rows] = ()
) -> None:
    """Add the lines of everybody who was accepted, a few people at a time; the application is charged once all are.

    Who is stopped on the way leaves an application that is not charged yet: `charge_missing` goes on with it, and
    nobody has a line twice.

    Source: R-76.
    """
    with reading() as session:
        accepted = (Applicant.application_id == application_id, Applicant.verdict == "accepted")
        people = session.scalars(select(Applicant.id).where(*accepted).order_by(Applicant.id)).all()
    for piece in pieces_of(people, size=CHARGED_AT_ONCE):
        work.in_front(partial(_charge_some, application_id, piece, booking))

    def end() -> None:
        with unit_of_work() as session:
            put_down_in(session, *keeping)
            application = _not_charged(session, application_id)
            if application is None:
                return
            application.charged_on = booking.today
            standing = (FeeCharge.application_id == application.id, FeeCharge.cancelled_on.is_(None))
            count, fen = session.execute(select(func.count(), func.sum(FeeCharge.fen)).where(*standing)).one()
            record(
                session,
                at=booking.now,
                actor=booking.actor,
                act="fee.charge",
                subject=application.logged_as,
                after={"rows": count, "amount": yuan(fen or 0)},
            )

    work.in_front(end)


def _charge_some(application_id: int, people: Sequence[int], booking: FeeBooking) -> None:
    """Add the lines of some people, of those who have none yet."""
    with unit_of_work() as session:
        application = _not_charged(session, application_id)
        if application is None:
            return  # somebody else brought it to its end, or it is not accepted any more
        standing = exists().where(FeeCharge.applicant_id == Applicant.id, FeeCharge.cancelled_on.is_(None))
        waiting = session.execute(
            select(Applicant.id, Applicant.kind, Applicant.papers, Applicant.document_index)
            .where(Applicant.id.in_(people), Applicant.verdict == "accepted", ~standing)
            .order_by(Applicant.id)
        ).all()
        fees = blueprint_of(session, application.blueprint_version_id).fees
        before = _first_before(session, application, [one.document_index for one in waiting])
        made: list[dict[str, object]] = []
        for row in waiting:
            papers = row.papers.split(",")
            charged = any(then.isdisjoint(papers) for then in before.get(row.document_index, ()))
            takings = [PaperTaking(paper, TakingKind(row.kind)) for paper in papers]
            made += [
                {
                    "ref": new_ref("fe", 10),
                    "unit_id": application.unit_id,
                    "application_id": application.id,
                    "applicant_id": row.id,
                    "kind": line.kind.value,
                    "paper": line.paper,
                    "fen": line.fen,
                    "charged_on": booking.today,
                    "cause": "",
                    "cancel_reason": "",
                }
                for line in fee_lines(fees, takings, first_charged=charged)
            ]
        if made:
            session.execute(insert(FeeCharge), made)


def _not_charged(session: Session, application_id: int) -> UnitApplication | None:
    """Return an accepted application whose lines are not all there yet, locked."""
    return session.scalar(
        select(UnitApplication)
        .where(
            UnitApplication.id == application_id,
            UnitApplication.state.in_(CHARGED),
            UnitApplication.charged_on.is_(None),
        )
        .with_for_update()
    )


def _first_before(
    session: Session, application: UnitApplication, indexes: Sequence[str]
) -> Mapping[str, list[set[str]]]:
    """Return for whose first taking of the level a fee stands in another application, and of which papers."""
    level = session.get_one(BlueprintVersion, application.blueprint_version_id).ref
    rows = session.execute(
        select(Applicant.document_index, Applicant.papers)
        .join(FeeCharge, FeeCharge.applicant_id == Applicant.id)
        .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
        .join(BlueprintVersion, BlueprintVersion.id == UnitApplication.blueprint_version_id)
        .where(
            Applicant.document_index.in_(indexes),
            FeeCharge.kind == FeeKind.FIRST.value,
            FeeCharge.cancelled_on.is_(None),
            FeeCharge.application_id != application.id,
            BlueprintVersion.ref == level,
        )
    )
    first_papers: dict[str, list[set[str]]] = {}
    for index, papers in rows:
        first_papers.setdefault(index, []).append(set(papers.split(",")))
    return first_papers


def charge_missing(booking: FeeBooking, *, work: LongWork = DIRECTLY) -> int:
    """Add the lines of the applications that were accepted and lack some; return how many those were."""
    with reading() as session:
        application_ids = session.scalars(
            select(UnitApplication.id)
            .where(UnitApplication.state.in_(CHARGED), UnitApplication.charged_on.is_(None))
            .order_by(UnitApplication.id)
            .limit(MOST_AT_ONCE)
        ).all()
    before = int(work.so_far.get("count", 0))
    count = before
    for application_id in application_ids:
        count += 1
        charge(application_id, booking, work=work, keeping=work.keeping(count=count))
        work.tell(count, before + len(application_ids))
    return count


def cancel_for(application_id: int, cause: str, booking: FeeBooking, *, work: LongWork = DIRECTLY) -> None:
    """Cancel all lines of an application, where the rule gives back for such a cause, a few at a time.

    Its state goes on after them. Who is stopped on the way leaves an application that is accepted and not charged:
    the same act goes on with it, and `charge_missing` takes it back.

    Source: R-76.
    """

    def begin() -> bool:
        with unit_of_work() as session:
            application = session.get_one(UnitApplication, application_id, with_for_update=True)
            fees = blueprint_of(session, application.blueprint_version_id).fees
            if cause != RECONSIDERED and not is_given_back(fees, RefundCause(cause)):
                return False
            application.charged_on = None
            return True

    if not work.in_front(begin):
        return
    with reading() as session:
        standing = (FeeCharge.application_id == application_id, FeeCharge.cancelled_on.is_(None))
        lines = session.scalars(select(FeeCharge.id).where(*standing).order_by(FeeCharge.id)).all()
    cancel_charges(application_id, lines, cause, "", booking, work=work)


def cancel_lines(
    unit_ref: str,
    refs: Collection[str],
    *,
    cause: str,
    reason: str,
    booking: FeeBooking,
    work: LongWork = DIRECTLY,
) -> int:
    """Cancel chosen lines of a unit, so that what was paid for them is free again; return how many.

    Raise InvalidInput("fees.none_chosen"|"fees.cause"|"fees.reason"), Conflict("fees.not_given_back") where the
    rule gives nothing back: 缺考, and 撤回 where the 考核方案 says so.

    Source: R-76 (考生须知 一).
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    if cause not in set(RefundCause):
        raise InvalidInput("fees.cause", field="cause")
    with reading() as session:
        unit = unit_by_ref(session, unit_ref)
        rows = session.execute(
            select(FeeCharge.id, FeeCharge.application_id, UnitApplication.blueprint_version_id)
            .join(UnitApplication, UnitApplication.id == FeeCharge.application_id)
            .where(FeeCharge.unit_id == unit.id, FeeCharge.ref.in_(refs), FeeCharge.cancelled_on.is_(None))
            .order_by(FeeCharge.id)
        ).all()
        cancelled = int(work.so_far.get("count", 0))
        if not rows and not cancelled:
            raise InvalidInput("fees.none_chosen")
        for version in {one.blueprint_version_id for one in rows}:
            if not is_given_back(blueprint_of(session, version).fees, RefundCause(cause)):
                raise Conflict(
                    "fees.not_given_back", field="cause", cause=TextId(f"enrolment.fees.cause.{cause}")
                )
    by_application: dict[int, list[int]] = {}
    for line, application_id, _version in rows:
        by_application.setdefault(application_id, []).append(line)
    total = cancelled + len(rows)
    for application_id, lines in by_application.items():
        cancelled = cancel_charges(
            application_id, lines, cause, reason, booking, work=work, before=cancelled, total=total
        )
    return cancelled


def cancel_charges(
    application_id: int,
    lines: Sequence[int],
    cause: str,
    reason: str,
    booking: FeeBooking,
    *,
    work: LongWork = DIRECTLY,
    before: int = 0,
    total: int = 0,
) -> int:
    """Cancel lines of an application a few at a time, so that what was paid for them is free.

    Return how many, with those of `before`. One that is cancelled already stays as it is.
    """
    cancelled = before
    for piece in pieces_of(lines):
        cancel = partial(_cancel_some, application_id, piece, cause, reason, booking)
        cancelled = work.in_front(partial(cancel, work=work, before=cancelled))
        work.tell(cancelled, max(total, before + len(lines)))
    return cancelled


def _cancel_some(
    application_id: int,
    lines: Sequence[int],
    cause: str,
    reason: str,
    booking: FeeBooking,
    *,
    work: LongWork,
    before: int,
) -> int:
    """Cancel some lines that stand; return how many with those of `before`."""
    with unit_of_work() as session:
        application = session.get_one(UnitApplication, application_id)
        keep_to_this(session, application.unit_id)
        charges = session.scalars(
            select(FeeCharge).where(FeeCharge.id.in_(lines), FeeCharge.cancelled_on.is_(None))
        ).all()
        if not charges:
            return before
        count = before + len(charges)
        paid = (FeeMatch.charge_id.in_([one.id for one in charges]), FeeMatch.undone_at.is_(None))
        session.execute(update(FeeMatch).where(*paid).values(undone_at=booking.now))
        for fee_charge in charges:
            fee_charge.cancelled_on, fee_charge.cause, fee_charge.cancel_reason = booking.today, cause, reason
        record(
            session,
            at=booking.now,
            actor=booking.actor,
            act="fee.cancel",
            subject=application.logged_as,
            reason=reason,
            before={"rows": len(charges), "amount": yuan(sum(one.fen for one in charges))},
            after={"cause": cause},
        )
        put_down_in(session, *work.keeping(count=count))
        return count


Fates = Mapping[str, Mapping[str, PaperFate]]
"""What became of each paper of a person in a batch, by the digest of their number."""
FateReader = Callable[[Session, int, Collection[str]], Fates]
_EXTENSION = "cbt_fates"


def register_fates(app: flask.Flask, reader: FateReader) -> None:
    """Have fees read by `reader` what became of people in a batch."""
    app.extensions[_EXTENSION] = reader


def credit_for(application_id: int, booking: FeeBooking, *, work: LongWork = DIRECTLY) -> None:
    """Cancel what the rule gives back of an application whose batch is over; only lines that stand are looked at.

    The fee of a first taking that another application of the same person goes on is left to an officer. A second
    call goes on where the first was stopped.

    Source: R-76.
    """
    with reading() as session:
        causes = _credited(session, session.get_one(UnitApplication, application_id))
    for cause, lines in causes.items():
        cancel_charges(application_id, lines, cause.value, "", booking, work=work)


def _credited(session: Session, application: UnitApplication) -> Mapping[RefundCause, list[int]]:
    """Return which lines are given back, by why."""
    if application.batch_id is None:
        return {}
    rows = session.execute(
        select(FeeCharge, Applicant.papers, Applicant.document_index)
        .join(Applicant, Applicant.id == FeeCharge.applicant_id)
        .where(FeeCharge.application_id == application.id, FeeCharge.cancelled_on.is_(None))
        .order_by(FeeCharge.id)
    ).all()
    indexes = {index for _charge, _papers, index in rows}
    reader = cast(FateReader, flask.current_app.extensions[_EXTENSION])
    fates = reader(session, application.batch_id, indexes) if indexes else {}
    shared = _shared(session, application, indexes)
    fees = blueprint_of(session, application.blueprint_version_id).fees
    causes: dict[RefundCause, list[int]] = {}
    for charge, of_person, index in rows:
        papers = [charge.paper] if charge.paper else of_person.split(",")
        cause = credit_cause(fees, papers, fates.get(index, {}))
        kept = charge.kind == FeeKind.FIRST.value and index in shared
        if cause is not None and not kept:
            causes.setdefault(cause, []).append(charge.id)
    return causes


def _shared(session: Session, application: UnitApplication, indexes: Collection[str]) -> set[str]:
    """Return who takes other papers of the level by another application, which their one fee pays as well."""
    level = session.get_one(BlueprintVersion, application.blueprint_version_id).ref
    return set(
        session.scalars(
            select(Applicant.document_index)
            .join(UnitApplication, UnitApplication.id == Applicant.application_id)
            .join(BlueprintVersion, BlueprintVersion.id == UnitApplication.blueprint_version_id)
            .where(
                Applicant.document_index.in_(indexes),
                Applicant.application_id != application.id,
                Applicant.verdict == "accepted",
                Applicant.kind == "first",
                UnitApplication.state.in_(CHARGED),
                BlueprintVersion.ref == level,
            )
        )
    )
