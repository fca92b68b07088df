"""The page of a room's reports: what was filed, added and withdrawn; its acts are the desk's."""

from __future__ import annotations

import flask
import flask_babel

from cbt.blueprints.reasons import REASON, VIOLATION
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.i18n import word
from cbt.http.partials import Reply
from cbt.proctoring.act import runs_room, runs_rooms
from cbt.proctoring.incidents import PARTS, told_of_room
from cbt.rules.roles import Role
from cbt.sittings.store import room_view_for
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("reports", __name__)
READERS = (Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN)


@pages.app_template_filter("coded")
def coded_filter(code: str, kind: str) -> str:
    """Say what a report is about: a violation or a reason of the table."""
    return word((VIOLATION if kind == "violation" else REASON) + code)


@pages.app_template_filter("listed")
def listed_filter(codes: tuple[str, ...], prefix: str) -> str:
    """Say codes one after another."""
    comma = str(flask_babel.gettext("proctoring.comma"))
    return comma.join(str(flask_babel.gettext(f"{prefix}.{one}")) for one in codes)


@pages.get("/proctor/rooms/<room_ref>/reports", endpoint="index")
@access.roles(*READERS)
def index(room_ref: str) -> Reply:
    """List what was filed about a room, the latest first."""
    with reading() as session:
        room = room_view_for(session, room_ref, signed_in())
        found = told_of_room(session, room.sitting_room.id)
        acts = runs_rooms(signed_in()) and runs_room(session, room.sitting_room, signed_in())
    return flask.render_template(
        "proctoring/incidents/reports.html", room=room, reports=found, can_act=acts, parts=tuple(PARTS)
    )
