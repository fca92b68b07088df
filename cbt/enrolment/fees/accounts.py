"""What a unit paid: recorded, matched with what is open, reversed, given back; and what is left of it all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import count

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from cbt.audit.chain import record
from cbt.enrolment.models import FeeCharge, FeeMatch, FeePayment, FeeRefund, MemberUnit, UnitApplication
from cbt.enrolment.units import unit_by_ref
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import one_line, required
from cbt.rules.enrolment.fees import FeeLedger, Match, typed_amount, yuan
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, PIECE, LongWork, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in


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


def unsettled(session: Session, unit_id: int, payments: Mapping[str, int], pays: str = "") -> FeeLedger:
    """Return what these payments can pay of a unit's lines, by their refs: no line that is paid is read.

    `payments` are what is free of each, in the order in which they came. The lines are as many as that is enough
    for, the oldest first, each with what is open of it; `pays` says of which application alone, or `TO_NOTHING`.
    Whoever writes by this snapshot repeats what it says. Raise InvalidInput("fees.pays").

    Source: I13, R-76.
    """
    open_lines: dict[str, int] = {}
    left = 0 if pays == TO_NOTHING else sum(payments.values())
    paid = select(func.sum(FeeMatch.fen)).where(
        FeeMatch.charge_id == FeeCharge.id, FeeMatch.undone_at.is_(None)
    )
    still_open = FeeCharge.fen - func.coalesce(paid.scalar_subquery(), 0)
    query = select(FeeCharge.ref, still_open).where(
        FeeCharge.unit_id == unit_id, FeeCharge.cancelled_on.is_(None), still_open > 0
    )
    if pays and pays != TO_NOTHING:
        query = query.where(FeeCharge.application_id == _application(session, unit_id, pays))
    query = query.order_by(FeeCharge.id).execution_options(yield_per=PIECE)
    with closing(session.execute(query)) as waiting:
        for line, fen in waiting:
            if left <= 0:
                break
            open_lines[line] = int(fen)
            left -= int(fen)
    return FeeLedger(lines=open_lines, payments=payments)


def free_payments(session: Session, unit_id: int) -> dict[str, int]:
    """Return what of a unit's payments neither pays a line nor was given back, in the order in which they came."""
    used = select(func.sum(FeeMatch.fen)).where(
        FeeMatch.payment_id == FeePayment.id, FeeMatch.undone_at.is_(None)
    )
    back = select(func.sum(FeeRefund.fen)).where(FeeRefund.payment_id == FeePayment.id)
    free = (
        FeePayment.fen - func.coalesce(used.scalar_subquery(), 0) - func.coalesce(back.scalar_subquery(), 0)
    )
    query = select(FeePayment.ref, free).where(
        FeePayment.unit_id == unit_id, FeePayment.reversed_on.is_(None), free > 0
    )
    return {ref: int(fen) for ref, fen in session.execute(query.order_by(FeePayment.id))}


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
    rows = session.execute(
        select(FeeCharge.ref, FeeCharge.id, FeeCharge.fen, FeeCharge.cancelled_on).where(
            FeeCharge.unit_id == unit_id, FeeCharge.ref.in_(lines)
        )
    ).all()
    came = session.execute(
        select(FeePayment.ref, FeePayment.id, FeePayment.fen, FeePayment.reversed_on).where(
            FeePayment.unit_id == unit_id, FeePayment.ref.in_(payments)
        )
    ).all()
    paid = _matched(session, FeeMatch.charge_id, [row.id for row in rows])
    used = _matched(session, FeeMatch.payment_id, [row.id for row in came])
    refunds = session.execute(
        select(FeePayment.ref, FeeRefund.fen)
        .join(FeePayment, FeePayment.id == FeeRefund.payment_id)
        .where(FeePayment.id.in_([row.id for row in came]))
        .order_by(FeeRefund.id)
    )
    ledger = FeeLedger(
        lines={row.ref: row.fen - paid.get(row.id, 0) for row in rows},
        cancelled=frozenset(row.ref for row in rows if row.cancelled_on is not None),
        payments={row.ref: row.fen - used.get(row.id, 0) for row in came},
        reversed=frozenset(row.ref for row in came if row.reversed_on is not None),
        refunds=tuple((row.ref, row.fen) for row in refunds),
    )
    return UnitAccount(unit, ledger, {row.ref: row.id for row in rows}, {row.ref: row.id for row in came})


def _matched(session: Session, by: InstrumentedAttribute[int], ids: Sequence[int]) -> Mapping[int, int]:
    """Return how much is matched of lines or payments of which something is."""
    standing = (by.in_(ids), FeeMatch.undone_at.is_(None))
    rows = session.execute(select(by, func.sum(FeeMatch.fen)).where(*standing).group_by(by))
    return {key: int(fen) for key, fen in rows}


