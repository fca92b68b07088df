"""中止、退考: lines are cancelled by what became of the papers of an application, once its batch is over (R-76).

Sittings and withdrawals are known by later rooms: how they are read is registered when the app is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import cast

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.db.unit_of_work import reading
from cbt.enrolment.applications.models import Applicant, UnitApplication
from cbt.enrolment.fees.accounts import FeeBooking
from cbt.enrolment.fees.charging import CHARGED, cancel_charges
from cbt.enrolment.fees.models import FeeCharge
from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of
from cbt.rules.enrolment.fees.lines import FeeKind, PaperFate, RefundCause, credit_cause

Fates = Mapping[str, Mapping[str, PaperFate]]
"""What became of each paper of a person in a batch, by the digest of their number."""
FateReader = Callable[[Session, int, Collection[str]], Fates]
_EXTENSION = "cbt_fates"


def register_fates(app: flask.Flask, reader: FateReader) -> None:
    """Have fees read by `reader` what became of people in a batch."""
    app.extensions[_EXTENSION] = reader


def credit_for(application_id: int, who: FeeBooking) -> None:
    """Cancel what the rule gives back of an application whose batch is over; only lines that stand are looked at.

    The fee of a first taking that another application of the same person goes on is left to an officer. A second
    call goes on where the first was stopped.

    Source: R-76.
    """
    with reading() as session:
        causes = _credited(session, session.get_one(UnitApplication, application_id))
    for cause, lines in causes.items():
        cancel_charges(application_id, lines, cause.value, "", who)


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
