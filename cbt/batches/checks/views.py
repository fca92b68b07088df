"""What speaks against a sitting, on its page; and the acts of planning that ask it first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import flask
from flask_babel import gettext

from cbt.accounts.store import staff_with_logins
from cbt.batches.checks import sittings
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.sittings import AssignmentWish, checks_of_sitting
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, head_of_page, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.rules.states import Purpose
from cbt.sittings import store
from cbt.sittings.inputs import chosen, one_of, parse_local, parse_policy, prefills
from cbt.sittings.models import Batch
from cbt.sittings.views import new_sitting
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("checks", __name__)

SITTING = head_of_page("candidates.sitting")
ROOM_DUTIES = (Role.CHIEF_PROCTOR, Role.PROCTOR)
ALL_ROOMS = "all"
_NAMES_APART = re.compile(r"[,，、;；]")
READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/sittings/<ref>/checks")
@access.roles(*READERS)
def concerns(ref: str) -> Reply:
    with reading() as session:
        sitting = store.sitting_by_ref(session, ref)
        problems = checks_of_sitting(session, sitting)
    return flask.render_template("batches/checks/_concerns.html", sitting=sitting, concerns=problems)


@pages.post("/office/batches/<ref>/sittings/new")
@access.roles(Role.OFFICER)
@form_on(new_sitting)
def add_sitting(ref: str) -> Reply:
    """Add a draft sitting with its rooms and go to it."""
    form = flask.request.form
    if form.get("filled_from", "") != form.get("blueprint", ""):
        # The marks on the page are still another blueprint's: show those of the chosen one before storing.
        return new_sitting(ref, refilled=True)
    room_refs = form.getlist("rooms")
    if not room_refs:
        raise InvalidInput("sitting.no_room_chosen", field="rooms")
    with reading() as session:
        centre_id = store.room_by_ref(session, room_refs[0]).centre_id
        centre_ref = next(centre.ref for centre in store.centres(session) if centre.id == centre_id)
        policy = chosen(prefills(session), form.get("blueprint", ""))
    sitting_ref, warned = sittings.add_sitting(
        batch_ref=ref,
        centre_ref=centre_ref,
        room_refs=room_refs,
        name=form.get("name", ""),
        planned_start_at=parse_local(form, "start"),
        mode=form.get("mode", "machine"),
        purpose=one_of(form, "purpose", Purpose, Purpose.OFFICIAL),
        policy=parse_policy(form, policy),
        now=flask.g.now,
        actor=acting(),
    )
    _tell(warned)
    return flask.redirect(flask.url_for("candidates.sitting", ref=sitting_ref), 303)


@pages.post("/office/sittings/<ref>/purpose")
@access.roles(Role.OFFICER)
@form_on(SITTING)
def set_purpose(ref: str) -> Reply:
    """Say what a draft is held for."""
    wanted = one_of(flask.request.form, "purpose", Purpose, Purpose.OFFICIAL)
    sittings.set_purpose(sitting_ref=ref, purpose=wanted, now=flask.g.now, actor=acting())
    return see_other(gettext("sittings.done.purpose"), "candidates.sitting", ref=ref)


@pages.post("/office/sittings/<ref>/rooms")
@access.roles(Role.OFFICER)
@form_on(SITTING)
def add_room(ref: str) -> Reply:
    room_ref = flask.request.form.get("room", "")
    warned = sittings.add_room(sitting_ref=ref, room_ref=room_ref, now=flask.g.now, actor=acting())
    done = see_other(gettext("sittings.done.room_added"), "candidates.sitting", ref=ref)
    _tell(warned)
    return done


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/staff")
@access.roles(Role.OFFICER)
@form_on(SITTING)
def assign(ref: str, room_ref: str) -> Reply:
    """Assign a proctor or chief to a room of a sitting."""
    # One select offers each person with each duty they may have: `<duty>:<staff ref>`.
    duty, _, staff_ref = flask.request.form.get("staff", "").partition(":")
    warned = sittings.assign(
        room_ref=room_ref,
        staff_ref=staff_ref,
        duty=duty,
        principal=signed_in(),
        now=flask.g.now,
        actor=acting(),
    )
    done = see_other(gettext("sittings.done.assigned"), "candidates.sitting", ref=ref)
    _tell(warned)
    return done


@pages.get("/office/sittings/<ref>/staff")
@access.roles(Role.OFFICER)
def staff(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show every room of a sitting with who runs it, and fields for more."""
    with reading() as session:
        sitting = store.sitting_by_ref(session, ref)
        duties = store.duties_of_sitting(session, sitting.id)
        return form_page(
            "batches/checks/staff.html",
            refused,
            sitting=sitting,
            batch=session.get_one(Batch, sitting.batch_id),
            rooms=store.rooms_of_sitting(session, sitting.id),
            duties=duties,
            choices=[(role.value, staff_with_logins(session, role)) for role in ROOM_DUTIES],
        )


@pages.post("/office/sittings/<ref>/staff")
@access.roles(Role.OFFICER)
@form_on(staff, InvalidInput, Conflict)
def assign_many(ref: str) -> Reply:
    """Assign people to many rooms at once: to each the ones typed beside it, to all the ones typed above."""
    with reading() as session:
        sitting = store.sitting_by_ref(session, ref)
        room_refs = [view.sitting_room.ref for view in store.rooms_of_sitting(session, sitting.id)]
    count, warned = sittings.assign_many(
        sitting_ref=ref, wishes=list(_typed_staff(room_refs)), now=flask.g.now, actor=acting()
    )
    done = see_other(gettext("sittings.done.assigned_many", count=count), "candidates.sitting", ref=ref)
    _tell(warned)
    return done


def _typed_staff(room_refs: Sequence[str]) -> Iterator[AssignmentWish]:
    form = flask.request.form
    for role in ROOM_DUTIES:
        for place in (ALL_ROOMS, *room_refs):
            field = f"{role.value}-{place}"
            for text in _NAMES_APART.split(form.get(field, "")):
                person = " ".join(text.split())
                for room_ref in room_refs if place == ALL_ROOMS else (place,):
                    if person:
                        yield AssignmentWish(room_ref, person, role.value, field)


def _tell(warned: list[Concern]) -> None:
    for concern in warned:
        flask.flash(gettext("batches.check.told", text=concern.text, clause=concern.clause), "warn")
