"""Pages that change what is planned: batches begun, sittings published, moved or cancelled, names, removal."""

from __future__ import annotations

from dataclasses import dataclass

import flask
import flask_babel
from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from cbt.batches import publication, shape, store
from cbt.batches import sitting_change as shown
from cbt.batches.checks.sittings import checks_of_sitting, stops_of
from cbt.batches.jobs import CANCEL_SITTING, INFORM_LIST, MOVE_SITTING, PUBLISH_BATCH, asked_move
from cbt.batches.publication import DRAFTS, missing_of, publish_many_page, publish_page
from cbt.batches.shape import KINDS, OccupationChoice, RemovableEntry, occupations, parse_shape, usual_days
from cbt.batches.sitting_change import MovedPlan, MoveWish
from cbt.errors import Conflict
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import page_of
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    flash_refusal,
    form_on,
    form_page,
    head_of_page,
    refusal,
    see_other,
)
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.rules.roles import Role
from cbt.rules.states import SittingState
from cbt.sittings.inputs import parse_local
from cbt.sittings.models import Batch
from cbt.sittings.store import batch_by_ref, sitting_by_ref
from cbt.storage.unit_of_work import reading

shape_pages = flask.Blueprint("shape", __name__)


@dataclass(frozen=True, slots=True)
class ShapeForm:
    """What the form of a batch holds: names of fields with their values, and what can be chosen."""

    batch: Batch | None
    offered: list[OccupationChoice]
    held: MultiDict[str, str]