def keep_matches(session: Session, unit_id: int, proposed: Sequence[Match], booking: FeeBooking) -> int:
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
            "made_at": booking.now,
            "made_by": booking.actor,
        }
        for one in matches
    ]
    if made:
        session.execute(insert(FeeMatch), made)
    return sum(one.fen for one in matches)


def take_back(session: Session, payment_id: int, booking: FeeBooking) -> int:
    """Take a piece of the matches of a payment back that stand; return how much they paid, 0 for none."""
    standing = (FeeMatch.payment_id == payment_id, FeeMatch.undone_at.is_(None))
    rows = session.execute(
        select(FeeMatch.id, FeeMatch.fen).where(*standing).order_by(FeeMatch.id).limit(PIECE)
    ).all()
    gone = update(FeeMatch).where(FeeMatch.id.in_([row.id for row in rows]))
    session.execute(gone.values(undone_at=booking.now))
    return sum(row.fen for row in rows)


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


def record_payment(unit_ref: str, form: PaymentForm, booking: FeeBooking) -> str:
    """Record what came in, let it pay what it is for, a few lines at a time, and return its ref.

    Raise InvalidInput("fees.day"|"fees.amount"|"fees.way"|"fees.payer"|"fees.too_long"|"fees.pays"),
    Conflict("fees.paid_twice") for the reference of a payment that stands.

    Source: I13, R-76.
    """
    paid_on, fen = _day(form.paid_on, "paid_on", booking.today), _amount(form.amount)
    if form.way not in WAYS:
        raise InvalidInput("fees.way", field="way")
    payer = required(form.payer, "fees.payer", "payer")
    reference, note = _short(form.reference, "reference", 80), _short(form.note, "note", 500)
    with reading() as session:
        unit = unit_by_ref(session, unit_ref)
        ref = new_ref("pm", 10)
        proposed = list(unsettled(session, unit.id, {ref: fen}, form.pays).proposed())
    with unit_of_work() as session:
        keep_to_this(session, unit.id)
        _refuse_paid_twice(session, reference)
        made = FeePayment(
            ref=ref,
            unit_id=unit.id,
            paid_on=paid_on,
            fen=fen,
            way=form.way,
            payer=payer,
            reference=reference,
            note=note,
            booked_on=booking.today,
            booked_by=booking.actor,
            reversed_by="",
            reverse_reason="",
        )
        session.add(made)
        session.flush()
        matched = keep_matches(session, unit.id, proposed[:PIECE], booking)
        after = {"unit": unit.ref, "amount": yuan(fen), "day": paid_on.isoformat(), "matched": yuan(matched)}
        record(
            session, at=booking.now, actor=booking.actor, act="fee.pay", subject=made.logged_as, after=after
        )
    _match(unit.id, proposed[PIECE:], booking)
    return ref


def match_credit(unit_ref: str, booking: FeeBooking, *, work: LongWork = DIRECTLY) -> int:
    """Let what is free of a unit's payments pay what is open, the oldest first; return how much.

    Raise Conflict("fees.nothing_to_match").
    """
    with reading() as session:
        unit = unit_by_ref(session, unit_ref)
        proposed = list(unsettled(session, unit.id, free_payments(session, unit.id)).proposed())
    matched = _match(unit.id, proposed, booking, work=work)
    if not matched:
        raise Conflict("fees.nothing_to_match")
    return matched


def _match(unit_id: int, proposed: Sequence[Match], booking: FeeBooking, *, work: LongWork = DIRECTLY) -> int:
    """Make matches a few at a time, each piece with its entry in the log; return how much they pay.

    What another has paid, cancelled or given back meanwhile is left out of them. Who is stopped on the way leaves
    credit, which the next matching takes up.

    Source: I13, R-76.
    """
    done, matched = 0, int(work.so_far.get("fen", 0))
    for piece in pieces_of(proposed):
        matched = work.in_front(partial(_match_some, unit_id, piece, booking, work=work, before=matched))
        done += len(piece)
        work.tell(done, len(proposed))
    return matched


def _match_some(
    unit_id: int, proposed: Sequence[Match], booking: FeeBooking, *, work: LongWork, before: int
) -> int:
    """Make some matches; return how much they pay with those of `before`."""
    with unit_of_work() as session:
        matched = keep_matches(session, unit_id, proposed, booking)
        if matched:
            record(
                session,
                at=booking.now,
                actor=booking.actor,
                act="fee.match",
                subject=session.get_one(MemberUnit, unit_id).logged_as,
                after={"matched": yuan(matched)},
            )
            put_down_in(session, *work.keeping(fen=before + matched))
        return before + matched


