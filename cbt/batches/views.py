"""Pages of a batch: checklist, people of applications, make-up roster, seats of a room, calendar of free days."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.batches import application_roster, make_up, seat_assignment
from cbt.batches import change_views as batches_change_views
from cbt.batches.application_roster import BatchWish
from cbt.batches.checklist import AT_ONCE, BATCHES, SITTINGS, batch_page, unfinished
from cbt.batches.checks import views as checks
from cbt.batches.free_days import free_month
from cbt.batches.jobs import (
    APPLICATION_ROSTER,
    ARRANGE_BATCH,
    ARRANGE_SITTING,
    DRAW_BATCH,
    SEED_BITS,
    TAKE_OUT,
    asked_wishes,
)
from cbt.batches.make_up import MakeUpChoice
from cbt.batches.people import views as people
from cbt.batches.roster import views as roster_roster
from cbt.batches.seat_assignment import (
    SeatOrderForm,
    has_accommodation,
    rooms_of_batch,
    seating_page,
    to_arrange,
)
from cbt.enrolment.applications.views import OFFICE, OWN, ApplicationSide, application
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting
from cbt.http.form_values import WIDEST, asked_text, page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, form_on, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply, wants_partial
from cbt.jobs.answers import act_reply, file_reply
from cbt.jobs.registry import job_kinds
from cbt.results.retake_rights import KINDS as RETAKE_KINDS
from cbt.results.retake_rights import SOON, RetakeFilter, rights_of_office
from cbt.rules.planning.seat_plan import MOST_NUMBER, PaperMix, SeatOrder, SeatWishes
from cbt.rules.roles import Role
from cbt.sittings.inputs import one_of, parse_number
from cbt.sittings.store import batch_by_ref
from cbt.storage.unit_of_work import reading

checklist_pages = flask.Blueprint("checklist", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@checklist_pages.get("/office/batches/<ref>")
@access.roles(*READERS)
def batch(ref: str) -> Reply:
    number = page_of(flask.request.args)
    with reading() as session:
        page = batch_page(session, ref, page=number, now=flask.g.now)
        return flask.render_template(
            "batches/checklist/batch.html", page=page, number=number, pages=-(-page.total // SITTINGS)
        )


@checklist_pages.post("/office/batches/<ref>/draw")
@access.roles(Role.OFFICER)
def draw(ref: str) -> Reply:
    """组卷: draw and freeze the forms that are missing in the sittings of a batch."""
    page = flask.url_for("batches.checklist.batch", ref=ref)
    most = None if job_kinds().worker_is_kept else AT_ONCE
    return act_reply(DRAW_BATCH, subject=f"batch:{ref}", page=page, batch=ref, most=most)


def batches_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page about batches, with what it needs; None for who does not run them."""
    if Role.OFFICER not in principal.roles:
        return None
    number = page_of(flask.request.args)
    with reading() as session:
        lines, total = unfinished(session, page=number, now=flask.g.now)
    needs = {"lines": lines, "number": number, "pages": -(-total // BATCHES), "total": total}
    return "batches/checklist/_home.html", needs


application_pages = flask.Blueprint("applied", __name__)


def _application_page(ref: str, refused: Refusal) -> Reply:
    return application(OFFICE, ref, refused)


@application_pages.post("/office/applications/<ref>/batch")
@access.roles(Role.OFFICER)
@form_on(_application_page, InvalidInput, Conflict)
def bring_in(ref: str) -> Reply:
    """编入批次: have the accepted people be looked at as a roster of the batch, and go there."""
    form = flask.request.form
    wish = BatchWish(form.get("batch", ""), outside="outside" in form)
    batch_ref, draft = application_roster.bring_in(
        ref, wish, locale=str(get_locale()), now=flask.g.now, actor=acting()
    )
    return flask.redirect(flask.url_for("batches.roster.check", ref=batch_ref, draft=draft), 303)


@application_pages.post("/office/applications/<ref>/batch/leave")
@access.roles(Role.OFFICER)
@form_on(_application_page, InvalidInput, Conflict)
def take_out(ref: str) -> Reply:
    """退出批次: take the people off the roster of the batch, and the application out of it."""
    page = OFFICE.url("application", ref=ref)
    return act_reply(TAKE_OUT, subject=f"unit_application:{ref}", page=page, application=ref)


@application_pages.post("/office/applications/<ref>/roster")
@access.roles(Role.OFFICER)
def roster(ref: str) -> Reply:
    """Send the accepted people as a roster that a batch reads as it is."""
    return file_reply(APPLICATION_ROSTER, subject=f"unit_application:{ref}", application=ref)


free_day_pages = flask.Blueprint("free", __name__)


@free_day_pages.get("/office/applications/calendar")
@access.roles(Role.OFFICER, Role.INSPECTOR, Role.ADMIN)
def days() -> Reply:
    return _page(OFFICE)


@free_day_pages.get("/unit/applications/calendar")
@access.roles(Role.UNIT_CLERK)
def own_days() -> Reply:
    OWN.unit_id()
    return _page(OWN)


def _page(side: ApplicationSide) -> Reply:
    args = flask.request.args
    with reading() as session:
        month = free_month(
            session,
            month=args.get("month", ""),
            day=args.get("day", ""),
            level=args.get("level", ""),
            today=local_day(flask.g.now),
        )
    here = {name: args[name] for name in ("unit", "application") if args.get(name)}
    return flask.render_template("batches/free_days/days.html", side=side, found=month, here=here)


seat_assignment_pages = flask.Blueprint("seating", __name__)

ROOMS = 40
"""How many stand on a page, and are seated in one act: a second's work."""


def _seating_page(ref: str, room_ref: str, refused: Refusal, form: SeatOrderForm | None = None) -> Reply:
    with reading() as session:
        page = seating_page(session, ref, room_ref, form)
        return form_page(
            "batches/seat_assignment/seats.html",
            refused,
            **_context(page),
            wishes=form.wishes if form else SeatWishes(units_apart=True),
            **_choices(),
        )


@seat_assignment_pages.get("/office/sittings/<ref>/rooms/<room_ref>/seats")
@access.roles(*READERS)
def seats(ref: str, room_ref: str) -> Reply:
    """Show who sits where, or where a new order that is asked for would put them; nothing is stored."""
    args = flask.request.args
    try:
        order = _asked(args) if "order" in args else None
        return _seating_page(ref, room_ref, NOTHING_REFUSED, order)
    except InvalidInput as error:
        return _seating_page(ref, room_ref, refusal(error))


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


@seat_assignment_pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats")
@access.roles(Role.OFFICER)
@form_on(_seating_page)
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


@seat_assignment_pages.post("/office/sittings/<ref>/seats")
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


@seat_assignment_pages.get("/office/batches/<ref>/seats")
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


@seat_assignment_pages.post("/office/batches/<ref>/seats")
@access.roles(Role.OFFICER)
@form_on(of_batch, InvalidInput)
def arrange_batch(ref: str) -> Reply:
    """Seat the rooms of a batch that are still as the roster came, so many at a time."""
    page = flask.url_for("batches.seating.of_batch", ref=ref)
    wishes = asked_wishes(_wishes(flask.request.form))
    return act_reply(ARRANGE_BATCH, subject=f"batch:{ref}", page=page, batch=ref, wishes=wishes, most=ROOMS)


on_the_plan = form_on(_seating_page, only=lambda _error: not wants_partial())
"""A script that asked for the room as a part is told as of any other request."""


@seat_assignment_pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/exchange")
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


@seat_assignment_pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/mend")
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


@seat_assignment_pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/restore")
@access.roles(Role.OFFICER)
@on_the_plan
def restore(ref: str, room_ref: str) -> Reply:
    """Take it back that neighbours were parted."""
    moved = seat_assignment.restore(sitting_ref=ref, room_ref=room_ref, now=flask.g.now, actor=acting())
    return _acted(ref, room_ref, _("batches.seating.restored", moved=moved))


@seat_assignment_pages.post("/office/sittings/<ref>/rooms/<room_ref>/seats/<int:number>/redraw")
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


make_up_pages = flask.Blueprint("make_up", __name__)


@make_up_pages.get("/office/retakes", endpoint="ledger")
@access.roles(*READERS)
def make_up_ledger(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show who may retake a paper until when, over all batches, fifty at a time."""
    asked, today = _retakes_asked(flask.request.values), local_day(flask.g.now)
    ledger = rights_of_office(asked, today=today)
    with reading() as session:
        offered = make_up.targets(session, today=today)
    return form_page(
        "batches/make_up/ledger.html",
        refused,
        ledger=ledger,
        asked=asked,
        kinds=RETAKE_KINDS,
        targets=offered,
        soon=today + SOON,
        chosen=frozenset(flask.request.form.getlist("right")),
        most=make_up.MOST_PAPERS,
    )


@make_up_pages.post("/office/retakes", endpoint="make")
@access.roles(Role.OFFICER)
@form_on(make_up_ledger, InvalidInput, Conflict)
def make_make_up_roster() -> Reply:
    """编补考名单: have the chosen people be looked at as a roster of a batch, and go there."""
    form = flask.request.form
    everybody = form.get("who") == "all"
    choice = MakeUpChoice(
        registrations=() if everybody else form.getlist("right"),
        target=form.get("target", ""),
        everybody=_retakes_asked(form) if everybody else None,
        seen=whole_number(form.get("seen", ""), most=WIDEST) or 0,
    )
    batch, draft = make_up.make_up_roster(choice, locale=str(get_locale()), now=flask.g.now, actor=acting())
    return flask.redirect(flask.url_for("batches.roster.check", ref=batch, draft=draft), 303)


def _retakes_asked(args: Mapping[str, str]) -> RetakeFilter:
    kind = args.get("kind", "")
    return RetakeFilter(
        kind if kind in RETAKE_KINDS else RETAKE_KINDS[0],
        level=args.get("level", "")[:60],
        centre=args.get("centre", "")[:40],
        text=asked_text(args),
        page=page_of(args),
    )


pages = flask.Blueprint("batches", __name__)
for wing in (
    application_pages,
    checklist_pages,
    checks.pages,
    free_day_pages,
    make_up_pages,
    batches_change_views.removal_pages,
    batches_change_views.sitting_change_pages,
    people.pages,
    batches_change_views.publication_pages,
    roster_roster.pages,
    seat_assignment_pages,
    batches_change_views.shape_pages,
):
    pages.register_blueprint(wing)
