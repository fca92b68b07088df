"""Pages of several rooms at once, and of an inspector's comments with their answers."""

from __future__ import annotations

from typing import Any

import flask
import flask_babel

from cbt.http.auth import access, login
from cbt.http.auth.login import signed_in
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply, unless_seen
from cbt.proctoring import inspection
from cbt.proctoring.act import runs_room, runs_rooms
from cbt.rules.roles import Role
from cbt.sittings.store import room_view_for
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("inspecting", __name__)
READERS = (Role.PROCTOR, Role.CHIEF_PROCTOR, Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
MOST_PAGES = 1000


@pages.get("/proctor/now")
@access.roles(*READERS)
def now() -> Reply:
    """Every room of now that this person sees: its counts, its clock, what waits for somebody."""
    return flask.render_template("proctoring/inspection/now.html", **_glances())


@pages.get("/proctor/now/live", endpoint="live")
@login.unattended
@access.roles(*READERS)
def live() -> Reply:
    """What that page fetches every few seconds; 304 while nothing has changed."""
    context = _glances()
    etag = "-".join(
        (
            str(flask_babel.get_locale()),
            *(
                one.board.etag(repr(one.needs), repr(one.clocks), str(one.comments))
                for one in context["rooms"]
            ),
        )
    )
    return unless_seen(
        etag[:2000], lambda: flask.render_template("proctoring/inspection/_rooms.html", **context)
    )


def _glances() -> dict[str, Any]:
    page = whole_number(flask.request.args.get("page", ""), most=MOST_PAGES) or 1
    rooms, count = inspection.glances(signed_in(), page=page, now=flask.g.now)
    return {"rooms": rooms, "page": page, "pages": count, "now": flask.g.now}


@pages.get("/proctor/rooms/<room_ref>/comments", endpoint="index")
@access.roles(*READERS)
def index(room_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """What inspectors noted about a room, and what the chief answered."""
    with reading() as session:
        room = room_view_for(session, room_ref, signed_in())
        found = inspection.comments_of(session, room.sitting_room.id)
        people = (
            inspection.people_of(session, room.sitting_room.id) if signed_in().has(Role.INSPECTOR) else ()
        )
        runs = runs_rooms(signed_in()) and runs_room(session, room.sitting_room, signed_in())
    return form_page(
        "proctoring/inspection/comments.html",
        refused,
        room=room,
        comments=found,
        people=people,
        may_comment=signed_in().has(Role.INSPECTOR),
        may_answer=runs and signed_in().has(Role.CHIEF_PROCTOR),
    )


@pages.post("/proctor/rooms/<room_ref>/comments")
@access.roles(Role.INSPECTOR)
@form_on(index)
def comment(room_ref: str) -> Reply:
    """Note something; an inspector changes nothing else."""
    form = flask.request.form
    inspection.comment(room_ref, form.get("text", ""), form.get("about", ""), signed_in(), now=flask.g.now)
    return see_other(flask_babel.gettext("proctoring.comments.noted"), "inspecting.index", room_ref=room_ref)


@pages.post("/proctor/rooms/<room_ref>/comments/<comment_ref>/answer")
@access.roles(Role.CHIEF_PROCTOR)
@form_on(index)
def answer(room_ref: str, comment_ref: str) -> Reply:
    """Answer a comment, once."""
    text = flask.request.form.get("answer", "")
    inspection.answer(room_ref, comment_ref, text, signed_in(), now=flask.g.now)
    return see_other(
        flask_babel.gettext("proctoring.comments.answered"), "inspecting.index", room_ref=room_ref
    )
