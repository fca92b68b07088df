"""What a new sitting's marks start from: the [admission] table of a blueprint.

A sitting keeps its own values from then on: they are what is enforced, and what its papers print.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.errors import InvalidInput
from cbt.exams.models import BlueprintVersion
from cbt.exams.store import blueprint_of, current_versions
from cbt.rules.exam.policies import AdmissionPolicy
from cbt.sittings.models import BatchLevel


@dataclass(frozen=True, slots=True)
class Prefill:
    """A blueprint a sitting can take its marks from."""

    ref: str
    title: str
    policy: AdmissionPolicy


def prefills(session: Session) -> list[Prefill]:
    """Return the blueprints to choose from, by ref."""
    found = []
    for version in current_versions(session):
        blueprint = blueprint_of(session, version.id)
        title = f"{blueprint.occupation_name}（{blueprint.level_name}） · {blueprint.ref}"
        found.append(Prefill(blueprint.ref, title, blueprint.admission))
    return found


def chosen(available: list[Prefill], ref: str) -> AdmissionPolicy:
    """Return the policy of the blueprint `ref`, of the only one there is, or the one all agree on.

    Without any blueprint the shipped values hold. Raise InvalidInput("sitting.prefill_choice") for a ref
    that is none of them, and when they differ and none is named.

    Source: R-11, R-13, R-14.
    """
    by_ref = {one.ref: one.policy for one in available}
    if ref in by_ref:
        return by_ref[ref]
    policies = list(by_ref.values()) or [AdmissionPolicy()]
    if ref or any(policy != policies[0] for policy in policies):
        raise InvalidInput("sitting.prefill_choice", field="blueprint", refs=sorted(by_ref))
    return policies[0]


def blueprints_of_batch(session: Session, batch_id: int) -> set[str]:
    """Return the refs of the blueprints by which a batch examines; none for one that does not say."""
    query = (
        select(BlueprintVersion.ref)
        .join(BatchLevel, BatchLevel.blueprint_version_id == BlueprintVersion.id)
        .where(BatchLevel.batch_id == batch_id)
    )
    return set(session.scalars(query))
