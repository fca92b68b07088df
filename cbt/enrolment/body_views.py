"""The page that says who the body is."""

from __future__ import annotations

import flask
import flask_babel

from cbt.enrolment import body as service
from cbt.enrolment.body import BodyDetails
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("body", __name__)


@pages.get("/office/body")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def body(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show who the body is."""
    with reading() as session:
        known = service.body(session)
    return form_page("enrolment/body/body.html", refused, known=known)


@pages.post("/office/body")
@access.roles(Role.ADMIN)
@form_on(body)
def change() -> Reply:
    """Say who the body is."""
    form = flask.request.form
    days = whole_number(form.get("publicity_days", "").strip(), most=999)
    told = {name: form.get(name, "") for name in BodyDetails.__dataclass_fields__ if name != "publicity_days"}
    wanted = BodyDetails(**told, publicity_days=-1 if days is None else days)
    service.change_body(wanted, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("enrolment.body.saved"), "enrolment.body.body")
