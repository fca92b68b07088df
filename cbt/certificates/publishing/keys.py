"""The keys of published records: each stretched once, after issue, and kept, so that publishing many is quick.

Source: R-94.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cbt.candidates.models import Candidate
from cbt.certificates.models import ONLY, Certificate, LookUpKey, LookUpSite
from cbt.confined.behind import done_behind
from cbt.db.private.sealing import open_bytes, readable, seal_bytes
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Unavailable
from cbt.personal.numbers import DOCUMENT
from cbt.rules.certificates.lookup import ITERATIONS, SALT, KeyStretch, stretched

KEY = "look-up key"
AT_ONCE = 4
"""Certificates whose keys are stretched in one run of the job: a second or two of what others leave, seldom."""


@dataclass(frozen=True, slots=True)
class Unstretched:
    """A certificate that has no key yet; `document` is the whole number, None where it cannot be read."""

    certificate_id: int
    number: str
    name: str
    document: str | None


@dataclass(frozen=True, slots=True)
class LookUpKeys:
    """The keys of a certificate: by its number, and by its holder's document where that could be read."""

    by_number: bytes
    by_document: bytes | None


def stretch_of(session: Session) -> KeyStretch:
    """Return how hard guessing is made for this installation's records; the first who asks draws the salt."""
    site = session.get(LookUpSite, ONLY)
    if site is None:
        site = LookUpSite(id=ONLY, salt=os.urandom(SALT), iterations=ITERATIONS)
        session.add(site)
        session.flush()
    return KeyStretch(site.salt, site.iterations)


def stretch_waiting(*, now: datetime) -> int:
    """Stretch the keys of a few certificates issued since; return of how many.

    `now` is not asked. Source: R-94.
    """
    with reading() as session:
        last = select(func.coalesce(func.max(LookUpKey.certificate_id), 0)).scalar_subquery()
        waiting = _unstretched(session, Certificate.id > last, most=AT_ONCE)
    if not waiting:
        return 0
    with unit_of_work() as session:
        stretch = stretch_of(session)
    made = done_behind(lambda: [(one, keys_of(one, stretch)) for one in waiting])
    keep(made)
    return len(made)


def without_keys(session: Session) -> list[Unstretched]:
    """Return every certificate that has no key, or one of a `personal.key` that is lost."""
    kept = session.execute(select(LookUpKey.certificate_id, LookUpKey.by_number))
    lost = [one for one, sealed in kept if _opened(sealed) is None]
    found = _unstretched(session, Certificate.id.not_in(select(LookUpKey.certificate_id)))
    return found + (_unstretched(session, Certificate.id.in_(lost)) if lost else [])


def _unstretched(
    session: Session, condition: ColumnElement[bool], *, most: int | None = None
) -> list[Unstretched]:
    query = (
        select(Certificate.id, Certificate.number, Certificate.name, Candidate.document_sealed)
        .join(Candidate, Candidate.id == Certificate.candidate_id)
        .where(condition)
        .order_by(Certificate.id)
        .limit(most)
    )
    return [
        Unstretched(one, number, name, readable(sealed, DOCUMENT))
        for one, number, name, sealed in session.execute(query)
    ]


def keys_of(one: Unstretched, stretch: KeyStretch) -> LookUpKeys:
    """Return the keys of a certificate: a second of a core, outside every transaction."""
    by_document = stretched(one.document, one.name, stretch) if one.document else None
    return LookUpKeys(stretched(one.number, one.name, stretch), by_document)


def keep(made: Sequence[tuple[Unstretched, LookUpKeys]]) -> None:
    """Keep the keys of certificates, each sealed; who keeps some beside another waits, and finds the same."""
    sealed = {
        one.certificate_id: (
            seal_bytes(keys.by_number, KEY),
            seal_bytes(keys.by_document, KEY) if keys.by_document else None,
        )
        for one, keys in made
    }
    with unit_of_work() as session:
        session.get_one(LookUpSite, ONLY, with_for_update=True)
        for certificate_id, (by_number, by_document) in sealed.items():
            row = session.get(LookUpKey, certificate_id)
            if row is None:
                row = LookUpKey(certificate_id=certificate_id)
                session.add(row)
            row.by_number, row.by_document = by_number, by_document


def kept_keys(session: Session) -> dict[int, LookUpKeys]:
    """Return the keys of every certificate that has one: certificate id -> keys."""
    found = {}
    for one, number, document in session.execute(
        select(LookUpKey.certificate_id, LookUpKey.by_number, LookUpKey.by_document)
    ):
        by_number = _opened(number)
        if by_number is not None:
            found[one] = LookUpKeys(by_number, _opened(document) if document is not None else None)
    return found


def _opened(sealed: bytes) -> bytes | None:
    try:
        return open_bytes(sealed, KEY)
    except Unavailable:
        return None
