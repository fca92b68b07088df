"""Pages of centres, rooms, seats and the machines bound to them."""

from __future__ import annotations

import flask
import flask_babel

from cbt.errors import InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.rules.planning.room_plan import MOST_COLUMNS, DoorCorner, SeatNumbering
from cbt.rules.roles import Role
from cbt.sittings import store
from cbt.sittings.models import Centre
from cbt.sittings.planning import service
from cbt.sittings.planning.inputs import one_of, parse_number
from cbt.sittings.planning.places import DEFAULT_SEATS, DEFAULT_SPARES, MAX_SEATS, plan_of_room
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("centres", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
WRITERS = (Role.OFFICER, Role.ADMIN)


@pages.get("/office/centres")
@access.roles(*READERS)
def centres(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the centres with their rooms."""
    with reading() as session:
        found = store.centres(session)
        rooms = store.room_counts(session)
    return form_page("sittings/planning/centres.html", refused, found=found, rooms=rooms)


@pages.post("/office/centres")
@access.roles(*WRITERS)
@form_on(centres)
def add_centre() -> Reply:
    """Add a centre and go to it."""
    form = flask.request.form
    ref = service.add_centre(
        name=form.get("name", ""), address=form.get("address", ""), now=flask.g.now, actor=acting()
    )
    return flask.redirect(flask.url_for("sittings.centres.centre", ref=ref), 303)


@pages.get("/office/centres/<ref>")
@access.roles(*READERS)
def centre(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a centre and its rooms."""
    with reading() as session:
        found = store.centre_by_ref(session, ref)
        rooms = store.rooms_of_centre(session, found.id)
        counts = store.seat_counts(session, [room.id for room in rooms])
    return form_page(
        "sittings/planning/centre.html",
        refused,
        centre=found,
        rooms=rooms,
        counts=counts,
        default_seats=DEFAULT_SEATS,
        default_spares=DEFAULT_SPARES,
        numberings=list(SeatNumbering),
        doors=list(DoorCorner),
    )


@pages.post("/office/centres/<ref>")
@access.roles(*WRITERS)
@form_on(centre)
def add_room(ref: str) -> Reply:
    """Add a room with its seats and go to it."""
    form = flask.request.form
    room_ref = service.add_room(
        centre_ref=ref,
        name=form.get("name", ""),
        seats=parse_number(form, "seats", minimum=1, maximum=MAX_SEATS),
        spares=parse_number(form, "spares", minimum=0, maximum=MAX_SEATS - 1),
        per_row=parse_number(form, "per_row", minimum=1, maximum=MOST_COLUMNS)
        if form.get("per_row", "").strip()
        else 0,
        numbering=one_of(form, "numbering", SeatNumbering, SeatNumbering.ROWS),
        door=one_of(form, "door", DoorCorner, DoorCorner.UNKNOWN),
        now=flask.g.now,
        actor=acting(),
    )
    return flask.redirect(flask.url_for("sittings.centres.room", ref=room_ref), 303)


@pages.post("/office/centres/<ref>/second")
@access.roles(*WRITERS)
def second(ref: str) -> Reply:
    """Choose how second persons confirm in this centre. Source: R-62."""
    allowed = flask.request.form.get("by_password") == "1"
    service.set_second_by_password(centre_ref=ref, allowed=allowed, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.second.saved"), "sittings.centres.centre", ref=ref)


@pages.get("/office/rooms/<ref>")
@access.roles(*READERS)
def room(ref: str) -> Reply:
    """Show a room: its code, its seats and their machines. Source: R-16."""
    with reading() as session:
        found = store.room_by_ref(session, ref)
        seats = store.seats_of_room(session, found.id)
        of_centre = session.get_one(Centre, found.centre_id)
    binding = found.code_until is not None and flask.g.now < found.code_until
    return flask.render_template(
        "sittings/planning/room.html",
        room=found,
        seats=seats,
        centre=of_centre,
        binding=binding,
        plan=plan_of_room(found, seats),
    )


@pages.post("/office/rooms/<ref>/code")
@access.roles(*WRITERS, Role.CHIEF_PROCTOR)
def new_code(ref: str) -> Reply:
    """Begin a binding round with a new code, or end it."""
    if flask.request.form.get("act") == "close":
        service.close_binding(room_ref=ref, now=flask.g.now, actor=acting())
        flask.flash(flask_babel.gettext("sittings.done.code_closed"), "ok")
    else:
        service.open_binding(room_ref=ref, now=flask.g.now, actor=acting())
        flask.flash(flask_babel.gettext("sittings.done.code"), "ok")
    return flask.redirect(flask.url_for("sittings.centres.room", ref=ref), 303)


@pages.post("/office/rooms/<ref>/seats/<int:number>/<act>")
@access.roles(*WRITERS, Role.CHIEF_PROCTOR)
def change_seat(ref: str, number: int, act: str) -> Reply:
    """Unbind a seat's machine, or keep the seat as a spare, or give it back."""
    if act == "unbind":
        service.unbind_seat(room_ref=ref, number=number, now=flask.g.now, actor=acting())
    elif act in {"spare", "regular"}:
        service.set_spare(room_ref=ref, number=number, spare=act == "spare", now=flask.g.now, actor=acting())
    else:
        raise InvalidInput("web.bad_request")
    flask.flash(flask_babel.gettext(f"sittings.done.seat_{act}", number=f"{number:02d}"), "ok")
    return flask.redirect(flask.url_for("sittings.centres.room", ref=ref) + f"#seat-{number}", 303)
