"""Pages of the sittings room: batches, the form of a new sitting, what the officer decides about a sitting.

The pages of one batch and of one sitting show registrations and live in the candidates room.
"""

from __future__ import annotations

import flask
import flask_babel

from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, head_of_page, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.sittings import store
from cbt.sittings.planning import centre_views, room_plan_views, service
from cbt.sittings.planning.inputs import MARKS, blueprints_of_batch, chosen, policy_fields, prefills
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("sittings", __name__)
pages.register_blueprint(centre_views.pages)
pages.register_blueprint(room_plan_views.pages)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
PAGE_SIZE = 30


@pages.get("/office/batches")
@access.roles(*READERS)
def batches() -> Reply:
    """List the batches, the latest first."""
    return _batches_page()


def _batches_page() -> Reply:
    page = page_of(flask.request.args)
    with reading() as session:
        found = store.batches(session, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
        total = store.batch_count(session)
        has_centre = bool(store.centres(session))
    return flask.render_template(
        "sittings/planning/batches.html",
        found=found,
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
    given = policy_fields(chosen(available, named))
    kept = {} if refilled else {name: sent[name] for name in given if name in sent}
    return form_page(
        "sittings/planning/new_sitting.html",
        refused,
        batch=batch,
        centres=centres,
        rooms=rooms,
        counts=counts,
        sent=sent or usual,
        chosen_rooms=sent.getlist("rooms"),
        marks=MARKS,
        filled=given | kept,
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
