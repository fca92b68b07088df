"""The page that says who the body is."""

from __future__ import annotations

import flask
import flask_babel

from cbt.enrolment import body as service
from cbt.enrolment.body import BodyDetails
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("body", __name__)


@pages.get("/office/body")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def body() -> Reply:
    """Show who the body is."""
    return _page(NOTHING_REFUSED)


@pages.post("/office/body")
@access.roles(Role.ADMIN)
def change() -> Reply:
    """Say who the body is."""
    form = flask.request.form
    try:
        days = whole_number(form.get("publicity_days", "").strip(), most=999)
        told = {
            name: form.get(name, "") for name in BodyDetails.__dataclass_fields__ if name != "publicity_days"
        }
        wanted = BodyDetails(**told, publicity_days=-1 if days is None else days)
        service.change_body(wanted, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _page(refusal(error))
    flask.flash(flask_babel.gettext("enrolment.body.saved"), "ok")
    return flask.redirect(flask.url_for("enrolment.body.body"), 303)


def _page(refused: Refusal) -> Reply:
    with reading() as session:
        known = service.body(session)
    return flask.render_template("enrolment/body/body.html", known=known, refused=refused), refused.code
