"""The views of the fees that the office and a unit's own people share."""

from __future__ import annotations

from collections.abc import Iterable

import flask
import flask_babel

from cbt.db.unit_of_work import reading
from cbt.enrolment.fees import store
from cbt.enrolment.fees.paper import statement_book, statement_paper
from cbt.enrolment.fees.paying import TO_NOTHING, WAYS
from cbt.enrolment.fees.shown import StatementDetails, payment_details, statement_details
from cbt.enrolment.units.models import MemberUnit
from cbt.errors import NotFound
from cbt.printing.pdf import PDF, pdf
from cbt.rules.enrolment.fees.amounts import yuan
from cbt.rules.enrolment.fees.lines import RefundCause
from cbt.sheets.writing import XLSX
from cbt.web.downloads import attachment
from cbt.web.forms import NOTHING_REFUSED, Refusal
from cbt.web.i18n import local_day
from cbt.web.partials import Reply
from cbt.web.texts import page_of, whole_number


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
