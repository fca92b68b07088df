"""The account of a unit: its rows as the ledger of the rules, and what became of its matches as rows again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from cbt.enrolment.fees.models import FeeCharge, FeeMatch, FeePayment, FeeRefund
from cbt.enrolment.units.models import MemberUnit
from cbt.rules.enrolment.fees.ledger import FeeLedger, Match


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
    """Return the account of a unit, which nobody else changes before this is over. Source: R-76."""
    unit = keep_to_this(session, unit_id)
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


def keep_matches(session: Session, account: UnitAccount, after: FeeLedger, who: FeeBooking) -> int:
    """Write down which matches an act took back and which it made; return how much the new ones pay."""
    left = set(after.matches)
    kept = [one for one in account.ledger.matches if one in left]
    for pair in {(one.payment, one.line) for one in account.ledger.matches if one not in left}:
        session.execute(
            update(FeeMatch)
            .where(
                FeeMatch.payment_id == account.payments[pair[0]],
                FeeMatch.charge_id == account.lines[pair[1]],
                FeeMatch.undone_at.is_(None),
            )
            .values(undone_at=who.now)
        )
    made = after.matches[len(kept) :]
    for one in made:
        session.add(
            FeeMatch(
                payment_id=account.payments[one.payment],
                charge_id=account.lines[one.line],
                fen=one.fen,
                made_at=who.now,
                made_by=who.actor,
            )
        )
    return sum(one.fen for one in made)
