"""One-time codes: the second person stands beside and reads six digits out, bound to that one request.

Source: R-62.
"""

from __future__ import annotations

import hmac
import random
from datetime import datetime, timedelta

from sqlalchemy import select, update

from cbt.accounts.approvals.answers import carry_out, second_of, waiting_request
from cbt.accounts.approvals.requests import ApprovalState, keyed, note
from cbt.accounts.models import Approval
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict, InvalidInput, NotFound, TooMany
from cbt.web.who.login import Principal

LASTS = timedelta(minutes=2)
DIGITS = 6
TRIES = 5
"""How often the codes of one request may be typed wrong, all of them together."""


def show_code(
    ref: str, principal: Principal, *, machine: str, rng: random.Random, now: datetime
) -> tuple[str, datetime]:
    """Make the one code of a request for its second person; return it with its end. An earlier one is void.

    It is kept nowhere but hashed. Raise what `second_of` raises, Conflict("approval.settled").

    Source: R-62.
    """
    code = f"{rng.randrange(10**DIGITS):0{DIGITS}d}"
    with unit_of_work() as session:
        row = waiting_request(session, ref, now=now)
        second_of(session, row, principal.subject_ref, way="code", machine=machine, now=now)
        until = min(now + LASTS, row.expires_at)
        made = session.scalar(
            update(Approval)
            .where(Approval.id == row.id, Approval.state == ApprovalState.PENDING)
            .values(
                code_hash=_hashed(row.ref, code),
                code_by=principal.subject_ref,
                code_machine=machine[:64],
                code_expires_at=until,
            )
            .returning(Approval.id)
        )
        if made is None:
            raise Conflict("approval.settled")
        note(session, row, "code", by=principal.subject_ref, machine=machine, now=now)
        return code, until


def enter_code(ref: str, code: str, principal: Principal, *, now: datetime) -> None:
    """Carry out one's own request with the code its second person reads out.

    A try is counted before it is verified. Raise NotFound for somebody else's request, InvalidInput(
    "approval.code_none"|"approval.code_wrong"), TooMany("approval.code_tries"), and what `approve` raises.

    Source: R-62.
    """
    with reading() as session:
        row = waiting_request(session, ref, now=now)
        if row.asked_by != principal.subject_ref:
            raise NotFound("approval.unknown")
    with unit_of_work() as session:
        counted = session.scalar(
            update(Approval)
            .where(
                Approval.id == row.id, Approval.state == ApprovalState.PENDING, Approval.code_tries < TRIES
            )
            .values(code_tries=Approval.code_tries + 1)
            .returning(Approval.id)
        )
        row = session.scalars(
            select(Approval).where(Approval.id == row.id).execution_options(populate_existing=True)
        ).one()
        session.expunge(row)
    if counted is None:
        raise (
            TooMany("approval.code_tries", seconds=0)
            if row.state == ApprovalState.PENDING
            else Conflict("approval.settled")
        )
    if row.code_hash is None or row.code_by is None or row.code_expires_at is None:
        raise InvalidInput("approval.code_none", field="code")
    typed = "".join(letter for letter in code if not letter.isspace())
    if now >= row.code_expires_at:
        raise InvalidInput("approval.code_over", field="code")
    if not hmac.compare_digest(row.code_hash, _hashed(row.ref, typed)):
        raise InvalidInput("approval.code_wrong", field="code")
    with reading() as session:
        second = second_of(session, row, row.code_by, way="code", machine=row.code_machine or "", now=now)
    carry_out(row, second, now=now)


def _hashed(ref: str, code: str) -> str:
    return keyed(f"code|{ref}|{code}")
