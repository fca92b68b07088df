"""The page of a room's plan: its rows laid out by numbers or written line by line."""

from __future__ import annotations

import re

import flask
import flask_babel

from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.partials import Reply
from cbt.rules.planning.room_plan import (
    MOST_COLUMNS,
    MOST_NUMBER,
    MOST_ROWS,
    MOST_SEATS,
    DoorCorner,
    RoomPlan,
    SeatNumbering,
    laid_out,
    read_plan,
)
from cbt.rules.roles import Role
from cbt.sittings import store
from cbt.sittings.models import Centre
from cbt.sittings.planning.inputs import one_of, parse_number
from cbt.sittings.planning.places import plan_of_room, set_plan
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("plans", __name__)

WRITERS = (Role.OFFICER, Role.ADMIN)
_APART = re.compile(r"[\s,，、;；]+")


@pages.get("/office/rooms/<ref>/plan")
@access.roles(*WRITERS)
def edit(ref: str) -> Reply:
    """Show the plan of a room, or the one that the numbers of the address lay out; nothing is stored."""
    asked = flask.request.args
    try:
        made = RoomPlan(_laid_out()) if "columns" in asked else None
    except CbtError as error:
        return _page(ref, refusal(error))
    return _page(ref, NOTHING_REFUSED, made)


def _laid_out() -> tuple[tuple[int, ...], ...]:
    asked = flask.request.args
    words = [word for word in _APART.split(asked.get("aisles", "")) if word]
    if not all(word.isascii() and word.isdigit() and len(word) <= 2 for word in words):
        raise InvalidInput("room.plan_aisles", field="aisles")
    return laid_out(
        parse_number(asked, "seats", minimum=1, maximum=MOST_SEATS),
        parse_number(asked, "columns", minimum=1, maximum=MOST_COLUMNS),
        one_of(asked, "numbering", SeatNumbering, SeatNumbering.ROWS),
        {int(word) for word in words},
    )


@pages.post("/office/rooms/<ref>/plan")
@access.roles(*WRITERS)
def save(ref: str) -> Reply:
    """Store the plan of a room and go to the room."""
    form = flask.request.form
    try:
        set_plan(
            room_ref=ref,
            text=form.get("plan", ""),
            door=form.get("door", ""),
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return _page(ref, refusal(error))
    flask.flash(flask_babel.gettext("sittings.plan.saved"), "ok")
    return flask.redirect(flask.url_for("sittings.centres.room", ref=ref), 303)


def _page(ref: str, refused: Refusal, made: RoomPlan | None = None) -> Reply:
    with reading() as session:
        room = store.room_by_ref(session, ref)
        seats = store.seats_of_room(session, room.id)
        centre = session.get_one(Centre, room.centre_id)
    stored = plan_of_room(room, seats)
    written = refused.sent.get("plan", (made or stored).text)
    door = refused.sent.get("door", stored.door)
    return flask.render_template(
        "sittings/planning/plan.html",
        room=room,
        centre=centre,
        seats=seats,
        spares={seat.number for seat in seats if seat.spare},
        stored=stored,
        made=made is not None,
        text=written,
        door=door,
        shown=_shown(written, door),
        asked=flask.request.args,
        refused=refused,
        numberings=list(SeatNumbering),
        doors=list(DoorCorner),
        most=(MOST_ROWS, MOST_COLUMNS, MOST_NUMBER),
    ), refused.code


def _shown(text: str, door: str) -> RoomPlan | None:
    """Return what is written as a plan to be drawn; None while it is none."""
    try:
        return RoomPlan(read_plan(text), DoorCorner(door))
    except (InvalidInput, ValueError):
        return None