@shape_pages.get("/office/batches/new")
@access.roles(Role.OFFICER)
def new(refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        offered = occupations(session)
    form = ShapeForm(None, offered, refused.sent if refused.what else _usual(offered))
    return _page(form, refused)


@shape_pages.post("/office/batches")
@access.roles(Role.OFFICER)
@form_on(new)
def add() -> Reply:
    ref = shape.begin(shape=parse_shape(flask.request.form), now=flask.g.now, actor=acting())
    return flask.redirect(flask.url_for("batches.checklist.batch", ref=ref), 303)


@shape_pages.get("/office/batches/<ref>/edit")
@access.roles(Role.OFFICER)
def edit(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a batch."""
    with reading() as session:
        batch = batch_by_ref(session, ref)
        counts = store.counts_by_paper(session, batch.id)
        held = store.shape_of(session, batch.id)
        kept = {version for version, _papers in held} | {version for version, _paper in counts}
        offered = occupations(session, kept=kept)
        form = ShapeForm(batch, offered, refused.sent if refused.what else _of(batch, held, offered))
    return _page(form, refused)


@shape_pages.post("/office/batches/<ref>/edit")
@access.roles(Role.OFFICER)
@form_on(edit)
def save(ref: str) -> Reply:
    shape.change(batch_ref=ref, shape=parse_shape(flask.request.form), now=flask.g.now, actor=acting())
    return see_other(gettext("batches.shape.saved"), "batches.checklist.batch", ref=ref)


def _page(form: ShapeForm, refused: Refusal) -> Reply:
    return form_page("batches/shape/shape.html", refused, form=form)


def _usual(offered: list[OccupationChoice]) -> MultiDict[str, str]:
    """Return what the form of a new batch starts from: where there is one occupation, all of its levels."""
    starts_on, ends_on = usual_days(local_day(flask.g.now))
    only = offered[0] if len(offered) == 1 else None
    name = gettext(
        "batches.shape.name.usual", year=starts_on.year, month=starts_on.month, what=only.name if only else ""
    )
    held = MultiDict({"name": " ".join(name.split()), "starts_on": str(starts_on), "ends_on": str(ends_on)})
    for occupation in offered:
        for level in occupation.levels:
            if occupation is only:
                held.add("levels", level.ref)
            for paper in level.blueprint.papers:
                held.add(f"papers.{level.ref}", paper)
    return held


def _of(
    batch: Batch, shape: list[tuple[int, list[str]]], offered: list[OccupationChoice]
) -> MultiDict[str, str]:
    """Return what the form of a batch holds; a level that is not examined stands there with all papers."""
    held = MultiDict(
        {
            "name": batch.name,
            "starts_on": str(batch.starts_on or ""),
            "ends_on": str(batch.ends_on or ""),
        }
    )
    examined = dict(shape)
    for level in (level for occupation in offered for level in occupation.levels):
        mine = [one.id for one in level.versions if one.id in examined]
        if mine:
            held.add("levels", level.ref)
            held.add(f"version.{level.ref}", str(mine[0]))
        for paper in examined[mine[0]] if mine else level.blueprint.papers:
            held.add(f"papers.{level.ref}", paper)
    return held


publication_pages = flask.Blueprint("publishing", __name__)


@publication_pages.get("/office/sittings/<ref>/publish")
@access.roles(Role.OFFICER)
def confirm(ref: str) -> Reply:
    """Show what was checked of a draft, and what everybody will see; one that is out has nothing to confirm."""
    with reading() as session:
        draft = sitting_by_ref(session, ref).state == SittingState.DRAFT.value
    return _confirm(ref, NOTHING_REFUSED) if draft else _back(ref)


@publication_pages.post("/office/sittings/<ref>/publish")
@access.roles(Role.OFFICER)
def publish(ref: str) -> Reply:
    """Publish a sitting; a refusal is the page again, with everything that is missing and where it is mended."""
    try:
        publication.publish(sitting_ref=ref, now=flask.g.now, actor=acting())
    except Conflict as error:
        if error.code == "sitting.incomplete":
            return _confirm(ref, refusal(error))
        flash_refusal(error)
    else:
        flask.flash(gettext("sittings.done.published"), "ok")
    return _back(ref)


@publication_pages.get("/office/batches/<ref>/publish")
@access.roles(Role.OFFICER)
def confirm_many(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the drafts of a batch, each with what keeps it back; those that are ready are chosen."""
    number = page_of(flask.request.args)
    with reading() as session:
        page = publish_many_page(session, ref, page=number)
    sent = flask.request.form.getlist("sittings") if refused.what else None
    return form_page(
        "batches/publication/confirm_many.html",
        refused,
        page=page,
        sent=sent,
        number=number,
        pages=-(-page.total // DRAFTS),
    )


@publication_pages.post("/office/batches/<ref>/publish")
@access.roles(Role.OFFICER)
@form_on(confirm_many)
def publish_many(ref: str) -> Reply:
    """Publish the chosen drafts of a batch in one act."""
    chosen = flask.request.form.getlist("sittings")
    page = flask.url_for("batches.checklist.batch", ref=ref)
    return act_reply(PUBLISH_BATCH, subject=f"batch:{ref}", page=page, batch=ref, sittings=chosen)


@publication_pages.get("/office/sittings/<sitting_ref>/readiness")
@access.roles(Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)
def readiness(sitting_ref: str) -> Reply:
    """What a sitting still lacks for its day, as a fragment of its page."""
    with reading() as session:
        sitting = sitting_by_ref(session, sitting_ref)
        missing = missing_of(session, sitting)
        stops = stops_of(checks_of_sitting(session, sitting))
    return flask.render_template(
        "batches/publication/_readiness.html", sitting=sitting, missing=missing, concerns=stops
    )


def _confirm(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        page = publish_page(session, ref)
    return form_page("batches/publication/confirm.html", refused, page=page)


def _back(ref: str) -> Reply:
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)


sitting_change_pages = flask.Blueprint("moving", __name__)


@sitting_change_pages.get("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
def form(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return form_page("batches/sitting_change/move.html", refused, page=page)


@sitting_change_pages.post("/office/sittings/<ref>/move")
@access.roles(Role.OFFICER)
@form_on(form)
def move(ref: str) -> Reply:
    """Show what a move would do, or do it; `act` says which. Nothing is done that was not looked at."""
    act = flask.request.form.get("act", "")
    if act == "edit":
        return form(ref, Refusal(sent=flask.request.form))
    wish = _wish()
    if act != "move":
        plan = shown.preview(sitting_ref=ref, wish=wish, now=flask.g.now)
        return _preview(ref, plan)
    page = flask.url_for("candidates.sitting", ref=ref)
    return act_reply(MOVE_SITTING, subject=f"sitting:{ref}", page=page, sitting=ref, wish=asked_move(wish))


def _wish() -> MoveWish:
    sent = flask.request.form
    rooms = {name.removeprefix("room-"): value for name, value in sent.items() if name.startswith("room-")}
    return MoveWish(
        name=sent.get("name", ""),
        start_at=parse_local(sent, "start"),
        rooms=rooms,
        reason=sent.get("reason", ""),
    )


def _preview(ref: str, plan: MovedPlan) -> Reply:
    with reading() as session:
        page = shown.move_page(session, ref, now=flask.g.now)
    return flask.render_template(
        "batches/sitting_change/preview.html", page=page, plan=plan, sent=flask.request.form
    )


@sitting_change_pages.post("/office/sittings/<ref>/inform")
@access.roles(Role.OFFICER)
def inform_list(ref: str) -> Reply:
    """Send the list of whom to tell of a change; a POST, because it has phone numbers and is put on record."""
    return file_reply(INFORM_LIST, subject=f"sitting:{ref}", sitting=ref)


@sitting_change_pages.post("/office/sittings/<ref>/withdraw")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def withdraw(ref: str) -> Reply:
    """Withdraw the publishing of a sitting until its check-in opens (撤回发布)."""
    reason = flask.request.form.get("reason", "")
    shown.withdraw(sitting_ref=ref, reason=reason, now=flask.g.now, actor=acting())
    return see_other(flask_babel.gettext("batches.withdraw.done"), "candidates.sitting", ref=ref)


@sitting_change_pages.post("/office/sittings/<ref>/cancel")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def cancel(ref: str) -> Reply:
    """Cancel a sitting that has not started."""
    page, reason = flask.url_for("candidates.sitting", ref=ref), flask.request.form.get("reason", "")
    return act_reply(CANCEL_SITTING, subject=f"sitting:{ref}", page=page, sitting=ref, reason=reason)


removal_pages = flask.Blueprint("keeping", __name__)

WRITERS = (Role.OFFICER, Role.ADMIN)
CENTRE = {"kind": "centre"}
ROOM = {"kind": "room"}
BATCH = {"kind": "batch"}
SITTING = {"kind": "sitting"}


@removal_pages.get("/office/centres/<ref>/edit", endpoint="edit_centre", defaults=CENTRE)
@removal_pages.get("/office/rooms/<ref>/edit", endpoint="edit_room", defaults=ROOM)
@access.roles(*WRITERS)
def removal_views_edit(kind: str, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a centre's name and address, or of a room's name."""
    kept = shape.look(kind=kind, ref=ref)
    return form_page("batches/shape/edit.html", refused, kept=kept, above=_above(kept))


@removal_pages.post("/office/centres/<ref>/edit", endpoint="save_centre", defaults=CENTRE)
@removal_pages.post("/office/rooms/<ref>/edit", endpoint="save_room", defaults=ROOM)
@access.roles(*WRITERS)
@form_on(removal_views_edit)
def removal_views_save(kind: str, ref: str) -> Reply:
    """Give a centre another name or address, or a room another name."""
    form, now, actor = flask.request.form, flask.g.now, acting()
    name = form.get("name", "")
    if kind == "centre":
        address, a_day = form.get("address", ""), form.get("sittings_a_day")
        shape.change_centre(ref=ref, name=name, address=address, sittings_a_day=a_day, now=now, actor=actor)
    else:
        shape.change_room(ref=ref, name=name, now=now, actor=actor)
    return see_other(gettext("batches.keeping.saved"), KINDS[kind].page, ref=ref)


@removal_pages.get("/office/batches/<ref>/delete", endpoint="delete_batch", defaults=BATCH)
@removal_pages.get("/office/sittings/<ref>/delete", endpoint="delete_sitting", defaults=SITTING)
@removal_pages.get("/office/rooms/<ref>/delete", endpoint="delete_room", defaults=ROOM)
@removal_pages.get("/office/centres/<ref>/delete", endpoint="delete_centre", defaults=CENTRE)
@access.roles(Role.OFFICER)
def delete(kind: str, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what hangs on a thing before it goes."""
    kept = shape.look(kind=kind, ref=ref)
    return form_page("batches/shape/delete.html", refused, kept=kept, above=_above(kept))


@removal_pages.post("/office/batches/<ref>/delete", endpoint="remove_batch", defaults=BATCH)
@removal_pages.post("/office/sittings/<ref>/delete", endpoint="remove_sitting", defaults=SITTING)
@removal_pages.post("/office/rooms/<ref>/delete", endpoint="remove_room", defaults=ROOM)
@removal_pages.post("/office/centres/<ref>/delete", endpoint="remove_centre", defaults=CENTRE)
@access.roles(Role.OFFICER)
@form_on(delete)
def remove(kind: str, ref: str) -> Reply:
    """Delete a thing that nothing hangs on."""
    kept = shape.look(kind=kind, ref=ref)
    shape.remove(kind=kind, ref=ref, now=flask.g.now, actor=acting())
    flask.flash(gettext("batches.keeping.deleted", name=kept.name), "ok")
    return flask.redirect(_above(kept), 303)


def _above(kept: RemovableEntry) -> str:
    """Return the page where one is once a thing is gone."""
    above = kept.kind.above
    return flask.url_for(above, ref=kept.owner_ref) if kept.owner_ref else flask.url_for(above)
