"""The account of a unit: its rows as the ledger of the rules, and what became of its matches as rows again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.enrolment.models import FeeCharge, FeeMatch, FeePayment, FeeRefund, MemberUnit
from cbt.rules.enrolment.fees import FeeLedger, Match
from cbt.storage.unit_of_work import PIECE


@dataclass(frozen=True, slots=True)
class FeeBooking:
    """Who books something, and when."""

    actor: str
    now: datetime
    today: date


@dataclass(frozen=True, slots=True)
class UnitAccount:
    """The ledger of a unit and the keys of its rows by their refs."""

    unit: MemberUnit
    ledger: FeeLedger
    lines: Mapping[str, int]
    payments: Mapping[str, int]


def keep_to_this(session: Session, unit_id: int) -> MemberUnit:
    """Have nobody else change the account of a unit before this is over."""
    return session.scalars(select(MemberUnit).where(MemberUnit.id == unit_id).with_for_update()).one()


def account_of(session: Session, unit_id: int) -> UnitAccount:
    """Return the whole account of a unit as this snapshot has it: whoever writes by it repeats what it says.

    Source: I13, R-76.
    """
    unit = session.get_one(MemberUnit, unit_id)
    lines = session.execute(
        select(FeeCharge.ref, FeeCharge.id, FeeCharge.fen, FeeCharge.cancelled_on)
        .where(FeeCharge.unit_id == unit_id)
        .order_by(FeeCharge.id)
    ).all()
    payments = session.execute(
        select(FeePayment.ref, FeePayment.id, FeePayment.fen, FeePayment.reversed_on)
        .where(FeePayment.unit_id == unit_id)
        .order_by(FeePayment.id)
    ).all()
    refunds = session.execute(
        select(FeePayment.ref, FeeRefund.fen)
        .join(FeePayment, FeePayment.id == FeeRefund.payment_id)
        .where(FeePayment.unit_id == unit_id)
        .order_by(FeeRefund.id)
    )
    ledger = FeeLedger(
        lines={row.ref: row.fen for row in lines},
        cancelled=frozenset(row.ref for row in lines if row.cancelled_on is not None),
        payments={row.ref: row.fen for row in payments},
        reversed=frozenset(row.ref for row in payments if row.reversed_on is not None),
        matches=matches_of(session, FeeCharge.unit_id == unit_id),
        refunds=tuple((row.ref, row.fen) for row in refunds),
    )
    return UnitAccount(
        unit, ledger, {row.ref: row.id for row in lines}, {row.ref: row.id for row in payments}
    )


def matches_of(session: Session, chosen: ColumnElement[bool]) -> tuple[Match, ...]:
    """Return the matches that stand of the chosen lines."""
    rows = session.execute(
        select(FeePayment.ref, FeeCharge.ref, FeeMatch.fen)
        .join(FeePayment, FeePayment.id == FeeMatch.payment_id)
        .join(FeeCharge, FeeCharge.id == FeeMatch.charge_id)
        .where(chosen, FeeMatch.undone_at.is_(None))
        .order_by(FeeMatch.id)
    )
    return tuple(Match(*row) for row in rows)


def left_of(
    session: Session, unit_id: int, *, lines: Collection[str] = (), payments: Collection[str] = ()
) -> UnitAccount:
    """Return what is left of a few lines and payments, which nobody else changes before this is over.

    Its ledger has no matches: a line asks for what is open of it, a payment is what of it pays no line.

    Source: I13, R-76.
    """
    unit = keep_to_this(session, unit_id)
    asked = session.execute(
        select(FeeCharge.ref, FeeCharge.id, FeeCharge.fen, FeeCharge.cancelled_on).where(
            FeeCharge.unit_id == unit_id, FeeCharge.ref.in_(lines)
        )
    ).all()
    came = session.execute(
        select(FeePayment.ref, FeePayment.id, FeePayment.fen, FeePayment.reversed_on).where(
            FeePayment.unit_id == unit_id, FeePayment.ref.in_(payments)
        )
    ).all()
    paid = _matched(session, FeeMatch.charge_id, [row.id for row in asked])
    used = _matched(session, FeeMatch.payment_id, [row.id for row in came])
    refunds = session.execute(
        select(FeePayment.ref, FeeRefund.fen)
        .join(FeePayment, FeePayment.id == FeeRefund.payment_id)
        .where(FeePayment.id.in_([row.id for row in came]))
        .order_by(FeeRefund.id)
    )
    ledger = FeeLedger(
        lines={row.ref: row.fen - paid.get(row.id, 0) for row in asked},
        cancelled=frozenset(row.ref for row in asked if row.cancelled_on is not None),
        payments={row.ref: row.fen - used.get(row.id, 0) for row in came},
        reversed=frozenset(row.ref for row in came if row.reversed_on is not None),
        refunds=tuple((row.ref, row.fen) for row in refunds),
    )
    return UnitAccount(unit, ledger, {row.ref: row.id for row in asked}, {row.ref: row.id for row in came})


def _matched(session: Session, by: InstrumentedAttribute[int], ids: Sequence[int]) -> Mapping[int, int]:
    """Return how much is matched of lines or payments of which something is."""
    standing = (by.in_(ids), FeeMatch.undone_at.is_(None))
    rows = session.execute(select(by, func.sum(FeeMatch.fen)).where(*standing).group_by(by))
    return {key: int(fen) for key, fen in rows}


def keep_matches(session: Session, unit_id: int, proposed: Sequence[Match], who: FeeBooking) -> int:
    """Write down a piece of proposed matches, each as far as it still can be made; return how much they pay."""
    account = left_of(
        session, unit_id, lines={one.line for one in proposed}, payments={one.payment for one in proposed}
    )
    matches = list(account.ledger.still(proposed))
    made = [
        {
            "payment_id": account.payments[one.payment],
            "charge_id": account.lines[one.line],
            "fen": one.fen,
            "made_at": who.now,
            "made_by": who.actor,
        }
        for one in matches
    ]
    if made:
        session.execute(insert(FeeMatch), made)
    return sum(one.fen for one in matches)


def take_back(session: Session, payment_id: int, who: FeeBooking) -> int:
    """Take a piece of the matches of a payment back that stand; return how much they paid, 0 for none."""
    standing = (FeeMatch.payment_id == payment_id, FeeMatch.undone_at.is_(None))
    rows = session.execute(
        select(FeeMatch.id, FeeMatch.fen).where(*standing).order_by(FeeMatch.id).limit(PIECE)
    ).all()
    gone = update(FeeMatch).where(FeeMatch.id.in_([row.id for row in rows]))
    session.execute(gone.values(undone_at=who.now))
    return sum(row.fen for row in rows)
