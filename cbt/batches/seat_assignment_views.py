"""The page of a room's seats: the plan with names, a new order shown before it is taken, exchanges by hand."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping

import flask
from flask_babel import gettext as _

from cbt.batches import seat_assignment
from cbt.batches.jobs import ARRANGE_BATCH, ARRANGE_SITTING, SEED_BITS, asked_wishes
from cbt.batches.seat_assignment import SeatOrderForm, rooms_of_batch, seating_page, to_arrange
from cbt.candidates.seated_room import has_accommodation
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, form_on, form_page, refusal, see_other
from cbt.http.partials import Reply, wants_partial
from cbt.jobs.answers import act_reply
from cbt.rules.planning.seat_plan import MOST_NUMBER, PaperMix, SeatOrder, SeatWishes
from cbt.rules.roles import Role
from cbt.sittings.inputs import one_of, parse_number
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("seating", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
ROOMS = 40
"""How many stand on a page, and are seated in one act: a second's work."""


def _page(ref: str, room_ref: str, refused: Refusal, form: SeatOrderForm | None = None) -> Reply:
    with reading() as session:
        page = seating_page(session, ref, room_ref, form)
        return form_page(
            "batches/seat_assignment/seats.html",
            refused,
            **_context(page),
            wishes=form.wishes if form else SeatWishes(units_apart=True),
            **_choices(),
        )


@pages.get("/office/sittings/<ref>/rooms/<room_ref>/seats")
@access.roles(*READERS)
def seats(ref: str, room_ref: str) -> Reply:
    """Show who sits where, or where a new order that is asked for would put them; nothing is stored."""
    args = flask.request.args
    try:
        order = _asked(args) if "order" in args else None
        return _page(ref, room_ref, NOTHING_REFUSED, order)
    except InvalidInput as error:
        return _page(ref, room_ref, refusal(error))


def _asked(form: Mapping[str, str]) -> SeatOrderForm:
    if not form.get("seed"):
        return SeatOrderForm(_wishes(form), secrets.randbits(SEED_BITS))
    text = form["seed"]
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidInput("web.bad_request", field="seed")
    return SeatOrderForm(_wishes(form), int(text))


def _wishes(form: Mapping[str, str]) -> SeatWishes:
    return SeatWishes(
        order=one_of(form, "order", SeatOrder, SeatOrder.CHANCE),
        units_apart=form.get("units") == "1",
        papers=one_of(form, "papers", PaperMix, PaperMix.ANY),
        by_door=form.get("door") == "1",
    )


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats")
@access.roles(Role.OFFICER)
@form_on(_page)
def arrange(ref: str, room_ref: str) -> Reply:
    """Take the order that was shown."""
    form = flask.request.form
    order = _asked(form)
    done = seat_assignment.arrange_room(
        sitting_ref=ref,
        room_ref=room_ref,
        wishes=order.wishes,
        seed=order.seed,
        seen=form.get("seen", ""),
        now=flask.g.now,
        actor=acting(),
    )
    message = _("batches.seating.arranged", people=len(done.board), moved=done.moved)
    return see_other(message, "batches.seating.seats", ref=ref, room_ref=room_ref)


@pages.post("/office/sittings/<ref>/seats")
@access.roles(Role.OFFICER)
def arrange_all(ref: str) -> Reply:
    """Seat every room of a sitting by chance, people of one unit apart, accommodations by the door."""
    page = flask.url_for("candidates.sitting", ref=ref) + "#rooms"
    wishes = asked_wishes(SeatWishes(units_apart=True))
    try:
        return act_reply(ARRANGE_SITTING, subject=f"sitting:{ref}", page=page, sitting=ref, wishes=wishes)
    except CbtError as error:
        flash_refusal(error)
    return flask.redirect(page, 303)


