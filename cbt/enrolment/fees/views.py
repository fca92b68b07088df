"""Views of the fees: the office's, a unit's own, and those that both share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import flask
import flask_babel

from cbt.enrolment.fees import accounts, store
from cbt.enrolment.fees.accounts import TO_NOTHING, WAYS, FeeBooking, PaymentForm, RefundForm
from cbt.enrolment.fees.statement import (
    StatementDetails,
    payment_details,
    statement_details,
)
from cbt.enrolment.jobs import CANCEL_FEES, CHARGE, JOURNAL, MATCH, STATEMENT
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import own_unit, unit_by_ref
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.rules.enrolment.fees import RefundCause, yuan
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading


def account_page(unit: MemberUnit, *, own: bool, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Return the page of a unit's account: statements, payments, for the office the form of a payment."""
    args = flask.request.args
    paid_page = whole_number(args.get("payments", ""), most=100_000) or 1
    with reading() as session:
        owed = store.owed_by(session, unit.id)
        statements = store.statements_of(session, unit.id, page=page_of(args))
        payments = store.payments_of(session, unit.id, page=paid_page)
        still_open = [] if own else store.open_statements(session, unit.id)
    return form_page(
        "enrolment/fees/account.html",
        refused,
        unit=unit,
        own=own,
        owed=owed,
        statements=statements,
        payments=payments,
        pays=_choices(still_open),
        ways=[(way, flask_babel.gettext(f"enrolment.fees.way.{way}")) for way in WAYS],
        today=local_day(flask.g.now),
    )


def _choices(still_open: Iterable[tuple[str, str, int]]) -> list[tuple[str, str]]:
    _ = flask_babel.gettext
    return [
        ("", _("enrolment.fees.pays.oldest")),
        *(
            (ref, _("enrolment.fees.pays.one", number=number, open=yuan(fen)))
            for ref, number, fen in still_open
        ),
        (TO_NOTHING, _("enrolment.fees.pays.nothing")),
    ]


