"""Use cases of the officer: what a unit paid is recorded, matched, reversed, given back (R-76)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.applications.models import UnitApplication
from cbt.enrolment.fees.accounts import FeeBooking, account_of, keep_matches
from cbt.enrolment.fees.models import FeeCharge, FeePayment, FeeRefund
from cbt.enrolment.units.store import unit_by_ref
from cbt.errors import Conflict, InvalidInput
from cbt.rules.enrolment.fees.amounts import typed_amount, yuan
from cbt.web.refs import new_ref
from cbt.web.texts import one_line, required

WAYS = ("transfer", "cash", "other")
EARLIEST_PAYMENT = date(2015, 1, 1)
TO_NOTHING = "-"
"""Where a payment is to pay nothing for now: it stays as credit."""


@dataclass(frozen=True, slots=True)
class PaymentForm:
    """What is typed of a payment; `pays` is an application, "" for what is open the longest, or `TO_NOTHING`."""

    paid_on: str
    amount: str
    way: str
    payer: str
    reference: str
    note: str
    pays: str


@dataclass(frozen=True, slots=True)
class RefundForm:
    """What is typed of a refund."""

    given_on: str
    amount: str
    reference: str
    reason: str


def record_payment(unit_ref: str, form: PaymentForm, who: FeeBooking) -> str:
    """Record what came in, let it pay what it is for, and return its ref.

    Raise InvalidInput("fees.day"|"fees.amount"|"fees.way"|"fees.payer"|"fees.too_long"|"fees.pays"),
    Conflict("fees.paid_twice") for the reference of a payment that stands.

    Source: R-76.
    """
    paid_on, fen = _day(form.paid_on, "paid_on", who.today), _amount(form.amount)
    if form.way not in WAYS:
        raise InvalidInput("fees.way", field="way")
    payer = required(form.payer, "fees.payer", "payer")
    reference, note = _short(form.reference, "reference", 80), _short(form.note, "note", 500)
    with unit_of_work() as session:
        unit = unit_by_ref(session, unit_ref)
        before = account_of(session, unit.id)
        _refuse_paid_twice(session, reference)
        lines = _lines_of(session, unit.id, form.pays)
        ref = new_ref("pm", 10)
        before.ledger.pay(ref, fen)
        made = FeePayment(
            ref=ref,
            unit_id=unit.id,
            paid_on=paid_on,
            fen=fen,
            way=form.way,
            payer=payer,
            reference=reference,
            note=note,
            booked_on=who.today,
            booked_by=who.actor,
            reversed_by="",
            reverse_reason="",
        )
        session.add(made)
        session.flush()
        account = account_of(session, unit.id)
        matched = keep_matches(session, account, account.ledger.settled(lines=lines, payments={ref}), who)
        after = {"unit": unit.ref, "amount": yuan(fen), "day": paid_on.isoformat(), "matched": yuan(matched)}
        record(session, at=who.now, actor=who.actor, act="fee.pay", subject=made.logged_as, after=after)
        return ref


def match_credit(unit_ref: str, who: FeeBooking) -> int:
    """Let what is free of a unit's payments pay what is open, the oldest first; return how much.

    Raise Conflict("fees.nothing_to_match").
    """
    with unit_of_work() as session:
        account = account_of(session, unit_by_ref(session, unit_ref).id)
        matched = keep_matches(session, account, account.ledger.settled(), who)
        if not matched:
            raise Conflict("fees.nothing_to_match")
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="fee.match",
            subject=account.unit.logged_as,
            after={"matched": yuan(matched)},
        )
        return matched


def unmatch_payment(ref: str, *, reason: str, who: FeeBooking) -> None:
    """Take all matches of a payment back: it stays as credit. Raise InvalidInput("fees.reason"), NotFound.

    Raise Conflict("fees.not_matched") where it pays nothing.
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    with unit_of_work() as session:
        payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
        account = account_of(session, payment.unit_id)
        lines = {one.line: None for one in account.ledger.matches if one.payment == ref}
        if not lines:
            raise Conflict("fees.not_matched")
        after = account.ledger
        for line in lines:
            after = after.unmatch(ref, line)
        keep_matches(session, account, after, who)
        before = {"matched": yuan(account.ledger.matched - after.matched)}
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="fee.unmatch",
            subject=payment.logged_as,
            reason=reason,
            before=before,
        )


def reverse_payment(ref: str, *, reason: str, who: FeeBooking) -> None:
    """Take a payment back as one that never came; what it paid is open again.

    Raise InvalidInput("fees.reason"), Conflict("fees.reversed"|"fees.refunded").

    Source: R-76.
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    with unit_of_work() as session:
        payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
        account = account_of(session, payment.unit_id)
        keep_matches(session, account, account.ledger.reverse(ref), who)
        payment.reversed_on, payment.reversed_by, payment.reverse_reason = who.today, who.actor, reason
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="fee.reverse",
            subject=payment.logged_as,
            reason=reason,
            before={"amount": yuan(payment.fen)},
        )


def refund(ref: str, form: RefundForm, who: FeeBooking) -> None:
    """Note what of a payment was given back: no more than pays nothing.

    Raise InvalidInput("fees.day"|"fees.amount"|"fees.reason"|"fees.too_long"),
    Conflict("fees.reversed"|"fees.too_much").

    Source: R-76.
    """
    given_on, fen = _day(form.given_on, "given_on", who.today), _amount(form.amount)
    reason = required(form.reason, "fees.reason", "reason", limit=500)
    reference = _short(form.reference, "reference", 80)
    with unit_of_work() as session:
        payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
        account_of(session, payment.unit_id).ledger.refund(ref, fen)
        made = FeeRefund(
            ref=new_ref("rf", 10),
            payment_id=payment.id,
            fen=fen,
            given_on=given_on,
            reference=reference,
            reason=reason,
            booked_on=who.today,
            booked_by=who.actor,
        )
        session.add(made)
        session.flush()
        record(
            session,
            at=who.now,
            actor=who.actor,
            act="fee.refund",
            subject=payment.logged_as,
            reason=reason,
            after={"amount": yuan(fen), "day": given_on.isoformat()},
        )


def _lines_of(session: Session, unit_id: int, pays: str) -> set[str] | None:
    """Return which lines a payment is for, None for all; raise InvalidInput("fees.pays")."""
    if not pays:
        return None
    if pays == TO_NOTHING:
        return set()
    application = session.scalar(
        select(UnitApplication.id).where(UnitApplication.ref == pays, UnitApplication.unit_id == unit_id)
    )
    if application is None:
        raise InvalidInput("fees.pays", field="pays")
    return set(session.scalars(select(FeeCharge.ref).where(FeeCharge.application_id == application)))


def _refuse_paid_twice(session: Session, reference: str) -> None:
    if not reference:
        return
    known = select(FeePayment.ref).where(FeePayment.reference == reference, FeePayment.reversed_on.is_(None))
    if session.scalar(known) is not None:
        raise Conflict("fees.paid_twice", field="reference", reference=reference)


def _day(text: str, field: str, today: date) -> date:
    """Return the day a form sent; raise InvalidInput("fees.day") for none, one to come or one long ago."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput("fees.day", field=field) from error
    if not EARLIEST_PAYMENT <= day <= today:
        raise InvalidInput("fees.day", field=field)
    return day


def _amount(text: str) -> int:
    try:
        return typed_amount(text)
    except InvalidInput as error:
        raise InvalidInput(error.code, field="amount") from error


def _short(text: str, field: str, most: int) -> str:
    plain = one_line(text, field)
    if len(plain) > most:
        raise InvalidInput("fees.too_long", field=field, maximum=most)
    return plain
