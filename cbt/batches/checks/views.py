"""What speaks against a sitting, on its page; and the acts of planning that ask it first."""

from __future__ import annotations

from collections.abc import Callable

import flask
import flask_babel

from cbt.batches.checks import sittings
from cbt.batches.checks.concern import Concern
from cbt.batches.checks.sittings import checks_of_sitting
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.forms import NOTHING_REFUSED, flash_refusal, refusal
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.rules.states.sitting import Purpose
from cbt.sittings import store
from cbt.sittings.planning.inputs import chosen, one_of, parse_local, parse_policy, prefills
from cbt.sittings.planning.views import sitting_form
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("checks", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/office/sittings/<ref>/checks")
@access.roles(*READERS)
def concerns(ref: str) -> Reply:
    """What speaks against a sitting, as a fragment of its page."""
    with reading() as session:
        sitting = store.sitting_by_ref(session, ref)
        found = checks_of_sitting(session, sitting)
    return flask.render_template("batches/checks/_concerns.html", sitting=sitting, concerns=found)


@pages.post("/office/batches/<ref>/sittings/new")
@access.roles(Role.OFFICER)
def add_sitting(ref: str) -> Reply:
    """Add a draft sitting with its rooms and go to it."""
    form = flask.request.form
    if form.get("filled_from", "") != form.get("blueprint", ""):
        # The marks on the page are still another blueprint's: show those of the chosen one before storing.
        return sitting_form(ref, NOTHING_REFUSED, refilled=True)
    try:
        room_refs = form.getlist("rooms")
        if not room_refs:
            raise InvalidInput("sitting.no_room_chosen", field="rooms")
        with reading() as session:
            centre_id = store.room_by_ref(session, room_refs[0]).centre_id
            centre_ref = next(centre.ref for centre in store.centres(session) if centre.id == centre_id)
            given = chosen(prefills(session), form.get("blueprint", ""))
        sitting_ref, warned = sittings.add_sitting(
            batch_ref=ref,
            centre_ref=centre_ref,
            room_refs=room_refs,
            name=form.get("name", ""),
            planned_start_at=parse_local(form, "start"),
            mode=form.get("mode", "machine"),
            purpose=one_of(form, "purpose", Purpose, Purpose.OFFICIAL),
            policy=parse_policy(form, given),
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return sitting_form(ref, refusal(error))
    _tell(warned)
    return flask.redirect(flask.url_for("candidates.sitting", ref=sitting_ref), 303)


@pages.post("/office/sittings/<ref>/purpose")
@access.roles(Role.OFFICER)
def set_purpose(ref: str) -> Reply:
    """Say what a draft is held for."""
    now, who, form = flask.g.now, acting(), flask.request.form

    def change() -> list[Concern]:
        wanted = one_of(form, "purpose", Purpose, Purpose.OFFICIAL)
        sittings.set_purpose(sitting_ref=ref, purpose=wanted, now=now, actor=who)
        return []

    return _decide(ref, change, "sittings.done.purpose")


@pages.post("/office/sittings/<ref>/rooms")
@access.roles(Role.OFFICER)
def add_room(ref: str) -> Reply:
    """Add a room to a sitting."""
    now, who, room_ref = flask.g.now, acting(), flask.request.form.get("room", "")
    return _decide(
        ref,
        lambda: sittings.add_room(sitting_ref=ref, room_ref=room_ref, now=now, actor=who),
        "sittings.done.room_added",
    )


@pages.post("/office/sittings/<ref>/rooms/<room_ref>/staff")
@access.roles(Role.OFFICER)
def assign(ref: str, room_ref: str) -> Reply:
    """Assign a proctor or chief to a room of a sitting."""
    principal, now, who = signed_in(), flask.g.now, acting()
    # One select offers each person with each duty they may have: `<duty>:<staff ref>`.
    duty, _, staff_ref = flask.request.form.get("staff", "").partition(":")
    return _decide(
        ref,
        lambda: sittings.assign(
            room_ref=room_ref, staff_ref=staff_ref, duty=duty, principal=principal, now=now, actor=who
        ),
        "sittings.done.assigned",
    )


def _decide(sitting_ref: str, use_case: Callable[[], list[Concern]], done: str) -> Reply:
    """Run one act about a sitting and go back to its page; what is refused or warned of is told there."""
    try:
        warned = use_case()
    except CbtError as error:
        flash_refusal(error)
    else:
        flask.flash(flask_babel.gettext(done), "ok")
        _tell(warned)
    return flask.redirect(flask.url_for("candidates.sitting", ref=sitting_ref), 303)


def _tell(warned: list[Concern]) -> None:
    for one in warned:
        flask.flash(flask_babel.gettext("batches.check.told", text=one.text, clause=one.clause), "warn")
