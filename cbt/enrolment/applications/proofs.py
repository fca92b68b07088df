"""Use case of the officer: which evidence of somebody is there, and which was checked (R-74)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications import store
from cbt.enrolment.applications.applying import Applying
from cbt.enrolment.applications.deciding import refuse_unless_submitted
from cbt.enrolment.applications.models import ApplicantProof
from cbt.rules.enrolment.eligibility.answers import RequiredProof


def check_proofs(
    ref: str, person: str, *, received: Collection[str], checked: Collection[str], who: Applying
) -> None:
    """Note which evidence of somebody is there and which was checked; what is checked is there.

    Raise Conflict("application.not_submitted").

    Source: R-74.
    """
    with unit_of_work() as session:
        application = store.application_by_ref(session, ref, unit_id=who.unit_id, changing=True)
        refuse_unless_submitted(application)
        applicant = store.applicant_by_ref(session, application, person)
        known = store.proofs_of(session, applicant)
        before = _ticked(known)
        for proof in RequiredProof:
            row = known.get(proof.value)
            if row is None:
                row = ApplicantProof(
                    applicant_id=applicant.id, proof=proof.value, received_by="", checked_by=""
                )
            there = proof.value in received or proof.value in checked
            if there != (row.received_at is not None):
                row.received_at, row.received_by = (who.now, who.actor) if there else (None, "")
            if (proof.value in checked) != (row.checked_at is not None):
                done = proof.value in checked
                row.checked_at, row.checked_by = (who.now, who.actor) if done else (None, "")
            if row.received_at is not None or proof.value in known:
                session.add(row)
                known[proof.value] = row
        after = _ticked(known)
        if after != before:
            record(
                session,
                at=who.now,
                actor=who.actor,
                act="applicant.proofs",
                subject=applicant.logged_as,
                before=before,
                after=after,
            )


def _ticked(known: Mapping[str, ApplicantProof]) -> dict[str, str]:
    return {
        "received": ",".join(name for name, row in sorted(known.items()) if row.received_at is not None),
        "checked": ",".join(name for name, row in sorted(known.items()) if row.checked_at is not None),
    }
