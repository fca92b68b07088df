"""Views of the fees: those that the office and a unit's own people share, and the pages of the office."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import flask
import flask_babel

from cbt.enrolment.fees import account_book, charges, payments, store
from cbt.enrolment.fees.accounts import FeeBooking
from cbt.enrolment.fees.payments import TO_NOTHING, WAYS, PaymentForm, RefundForm
from cbt.enrolment.fees.statement import (
    StatementDetails,
    payment_details,
    statement_book,
    statement_details,
    statement_paper,
)
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import unit_by_ref
from cbt.errors import CbtError, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf
from cbt.rules.enrolment.fees import RefundCause, yuan
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
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
    shown = flask.render_template(
        "enrolment/fees/account.html",
        unit=unit,
        own=own,
        owed=owed,
        statements=statements,
        payments=payments,
        pays=_choices(still_open),
        ways=[(way, flask_babel.gettext(f"enrolment.fees.way.{way}")) for way in WAYS],
        today=local_day(flask.g.now),
        refused=refused,
    )
    return shown, refused.code


def _choices(still_open: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    """Return what a payment may be for."""
    _ = flask_babel.gettext
    return [
        ("", _("enrolment.fees.pays.oldest")),
        *((ref, _("enrolment.fees.pays.one", number=ref, open=yuan(fen))) for ref, fen in still_open),
        (TO_NOTHING, _("enrolment.fees.pays.nothing")),
    ]


def statement_page(unit: MemberUnit, of: str, *, own: bool, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Return the page of a statement."""
    shown = flask.render_template(
        "enrolment/fees/statement.html",
        found=_statement(unit, of),
        own=own,
        causes=[
            (one.value, flask_babel.gettext(f"enrolment.fees.cause.{one.value}"))
            for one in RefundCause
            if one is not RefundCause.ABSENT
        ],
        refused=refused,
    )
    return shown, refused.code


def statement_file(unit: MemberUnit, of: str, kind: str) -> flask.Response:
    """Return a statement to be saved; raise NotFound("fees.no_statement") for any other kind of file."""
    if kind not in {"pdf", "xlsx"}:
        raise NotFound("fees.no_statement")
    found = _statement(unit, of)
    data = statement_paper(found)
    name = f"{data['title']}-{found.title}-{unit.name}.{kind}"
    if kind == "xlsx":
        return attachment(statement_book(found), XLSX, name)
    return attachment(pdf("statement", data, language=str(flask_babel.get_locale())), PDF, name)


def _statement(unit: MemberUnit, of: str) -> StatementDetails:
    with reading() as session:
        return statement_details(session, unit, of, day=local_day(flask.g.now))


def payment_page(ref: str, *, refused: Refusal = NOTHING_REFUSED, about: str = "") -> Reply:
    """Return the page of a payment: what it pays, what was given back, what may be done with it."""
    with reading() as session:
        found = payment_details(session, ref)
    shown = flask.render_template(
        "enrolment/fees/payment.html",
        found=found,
        today=local_day(flask.g.now),
        refused=refused,
        of_refund=refused if about == "refund" else NOTHING_REFUSED,
        of_unmatch=refused if about == "unmatch" else NOTHING_REFUSED,
        of_reverse=refused if about == "reverse" else NOTHING_REFUSED,
    )
    return shown, refused.code


pages = flask.Blueprint("fees", __name__, url_prefix="/office/fees")
pages.add_app_template_filter(yuan, "yuan")

