"""What a unit's own people see of the fees: statements, what is open, what came in; nothing is paid here (R-70)."""

from __future__ import annotations

import flask

from cbt.enrolment.fees.views import account_page, statement_file, statement_page
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.units import own_unit
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("own_fees", __name__, url_prefix="/unit/fees")


def _own() -> MemberUnit:
    with reading() as session:
        return own_unit(session, signed_in().subject_id)


@pages.get("", endpoint="fees")
@access.roles(Role.UNIT_CLERK)
def fees() -> Reply:
    """Show a clerk the account of their own unit; no address names one."""
    return account_page(_own(), own=True)


@pages.get("/statements/<of>", endpoint="statement")
@access.roles(Role.UNIT_CLERK)
def statement(of: str) -> Reply:
    """Show a statement of a clerk's own unit; any other is as unknown as one that is not there."""
    return statement_page(_own(), of, own=True)


@pages.get("/statements/<of>/<kind>", endpoint="statement_to_save")
@access.roles(Role.UNIT_CLERK)
def statement_to_save(of: str, kind: str) -> Reply:
    """Send a statement of a clerk's own unit as PDF or workbook."""
    return statement_file(_own(), of, kind)
