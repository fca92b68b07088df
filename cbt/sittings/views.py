"""Pages of the sittings room: centres, rooms, seats and plans; batches, a new sitting, what is decided of it."""

from __future__ import annotations

import re

import flask
import flask_babel

from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, head_of_page, refusal, see_other
from cbt.http.partials import Reply
from cbt.rules.planning.seat_plan import (
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
from cbt.sittings import service, store
from cbt.sittings.inputs import (
    MARKS,
    blueprints_of_batch,
    chosen,
    one_of,
    parse_number,
    policy_fields,
    prefills,
)
from cbt.sittings.models import Centre
from cbt.sittings.places import DEFAULT_SEATS, DEFAULT_SPARES, MAX_SEATS, plan_of_room, set_plan
from cbt.storage.unit_of_work import reading

centre_pages = flask.Blueprint("centres", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
WRITERS = (Role.OFFICER, Role.ADMIN)


@centre_pages.get("/office/centres")
@access.roles(*READERS)
def centres(refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        listed = store.centres(session)
        rooms = store.room_counts(session)
    return form_page("sittings/centres.html", refused, found=listed, rooms=rooms)


@centre_pages.post("/office/centres")
@access.roles(*WRITERS)
@form_on(centres)
def add_centre() -> Reply:
    """Add a centre and go to it."""
    form = flask.request.form
    ref = service.add_centre(
        name=form.get("name", ""), address=form.get("address", ""), now=flask.g.now, actor=acting()
    )
    return flask.redirect(flask.url_for("sittings.centres.centre", ref=ref), 303)


@centre_pages.get("/office/centres/<ref>")
@access.roles(*READERS)
def centre(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a centre and its rooms."""
    with reading() as session:
        shown_centre = store.centre_by_ref(session, ref)
        rooms = store.rooms_of_centre(session, shown_centre.id)
        counts = store.seat_counts(session, [room.id for room in rooms])
    return form_page(
        "sittings/centre.html",
        refused,
        centre=shown_centre,
        rooms=rooms,
        counts=counts,
        default_seats=DEFAULT_SEATS,
        default_spares=DEFAULT_SPARES,
        numberings=list(SeatNumbering),
        doors=list(DoorCorner),
    )


@centre_pages.post("/office/centres/<ref>")
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


@centre_pages.post("/office/centres/<ref>/second")
@access.roles(*WRITERS)
def second(ref: str) -> Reply:
    """Choose how second persons confirm in this centre. Source: R-62."""
    allowed = flask.request.form.get("by_password") == "1"
    service.set_second_by_password(centre_ref=ref, allowed=allowed, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.second.saved"), "sittings.centres.centre", ref=ref)


@centre_pages.get("/office/rooms/<ref>")
@access.roles(*READERS)
def room(ref: str) -> Reply:
    """Show a room: its code, its seats and their machines. Source: R-16."""
    with reading() as session:
        shown_room = store.room_by_ref(session, ref)
        seats = store.seats_of_room(session, shown_room.id)
        of_centre = session.get_one(Centre, shown_room.centre_id)
    binding = shown_room.code_until is not None and flask.g.now < shown_room.code_until
    return flask.render_template(
        "sittings/room.html",
        room=shown_room,
        seats=seats,
        centre=of_centre,
        binding=binding,
        plan=plan_of_room(shown_room, seats),
    )


@centre_pages.post("/office/rooms/<ref>/code")
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


@centre_pages.post("/office/rooms/<ref>/seats/<int:number>/<act>")
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


room_plan_pages = flask.Blueprint("plans", __name__)

_APART = re.compile(r"[\s,，、;；]+")


@room_plan_pages.get("/office/rooms/<ref>/plan")
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
        "sittings/plan.html",
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
    args = flask.request.args
    words = [word for word in _APART.split(args.get("aisles", "")) if word]
    if not all(word.isascii() and word.isdigit() and len(word) <= 2 for word in words):
        raise InvalidInput("room.plan_aisles", field="aisles")
    return laid_out(
        parse_number(args, "seats", minimum=1, maximum=MOST_SEATS),
        parse_number(args, "columns", minimum=1, maximum=MOST_COLUMNS),
        one_of(args, "numbering", SeatNumbering, SeatNumbering.ROWS),
        {int(word) for word in words},
    )


@room_plan_pages.post("/office/rooms/<ref>/plan")
@access.roles(*WRITERS)
@form_on(_page)
def save(ref: str) -> Reply:
    """Store the plan of a room and go to the room."""
    text, door = flask.request.form.get("plan", ""), flask.request.form.get("door", "")
    set_plan(room_ref=ref, text=text, door=door, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("sittings.plan.saved"), "sittings.centres.room", ref=ref)


def _shown(text: str, door: str) -> RoomPlan | None:
    try:
        return RoomPlan(read_plan(text), DoorCorner(door))
    except (InvalidInput, ValueError):
        return None


# Pages of the sittings room: batches, the form of a new sitting, what the officer decides about a sitting.
#
# The pages of one batch and of one sitting show registrations and live in the candidates room.

pages = flask.Blueprint("sittings", __name__)
pages.register_blueprint(centre_pages)
pages.register_blueprint(room_plan_pages)

PAGE_SIZE = 30


@pages.get("/office/batches")
@access.roles(*READERS)
def batches() -> Reply:
    return _batches_page()


def _batches_page() -> Reply:
    page = page_of(flask.request.args)
    with reading() as session:
        rows = store.batches(session, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
        total = store.batch_count(session)
        has_centre = bool(store.centres(session))
    return flask.render_template(
        "sittings/batches.html",
        found=rows,
        total=total,
        page=page,
        pages=-(-total // PAGE_SIZE),
        has_centre=has_centre,
    )


@pages.get("/office/batches/<ref>/sittings/new")
@access.roles(Role.OFFICER)
def new_sitting(ref: str, refused: Refusal = NOTHING_REFUSED, *, refilled: bool = False) -> Reply:
    """Show the form of a new sitting."""
    sent = flask.request.form
    with reading() as session:
        batch = store.batch_by_ref(session, ref)
        centres = store.centres(session)
        rooms = store.rooms_by_centre(session, centres)
        counts = store.seat_counts(session, [room.id for found in rooms.values() for room in found])
        available = prefills(session)
        examined = blueprints_of_batch(session, batch.id)
    refs = [one.ref for one in available]
    # What the batch examines is the likeliest; its first day at nine is where the clock starts from.
    likely = [ref for ref in refs if ref in examined] or refs
    named = sent["blueprint"] if sent.get("blueprint") in refs else "".join(likely[:1])
    usual = {"start": f"{batch.starts_on}T09:00"} if batch.starts_on else {}
    fields = policy_fields(chosen(available, named))
    kept = {} if refilled else {name: sent[name] for name in fields if name in sent}
    return form_page(
        "sittings/new_sitting.html",
        refused,
        batch=batch,
        centres=centres,
        rooms=rooms,
        counts=counts,
        sent=sent or usual,
        chosen_rooms=sent.getlist("rooms"),
        marks=MARKS,
        filled=fields | kept,
        blueprints=[(one.ref, one.title) for one in available],
        filled_from=named,
        refilled=refilled,
        differ=len({one.policy for one in available}) > 1,
    )


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/staff/<staff_ref>/remove")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def unassign(ref: str, room_ref: str, staff_ref: str) -> Reply:
    """Take a person off a room of a sitting."""
    service.unassign(
        room_ref=room_ref, staff_ref=staff_ref, principal=signed_in(), now=flask.g.now, actor=acting()
    )
    return see_other(flask_babel.gettext("sittings.done.unassigned"), "candidates.sitting", ref=ref)


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/arm")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR)
@form_on(head_of_page("candidates.sitting"))
def arm(ref: str, room_ref: str) -> Reply:
    """Let the schedule start a room at the planned start, or take that back."""
    armed = flask.request.form.get("armed") == "1"
    service.arm(room_ref=room_ref, armed=armed, principal=signed_in(), now=flask.g.now, actor=acting())
    done = flask_babel.gettext("sittings.done.armed" if armed else "sittings.done.disarmed")
    return see_other(done, "candidates.sitting", ref=ref)
