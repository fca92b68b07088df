"""Queries of a package beside those of the score sheet, and the digests of what must not be told."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.bank.models import Item, ItemVersion
from cbt.db.private.sealing import derived
from cbt.db.types import to_micros
from cbt.delivery.models import LateEntry
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry

_CHUNK = 400
_USE = "package"


def keyed(text: str) -> str:
    """Return a digest that only this installation can make.

    A plain one of an item with its key, or of a sheet of right and wrong, would give them away to whoever tries the
    few there can be.
    """
    return hmac.new(derived(_USE), text.encode(), hashlib.sha256).hexdigest()


def forms_of(session: Session, form_ids: Collection[int]) -> Sequence[Form]:
    """Return forms by their ref."""
    return session.scalars(select(Form).where(Form.id.in_(form_ids)).order_by(Form.ref)).all()


def form_refs(session: Session, form_ids: Collection[int]) -> Mapping[int, str]:
    """Return the refs of forms."""
    return dict(session.execute(select(Form.id, Form.ref).where(Form.id.in_(form_ids))).all())


def item_digests(session: Session, forms: Sequence[Form]) -> Mapping[int, str]:
    """Return for each form the keyed digest of all its items, keys included: who rescores has the same ones."""
    placed = {
        form.id: [(one["item"], one["version"]) for one in json.loads(form.content)["positions"]]
        for form in forms
    }
    wanted: defaultdict[int, set[str]] = defaultdict(set)
    for form in forms:
        wanted[form.bank_id] |= {item for item, _version in placed[form.id]}
    known: dict[tuple[int, str, int], str] = {}
    for bank_id, refs in wanted.items():
        listed = sorted(refs)
        for start in range(0, len(listed), _CHUNK):
            found = session.execute(
                select(Item.ref, ItemVersion.number, ItemVersion.sha256)
                .join(ItemVersion, ItemVersion.item_id == Item.id)
                .where(Item.bank_id == bank_id, Item.ref.in_(listed[start : start + _CHUNK]))
            )
            known |= {(bank_id, ref, number): sha256 for ref, number, sha256 in found}
    return {
        form.id: keyed("\n".join(known.get((form.bank_id, *one), "") for one in placed[form.id]))
        for form in forms
    }


def late_of(session: Session, attempt_ids: Sequence[int]) -> Mapping[int, list[list[object]]]:
    """Return what came too late, by attempt: lease, number, position, kind, value, when, what was ruled."""
    rulings = dict(
        session.execute(
            select(RuledEntry.late_entry_id, LateRuling.verdict)
            .join(RuledAttempt, RuledAttempt.id == RuledEntry.ruled_attempt_id)
            .join(LateRuling, LateRuling.id == RuledAttempt.late_ruling_id)
            .where(RuledAttempt.attempt_id.in_(attempt_ids))
        ).all()
    )
    query = select(LateEntry).where(LateEntry.attempt_id.in_(attempt_ids))
    found: defaultdict[int, list[list[object]]] = defaultdict(list)
    for one in session.scalars(query.order_by(LateEntry.attempt_id, LateEntry.lease_epoch, LateEntry.seq)):
        found[one.attempt_id].append(
            [
                one.lease_epoch,
                one.seq,
                one.position,
                one.kind,
                one.value,
                to_micros(one.received_at),
                rulings.get(one.id),
            ]
        )
    return found


def past_packages(session: Session, sitting_ref: str, *, limit: int) -> Sequence[AuditEntry]:
    """Return who had a package of a sitting written, the latest first."""
    query = select(AuditEntry).where(
        AuditEntry.act == "package.write", AuditEntry.subject == f"sitting:{sitting_ref}"
    )
    return session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()
