"""The keys in force (试题更正): which corrections count for a sitting's scores, revision by revision.

A score was made with the corrections up to its key revision, and is worked out again with those and no others.

Source: R-43, R-54.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from cbt.bank.store import contents
from cbt.candidates.models import Registration
from cbt.rules.form_score import NO_REVISIONS, KeyRevision, KeyRevisions
from cbt.rules.key_corrections import CorrectionKind, revision_by
from cbt.runner.models import Attempt
from cbt.scoring.models import KeyCorrection, Score


@dataclass(frozen=True, eq=False)
class KeysInForce:
    """The corrections of one sitting up to one revision; `by_bank`, for items are named within their bank."""

    number: int
    by_bank: Mapping[int, Sequence[KeyRevision]] = field(default_factory=dict)

    def of_bank(self, bank_id: int) -> KeyRevisions:
        own = self.by_bank.get(bank_id)
        return KeyRevisions.of(own) if own else NO_REVISIONS

    def with_next(self, bank_id: int, revision: KeyRevision) -> KeysInForce:
        """Return what would be in force with one correction more."""
        own = [*self.by_bank.get(bank_id, ()), revision]
        return KeysInForce(self.number + 1, {**self.by_bank, bank_id: own})


AS_PUBLISHED = KeysInForce(0)
"""The keys of the items as they were published."""


def keys_in_force(session: Session, sitting_id: int, number: int | None = None) -> KeysInForce:
    """Return what is in force in a sitting, or was at an earlier revision."""
    made = select(KeyCorrection).where(KeyCorrection.sitting_id == sitting_id)
    if number is not None:
        made = made.where(KeyCorrection.number <= number)
    rows = session.scalars(made.order_by(KeyCorrection.number)).all()
    if not rows:
        return AS_PUBLISHED
    by_bank: defaultdict[int, list[KeyRevision]] = defaultdict(list)
    for row in rows:
        by_bank[row.bank_id].append(revision_of(session, row))
    return KeysInForce(rows[-1].number if number is None else number, by_bank)


def revision_of(session: Session, row: KeyCorrection) -> KeyRevision:
    """Return what a correction on record changes."""
    return revision_named(
        *(session, row.bank_id, row.item_ref, row.item_version, row.part),
        kind=CorrectionKind(row.kind),
        answers=json.loads(row.answers),
    )


def revision_named(
    session: Session,
    bank_id: int,
    item_ref: str,
    version: int,
    part: int | None,
    *,
    kind: CorrectionKind,
    answers: Sequence[object],
) -> KeyRevision:
    """Return what a correction changes whose answers stand as an author writes them.

    By another rubric nothing is right that was not: what counts is what people give (`marking.rubric_round`).

    Raise NotFound("bank.item_unknown"), InvalidInput("item.answer") for an answer the item cannot have.
    """
    content = contents(session, [(item_ref, version)], bank_id)[item_ref, version].part(part)
    keys = [content.read_key(answer) for answer in answers] if kind.names_answers else []
    return revision_by(kind, item_ref, version, part, keys)


def key_numbers(session: Session, attempt_ids: Collection[int]) -> dict[int, int]:
    """Return by which key revision each attempt is scored: that of its score, or, without one, the newest."""
    later = aliased(Score)
    last = select(func.max(later.number)).where(later.attempt_id == Attempt.id).correlate(Attempt)
    newest = (
        select(func.max(KeyCorrection.number))
        .where(KeyCorrection.sitting_id == Registration.sitting_id)
        .correlate(Registration)
    )
    query = (
        select(Attempt.id, func.coalesce(Score.key_revision, newest.scalar_subquery(), 0))
        .join(Registration, Registration.id == Attempt.registration_id)
        .outerjoin(Score, and_(Score.attempt_id == Attempt.id, Score.number == last.scalar_subquery()))
        .where(Attempt.id.in_(attempt_ids))
    )
    return {attempt_id: int(number) for attempt_id, number in session.execute(query)}