def unmatch_payment(ref: str, *, reason: str, booking: FeeBooking) -> None:
    """Take all matches of a payment back, a few at a time: it stays as credit.

    Raise InvalidInput("fees.reason"), NotFound, Conflict("fees.not_matched") where it pays nothing.

    Source: I13.
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    for piece in pieces_of(count(), size=1):
        with unit_of_work() as session:
            payment = _kept(session, ref)
            taken = take_back(session, payment.id, booking)
            if not taken:
                if 0 in piece:
                    raise Conflict("fees.not_matched")
                return  # whoever came at the same time took the rest back
            _note_unmatched(session, payment, taken, reason, booking)
            if not _pays(session, payment):
                return


def reverse_payment(ref: str, *, reason: str, booking: FeeBooking) -> None:
    """Take a payment back as one that never came; what it paid is open again.

    Its matches go first, a few at a time: who is stopped on the way leaves a payment that stands and pays less.

    Raise InvalidInput("fees.reason"), Conflict("fees.reversed"|"fees.refunded").

    Source: I13, R-76.
    """
    reason = required(reason, "fees.reason", "reason", limit=500)
    for _ in pieces_of(count(), size=1):
        with unit_of_work() as session:
            payment = _kept(session, ref)
            left_of(session, payment.unit_id, payments={ref}).ledger.reverse(ref)
            taken = take_back(session, payment.id, booking)
            if _pays(session, payment):
                _note_unmatched(session, payment, taken, reason, booking)
                continue
            payment.reversed_on, payment.reversed_by, payment.reverse_reason = (
                booking.today,
                booking.actor,
                reason,
            )
            record(
                session,
                at=booking.now,
                actor=booking.actor,
                act="fee.reverse",
                subject=payment.logged_as,
                reason=reason,
                before={"amount": yuan(payment.fen)},
            )
            return


def _kept(session: Session, ref: str) -> FeePayment:
    """Return a payment whose unit's account nobody else changes before this is over; raise NotFound."""
    payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
    keep_to_this(session, payment.unit_id)
    return payment


def _pays(session: Session, payment: FeePayment) -> bool:
    left = left_of(session, payment.unit_id, payments={payment.ref})
    return left.ledger.payments[payment.ref] < payment.fen


def _note_unmatched(
    session: Session, payment: FeePayment, fen: int, reason: str, booking: FeeBooking
) -> None:
    record(
        session,
        at=booking.now,
        actor=booking.actor,
        act="fee.unmatch",
        subject=payment.logged_as,
        reason=reason,
        before={"matched": yuan(fen)},
    )


def refund(ref: str, form: RefundForm, booking: FeeBooking) -> None:
    """Note what of a payment was given back: no more than pays nothing.

    Raise InvalidInput("fees.day"|"fees.amount"|"fees.reason"|"fees.too_long"),
    Conflict("fees.reversed"|"fees.too_much").

    Source: R-76.
    """
    given_on, fen = _day(form.given_on, "given_on", booking.today), _amount(form.amount)
    reason = required(form.reason, "fees.reason", "reason", limit=500)
    reference = _short(form.reference, "reference", 80)
    with unit_of_work() as session:
        payment = FeePayment.by_ref(session, ref, unknown="fees.no_payment")
        left_of(session, payment.unit_id, payments={ref}).ledger.refund(ref, fen)
        made = FeeRefund(
            ref=new_ref("rf", 10),
            payment_id=payment.id,
            fen=fen,
            given_on=given_on,
            reference=reference,
            reason=reason,
            booked_on=booking.today,
            booked_by=booking.actor,
        )
        session.add(made)
        session.flush()
        record(
            session,
            at=booking.now,
            actor=booking.actor,
            act="fee.refund",
            subject=payment.logged_as,
            reason=reason,
            after={"amount": yuan(fen), "day": given_on.isoformat()},
        )


def _application(session: Session, unit_id: int, ref: str) -> int:
    """Return the key of an application of a unit; raise InvalidInput("fees.pays")."""
    application = session.scalar(
        select(UnitApplication.id).where(UnitApplication.ref == ref, UnitApplication.unit_id == unit_id)
    )
    if application is None:
        raise InvalidInput("fees.pays", field="pays")
    return application


def _refuse_paid_twice(session: Session, reference: str) -> None:
    if not reference:
        return
    query = select(FeePayment.ref).where(FeePayment.reference == reference, FeePayment.reversed_on.is_(None))
    if session.scalar(query) is not None:
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