def statement_page(unit: MemberUnit, of: str, *, own: bool, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Return the page of a statement."""
    return form_page(
        "enrolment/fees/statement.html",
        refused,
        found=_statement(unit, of),
        own=own,
        causes=[
            (one.value, flask_babel.gettext(f"enrolment.fees.cause.{one.value}"))
            for one in RefundCause
            if one is not RefundCause.ABSENT
        ],
    )


def statement_file(unit: MemberUnit, of: str, kind: str) -> Reply:
    """Return a statement to be saved; raise NotFound("fees.no_statement") for any other kind of file."""
    if kind not in {"pdf", "xlsx"}:
        raise NotFound("fees.no_statement")
    return file_reply(STATEMENT, subject=f"member_unit:{unit.ref}", unit=unit.ref, of=of, form=kind)


def _statement(unit: MemberUnit, of: str) -> StatementDetails:
    with reading() as session:
        return statement_details(session, unit, of, day=local_day(flask.g.now))


pages = flask.Blueprint("fees", __name__, url_prefix="/office/fees")
pages.add_app_template_filter(yuan, "yuan")

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


def _booking() -> FeeBooking:
    return FeeBooking(acting(), flask.g.now, local_day(flask.g.now))


@pages.get("")
@access.roles(*READERS)
def fees(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the units that owe something, those who owe the longest first."""
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        found, total = store.unit_fees_page(session, kind=args.get("kind", ""), page=page_of(args))
        waiting = store.not_charged(session)
    kinds = found.tabs(
        lambda kind: flask.url_for("enrolment.fees.fees", kind=kind),
        lambda kind, count: flask_babel.gettext(f"enrolment.fees.list.{kind}", count=count),
    )
    return form_page(
        "enrolment/fees/fees.html",
        refused,
        found=found,
        total=total,
        kinds=kinds,
        waiting=waiting,
        today=today,
        first=args.get("from") or today.replace(day=1),
        last=args.get("to") or today,
    )


@pages.post("/charge")
@access.roles(Role.OFFICER)
def charge() -> Reply:
    """Have the fees arise of what was accepted before fees were kept."""
    return act_reply(CHARGE, subject="system:", page=flask.url_for("enrolment.fees.fees"))


@pages.get("/journal")
@access.roles(*READERS)
@form_on(fees)
def entries() -> Reply:
    """Send every entry of some days to the bookkeeper, as a workbook or as CSV."""
    args = flask.request.args
    span = {"first": args.get("from", ""), "last": args.get("to", "")}
    return file_reply(JOURNAL, subject=acting(), **span, csv=args.get("as") == "csv")


@pages.get("/units/<ref>")
@access.roles(*READERS)
def account(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    return account_page(_unit(ref), own=False, refused=refused)


def _unit(ref: str) -> MemberUnit:
    with reading() as session:
        return unit_by_ref(session, ref)


@pages.post("/units/<ref>/payments")
@access.roles(Role.OFFICER)
@form_on(account)
def pay(ref: str) -> Reply:
    """Record what a unit paid."""
    accounts.record_payment(ref, typed_form(PaymentForm), _booking())
    return see_other(flask_babel.gettext("enrolment.fees.recorded"), "enrolment.fees.account", ref=ref)


@pages.post("/units/<ref>/match")
@access.roles(Role.OFFICER)
@form_on(account)
def match(ref: str) -> Reply:
    """Let what a unit has left pay what is open."""
    page = flask.url_for("enrolment.fees.account", ref=ref)
    return act_reply(MATCH, subject=f"member_unit:{ref}", page=page, unit=ref)


@pages.get("/units/<ref>/statements/<of>")
@access.roles(*READERS)
def statement(ref: str, of: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    return statement_page(_unit(ref), of, own=False, refused=refused)


@pages.get("/units/<ref>/statements/<of>/<kind>")
@access.roles(*READERS)
def statement_to_save(ref: str, of: str, kind: str) -> Reply:
    return statement_file(_unit(ref), of, kind)


@pages.post("/units/<ref>/statements/<of>/cancel")
@access.roles(Role.OFFICER)
@form_on(statement)
def cancel(ref: str, of: str) -> Reply:
    """Cancel chosen lines, so that what was paid for them is free again."""
    form = flask.request.form
    return act_reply(
        CANCEL_FEES,
        subject=f"member_unit:{ref}",
        page=flask.url_for("enrolment.fees.statement", ref=ref, of=of),
        unit=ref,
        lines=form.getlist("lines"),
        cause=form.get("cause", ""),
        reason=form.get("reason", ""),
    )


@pages.get("/payments/<ref>")
@access.roles(*READERS)
def payment(ref: str, refused: Refusal = NOTHING_REFUSED, *, about: str = "") -> Reply:
    """Show a payment: what it pays, what was given back, what may be done with it."""
    with reading() as session:
        details = payment_details(session, ref)
    return form_page(
        "enrolment/fees/payment.html",
        refused,
        found=details,
        today=local_day(flask.g.now),
        of_refund=refused if about == "refund" else NOTHING_REFUSED,
        of_unmatch=refused if about == "unmatch" else NOTHING_REFUSED,
        of_reverse=refused if about == "reverse" else NOTHING_REFUSED,
    )


@pages.post("/payments/<ref>/unmatch")
@access.roles(Role.OFFICER)
@form_on(partial(payment, about="unmatch"))
def unmatch(ref: str) -> Reply:
    """Have a payment pay nothing for now."""
    accounts.unmatch_payment(ref, reason=_reason(), booking=_booking())
    return see_other(flask_babel.gettext("enrolment.fees.unmatch.done"), "enrolment.fees.payment", ref=ref)


@pages.post("/payments/<ref>/reverse")
@access.roles(Role.OFFICER)
@form_on(partial(payment, about="reverse"))
def reverse(ref: str) -> Reply:
    """Take a payment back as one that never came."""
    accounts.reverse_payment(ref, reason=_reason(), booking=_booking())
    return see_other(flask_babel.gettext("enrolment.fees.reverse.done"), "enrolment.fees.payment", ref=ref)


@pages.post("/payments/<ref>/refund")
@access.roles(Role.OFFICER)
@form_on(partial(payment, about="refund"))
def refund(ref: str) -> Reply:
    accounts.refund(ref, typed_form(RefundForm), _booking())
    return see_other(flask_babel.gettext("enrolment.fees.refund.done"), "enrolment.fees.payment", ref=ref)


def _reason() -> str:
    return flask.request.form.get("reason", "")


unit_clerk_pages = flask.Blueprint("own_fees", __name__, url_prefix="/unit/fees")


def _own() -> MemberUnit:
    with reading() as session:
        return own_unit(session, signed_in().subject_id)


@unit_clerk_pages.get("", endpoint="fees")
@access.roles(Role.UNIT_CLERK)
def own_fees() -> Reply:
    """Show a clerk the account of their own unit; no address names one."""
    return account_page(_own(), own=True)


@unit_clerk_pages.get("/statements/<of>", endpoint="statement")
@access.roles(Role.UNIT_CLERK)
def own_statement(of: str) -> Reply:
    """Show a statement of a clerk's own unit; any other is as unknown as one that is not there."""
    return statement_page(_own(), of, own=True)


@unit_clerk_pages.get("/statements/<of>/<kind>", endpoint="statement_to_save")
@access.roles(Role.UNIT_CLERK)
def own_statement_to_save(of: str, kind: str) -> Reply:
    return statement_file(_own(), of, kind)
