"""Pages: another name for a centre or a room; and, for all four kinds, the last look before one goes."""

from __future__ import annotations

import flask
from flask_babel import gettext

from cbt.batches import removal
from cbt.batches.removal import KINDS, PlannedThing
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.rules.roles import Role

pages = flask.Blueprint("keeping", __name__)

WRITERS = (Role.OFFICER, Role.ADMIN)
CENTRE = {"kind": "centre"}
ROOM = {"kind": "room"}
BATCH = {"kind": "batch"}
SITTING = {"kind": "sitting"}


@pages.get("/office/centres/<ref>/edit", endpoint="edit_centre", defaults=CENTRE)
@pages.get("/office/rooms/<ref>/edit", endpoint="edit_room", defaults=ROOM)
@access.roles(*WRITERS)
def edit(kind: str, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of a centre's name and address, or of a room's name."""
    kept = removal.look(kind=kind, ref=ref)
    return form_page("batches/removal/edit.html", refused, kept=kept, above=_above(kept))


@pages.post("/office/centres/<ref>/edit", endpoint="save_centre", defaults=CENTRE)
@pages.post("/office/rooms/<ref>/edit", endpoint="save_room", defaults=ROOM)
@access.roles(*WRITERS)
@form_on(edit)
def save(kind: str, ref: str) -> Reply:
    """Give a centre another name or address, or a room another name."""
    form, now, actor = flask.request.form, flask.g.now, acting()
    name = form.get("name", "")
    if kind == "centre":
        removal.change_centre(ref=ref, name=name, address=form.get("address", ""), now=now, actor=actor)
    else:
        removal.change_room(ref=ref, name=name, now=now, actor=actor)
    return see_other(gettext("batches.keeping.saved"), KINDS[kind].page, ref=ref)


@pages.get("/office/batches/<ref>/delete", endpoint="delete_batch", defaults=BATCH)
@pages.get("/office/sittings/<ref>/delete", endpoint="delete_sitting", defaults=SITTING)
@pages.get("/office/rooms/<ref>/delete", endpoint="delete_room", defaults=ROOM)
@pages.get("/office/centres/<ref>/delete", endpoint="delete_centre", defaults=CENTRE)
@access.roles(Role.OFFICER)
def delete(kind: str, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show what hangs on a thing before it goes."""
    kept = removal.look(kind=kind, ref=ref)
    return form_page("batches/removal/delete.html", refused, kept=kept, above=_above(kept))


@pages.post("/office/batches/<ref>/delete", endpoint="remove_batch", defaults=BATCH)
@pages.post("/office/sittings/<ref>/delete", endpoint="remove_sitting", defaults=SITTING)
@pages.post("/office/rooms/<ref>/delete", endpoint="remove_room", defaults=ROOM)
@pages.post("/office/centres/<ref>/delete", endpoint="remove_centre", defaults=CENTRE)
@access.roles(Role.OFFICER)
@form_on(delete)
def remove(kind: str, ref: str) -> Reply:
    """Delete a thing that nothing hangs on."""
    kept = removal.look(kind=kind, ref=ref)
    removal.remove(kind=kind, ref=ref, now=flask.g.now, actor=acting())
    flask.flash(gettext("batches.keeping.deleted", name=kept.name), "ok")
    return flask.redirect(_above(kept), 303)


def _above(kept: PlannedThing) -> str:
    """Return the page where one is once a thing is gone."""
    above = kept.kind.above
    return flask.url_for(above, ref=kept.owner_ref) if kept.owner_ref else flask.url_for(above)
