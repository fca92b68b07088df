"""What a unit's own people see: their unit and its agreements, nothing of another (R-70)."""

from __future__ import annotations

import flask

from cbt.enrolment import units
from cbt.enrolment.agreements import agreement_lines, agreements_of
from cbt.enrolment.units import phone_of
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("own", __name__)


@pages.get("/unit")
@access.roles(Role.UNIT_CLERK)
def home() -> Reply:
    """Show a clerk their own unit; no address names one."""
    with reading() as session:
        unit = units.own_unit(session, signed_in().subject_id)
        agreements = agreement_lines(agreements_of(session, unit), local_day(flask.g.now))
        phone = phone_of(unit)
    return flask.render_template("enrolment/units/own.html", unit=unit, phone=phone, agreements=agreements)