READERS = (Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


def _booking() -> FeeBooking:
    return FeeBooking(acting(), flask.g.now, local_day(flask.g.now))


@pages.get("")
@access.roles(*READERS)
def fees() -> Reply:
    """List the units that owe something, those who owe the longest first."""
    return _fees_page(NOTHING_REFUSED)


def _fees_page(refused: Refusal) -> Reply:
    args, today = flask.request.args, local_day(flask.g.now)
    with reading() as session:
        found = store.unit_fees_page(session, kind=args.get("kind", ""), page=page_of(args))
        waiting = store.not_charged(session)
    kinds = [
        (
            flask.url_for("enrolment.fees.fees", kind=kind),
            flask_babel.gettext(f"enrolment.fees.list.{kind}", count=count),
            kind == found.kind,
        )
        for kind, count in found.counts.items()
    ]
    shown = flask.render_template(
        "enrolment/fees/fees.html",
        found=found,
        kinds=kinds,
        waiting=waiting,
        today=today,
        first=args.get("from") or today.replace(day=1),
        last=args.get("to") or today,
        refused=refused,
    )
    return shown, refused.code


@pages.post("/charge")
@access.roles(Role.OFFICER)
def charge() -> Reply:
    """Have the fees arise of what was accepted before fees were kept."""
    count = charges.charge_missing(_booking())
    flask.flash(flask_babel.gettext("enrolment.fees.charged_now", count=count), "ok")
    return flask.redirect(flask.url_for("enrolment.fees.fees"), 303)


@pages.get("/journal")
@access.roles(*READERS)
def entries() -> Reply:
    """Send every entry of some days to the bookkeeper, as a workbook or as CSV."""
    args = flask.request.args
    try:
        first, last = account_book.span_of(
            args.get("from", ""), args.get("to", ""), today=local_day(flask.g.now)
        )
    except CbtError as error:
        return _fees_page(refusal(error))
    with reading() as session:
        found = account_book.entries_of(session, first, last)
    name = f"{flask_babel.gettext('enrolment.fees.journal')}-{first}-{last}"
    if args.get("as") == "csv":
        return attachment(account_book.journal_csv(found), "text/csv", f"{name}.csv")
    return attachment(account_book.journal_book(found), XLSX, f"{name}.xlsx")


@pages.get("/units/<ref>")
@access.roles(*READERS)
def account(ref: str) -> Reply:
    """Show the account of a unit."""
    return _account_page(ref, NOTHING_REFUSED)


def _account_page(ref: str, refused: Refusal) -> Reply:
    return account_page(_unit(ref), own=False, refused=refused)


def _unit(ref: str) -> MemberUnit:
    with reading() as session:
        return unit_by_ref(session, ref)


@pages.post("/units/<ref>/payments")
@access.roles(Role.OFFICER)
def pay(ref: str) -> Reply:
    """Record what a unit paid."""
    form = flask.request.form
    try:
        sent = PaymentForm(**{name: form.get(name, "") for name in PaymentForm.__dataclass_fields__})
        payments.record_payment(ref, sent, _booking())
    except CbtError as error:
        return _account_page(ref, refusal(error))
    flask.flash(flask_babel.gettext("enrolment.fees.recorded"), "ok")
    return flask.redirect(flask.url_for("enrolment.fees.account", ref=ref), 303)


@pages.post("/units/<ref>/match")
@access.roles(Role.OFFICER)
def match(ref: str) -> Reply:
    """Let what a unit has left pay what is open."""
    try:
        fen = payments.match_credit(ref, _booking())
    except CbtError as error:
        return _account_page(ref, refusal(error))
    flask.flash(flask_babel.gettext("enrolment.fees.matched_now", amount=yuan(fen)), "ok")
    return flask.redirect(flask.url_for("enrolment.fees.account", ref=ref), 303)


@pages.get("/units/<ref>/statements/<of>")
@access.roles(*READERS)
def statement(ref: str, of: str) -> Reply:
    """Show a statement of a unit."""
    return _statement_page(ref, of, NOTHING_REFUSED)


def _statement_page(ref: str, of: str, refused: Refusal) -> Reply:
    return statement_page(_unit(ref), of, own=False, refused=refused)


@pages.get("/units/<ref>/statements/<of>/<kind>")
@access.roles(*READERS)
def statement_to_save(ref: str, of: str, kind: str) -> Reply:
    """Send a statement as PDF or workbook."""
    return statement_file(_unit(ref), of, kind)


@pages.post("/units/<ref>/statements/<of>/cancel")
@access.roles(Role.OFFICER)
def cancel(ref: str, of: str) -> Reply:
    """Cancel chosen lines, so that what was paid for them is free again."""
    form = flask.request.form
    try:
        count = charges.cancel_lines(
            ref,
            form.getlist("lines"),
            cause=form.get("cause", ""),
            reason=form.get("reason", ""),
            who=_booking(),
        )
    except CbtError as error:
        return _statement_page(ref, of, refusal(error))
    flask.flash(flask_babel.gettext("enrolment.fees.cancelled_now", count=count), "ok")
    return flask.redirect(flask.url_for("enrolment.fees.statement", ref=ref, of=of), 303)


@pages.get("/payments/<ref>")
@access.roles(*READERS)
def payment(ref: str) -> Reply:
    """Show a payment."""
    return payment_page(ref)


@pages.post("/payments/<ref>/unmatch")
@access.roles(Role.OFFICER)
def unmatch(ref: str) -> Reply:
    """Have a payment pay nothing for now."""
    return _done(ref, "unmatch", lambda: payments.unmatch_payment(ref, reason=_reason(), who=_booking()))


@pages.post("/payments/<ref>/reverse")
@access.roles(Role.OFFICER)
def reverse(ref: str) -> Reply:
    """Take a payment back as one that never came."""
    return _done(ref, "reverse", lambda: payments.reverse_payment(ref, reason=_reason(), who=_booking()))


@pages.post("/payments/<ref>/refund")
@access.roles(Role.OFFICER)
def refund(ref: str) -> Reply:
    """Note what of a payment was given back."""
    form = flask.request.form
    sent = RefundForm(**{name: form.get(name, "") for name in RefundForm.__dataclass_fields__})
    return _done(ref, "refund", lambda: payments.refund(ref, sent, _booking()))


def _reason() -> str:
    return flask.request.form.get("reason", "")


def _done(ref: str, act: str, do: Callable[[], None]) -> Reply:
    try:
        do()
    except CbtError as error:
        return payment_page(ref, refused=refusal(error), about=act)
    flask.flash(flask_babel.gettext(f"enrolment.fees.{act}.done"), "ok")
    return flask.redirect(flask.url_for("enrolment.fees.payment", ref=ref), 303)
