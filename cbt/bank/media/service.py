"""The use case of media: an author brings a picture or a sound."""

from __future__ import annotations

from datetime import datetime

from cbt.audit import chain
from cbt.bank.media import keeping
from cbt.bank.media.taken import TakenIn
from cbt.bank.store import bank_by_ref
from cbt.db.unit_of_work import unit_of_work


def bring(body: bytes, *, bank_ref: str, now: datetime, actor: str) -> TakenIn:
    """Keep a picture or a sound for the items of a bank, and return it as it is kept.

    Raise InvalidInput as `keeping.take_in` does, NotFound("bank.unknown").
    """
    found = keeping.take_in(body)
    with unit_of_work() as session:
        bank = bank_by_ref(session, bank_ref)
        name = keeping.store(session, found, now=now, actor=actor)
        chain.record(
            session,
            at=now,
            actor=actor,
            act="media.bring",
            subject=f"item_bank:{bank.ref}",
            after={"media": name, "bytes": len(found.body)},
        )
    return found