@pages.get("/office/batches/<ref>/seats")
@access.roles(*READERS)
def of_batch(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the rooms of a batch, and which of them are still seated as the roster came."""
    number = page_of(flask.request.args)
    with reading() as session:
        batch = batch_by_ref(session, ref)
        rooms, total = rooms_of_batch(session, batch, limit=ROOMS, offset=(number - 1) * ROOMS)
        _refs, waiting = to_arrange(session, batch, limit=1)
        return form_page(
            "batches/seat_assignment/batch.html",
            refused,
            batch=batch,
            rooms=rooms,
            total=total,
            number=number,
            pages=-(-total // ROOMS),
            waiting=waiting,
            most=ROOMS,
            wishes=SeatWishes(units_apart=True),
            **_choices(),
        )


@pages.post("/office/batches/<ref>/seats")
@access.roles(Role.OFFICER)
@form_on(of_batch, InvalidInput)
def arrange_batch(ref: str) -> Reply:
    """Seat the rooms of a batch that are still as the roster came, so many at a time."""
    page = flask.url_for("batches.seating.of_batch", ref=ref)
    wishes = asked_wishes(_wishes(flask.request.form))
    return act_reply(ARRANGE_BATCH, subject=f"batch:{ref}", page=page, batch=ref, wishes=wishes, most=ROOMS)


on_the_plan = form_on(_page, only=lambda _error: not wants_partial())
"""A script that asked for the room as a part is told as of any other request."""


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/exchange")
@access.roles(Role.OFFICER)
@on_the_plan
def exchange(ref: str, room_ref: str) -> Reply:
    """Exchange who sits at two seats."""
    form = flask.request.form
    first, other = (parse_number(form, name, minimum=1, maximum=MOST_NUMBER) for name in ("one", "other"))
    seat_assignment.exchange(
        sitting_ref=ref, room_ref=room_ref, first=first, other=other, now=flask.g.now, actor=acting()
    )
    return _acted(ref, room_ref, _("batches.seating.exchanged", one=f"{first:02d}", other=f"{other:02d}"))


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/mend")
@access.roles(Role.OFFICER)
@on_the_plan
def mend(ref: str, room_ref: str) -> Reply:
    """Part neighbours who have one case."""
    seed = secrets.randbits(SEED_BITS)
    moved, left = seat_assignment.mend(
        sitting_ref=ref, room_ref=room_ref, seed=seed, now=flask.g.now, actor=acting()
    )
    done = "batches.seating.mended_part" if left else "batches.seating.mended"
    return _acted(ref, room_ref, _(done, moved=moved, left=left))


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/restore")
@access.roles(Role.OFFICER)
@on_the_plan
def restore(ref: str, room_ref: str) -> Reply:
    """Take it back that neighbours were parted."""
    moved = seat_assignment.restore(sitting_ref=ref, room_ref=room_ref, now=flask.g.now, actor=acting())
    return _acted(ref, room_ref, _("batches.seating.restored", moved=moved))


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/<int:number>/redraw")
@access.roles(Role.OFFICER)
@on_the_plan
def redraw(ref: str, room_ref: str, number: int) -> Reply:
    """Draw another form for who sits at a seat."""
    rng = random.Random(secrets.randbits(64))
    name = seat_assignment.redraw(
        sitting_ref=ref, room_ref=room_ref, number=number, rng=rng, now=flask.g.now, actor=acting()
    )
    return _acted(ref, room_ref, _("batches.seating.redrawn", name=name))


def _acted(ref: str, room_ref: str, message: str) -> Reply:
    """Show the room as it is after an act: the part of it a script asks for, or the page."""
    if not wants_partial():
        return see_other(message, "batches.seating.seats", ref=ref, room_ref=room_ref)
    with reading() as session:
        page = seating_page(session, ref, room_ref)
        return flask.render_template(
            "batches/seat_assignment/_room.html", **{**_context(page), "said": message}
        )


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "orders": [(one.value, str(_(f"batches.seating.order.{one}"))) for one in SeatOrder],
        "mixes": [(one.value, str(_(f"batches.seating.papers.{one}"))) for one in PaperMix],
    }


def _context(page: object) -> dict[str, object]:
    return {"page": page, "has_accommodation": has_accommodation, "said": ""}
