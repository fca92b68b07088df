"""The page of a room's plan: its rows laid out by numbers or written line by line."""

from __future__ import annotations

import re

import flask
import flask_babel

from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, see_other
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
    try:
        made = RoomPlan(_laid_out()) if "columns" in flask.request.args else None
    except CbtError as error:
        return _page(ref, refusal(error))
    return _page(ref, NOTHING_REFUSED, made)


def _page(ref: str, refused: Refusal, made: RoomPlan | None = None) -> Reply:
    with reading() as session:
        room = store.room_by_ref(session, ref)
        seats = store.seats_of_room(session, room.id)
        centre = session.get_one(Centre, room.centre_id)
    stored = plan_of_room(room, seats)
    written = refused.sent.get("plan", (made or stored).text)
    door = refused.sent.get("door", stored.door)
    return form_page(
        "sittings/planning/plan.html",
        refused,
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
        numberings=list(SeatNumbering),
        doors=list(DoorCorner),
        most=(MOST_ROWS, MOST_COLUMNS, MOST_NUMBER),
    )


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
@form_on(_page)
def save(ref: str) -> Reply:
    """Store the plan of a room and go to the room."""
    text, door = flask.request.form.get("plan", ""), flask.request.form.get("door", "")
    set_plan(room_ref=ref, text=text, door=door, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.plan.saved"), "sittings.centres.room", ref=ref)


def _shown(text: str, door: str) -> RoomPlan | None:
    """Return what is written as a plan to be drawn; None while it is none."""
    try:
        return RoomPlan(read_plan(text), DoorCorner(door))
    except (InvalidInput, ValueError):
        return None
