"""The calendar of free days, for the office and for a unit's own people, who see no plan of others."""

from __future__ import annotations

import flask

from cbt.batches.free_days import free_month
from cbt.enrolment.applications.views import OFFICE, OWN, ApplicationSide
from cbt.http.auth import access
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("free", __name__)


@pages.get("/office/applications/calendar")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def days() -> Reply:
    """Show which days are free, with what is planned at each centre."""
    return _page(OFFICE)


@pages.get("/unit/applications/calendar")
@access.roles(Role.UNIT_CLERK)
def own_days() -> Reply:
    """Show which days are free."""
    OWN.unit_id()
    return _page(OWN)


def _page(side: ApplicationSide) -> Reply:
    args = flask.request.args
    with reading() as session:
        found = free_month(
            session,
            month=args.get("month", ""),
            day=args.get("day", ""),
            level=args.get("level", ""),
            today=local_day(flask.g.now),
        )
    here = {name: args[name] for name in ("unit", "application") if args.get(name)}
    return flask.render_template("batches/free_days/days.html", side=side, found=found, here=here)
