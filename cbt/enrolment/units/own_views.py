"""What a unit's own people see: their unit and its agreements, nothing of another (R-70)."""

from __future__ import annotations

import flask

from cbt.db.unit_of_work import reading
from cbt.enrolment.agreements.shown import agreement_lines
from cbt.enrolment.agreements.store import agreements_of
from cbt.enrolment.units import store
from cbt.enrolment.units.service import phone_of
from cbt.rules.roles import Role
from cbt.web.i18n import local_day
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import signed_in

pages = flask.Blueprint("own", __name__)


@pages.get("/unit")
@access.roles(Role.UNIT_CLERK)
def home() -> Reply:
    """Show a clerk their own unit; no address names one."""
    with reading() as session:
        unit = store.own_unit(session, signed_in().subject_id)
        agreements = agreement_lines(agreements_of(session, unit), local_day(flask.g.now))
        phone = phone_of(unit)
    return flask.render_template("enrolment/units/own.html", unit=unit, phone=phone, agreements=agreements)
