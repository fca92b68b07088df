"""Pages: another name for a centre or a room; and, for all four kinds, the last look before one goes."""

from __future__ import annotations

from collections.abc import Callable

import flask
from flask_babel import gettext

from cbt.batches import removal
from cbt.batches.removal import KINDS, PlannedThing
from cbt.errors import CbtError
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.http.partials import Reply
from cbt.rules.roles import Role

pages = flask.Blueprint("keeping", __name__)

WRITERS = (Role.OFFICER, Role.ADMIN)


@pages.get("/office/centres/<ref>/edit")
@access.roles(*WRITERS)
def edit_centre(ref: str) -> Reply:
    """Show the form of a centre's name and address."""
    return _edit_page("centre", ref, NOTHING_REFUSED)


@pages.post("/office/centres/<ref>/edit")
@access.roles(*WRITERS)
def save_centre(ref: str) -> Reply:
    """Give a centre another name or address."""
    form = flask.request.form
    now, actor = flask.g.now, acting()
    return _save(
        "centre",
        ref,
        lambda: removal.change_centre(
            ref=ref, name=form.get("name", ""), address=form.get("address", ""), now=now, actor=actor
        ),
    )


@pages.get("/office/rooms/<ref>/edit")
@access.roles(*WRITERS)
def edit_room(ref: str) -> Reply:
    """Show the form of a room's name."""
    return _edit_page("room", ref, NOTHING_REFUSED)


@pages.post("/office/rooms/<ref>/edit")
@access.roles(*WRITERS)
def save_room(ref: str) -> Reply:
    """Give a room another name."""
    name, now, actor = flask.request.form.get("name", ""), flask.g.now, acting()
    return _save("room", ref, lambda: removal.change_room(ref=ref, name=name, now=now, actor=actor))


def _save(kind: str, ref: str, change: Callable[[], None]) -> Reply:
    try:
        change()
    except CbtError as error:
        return _edit_page(kind, ref, refusal(error))
    flask.flash(gettext("batches.keeping.saved"), "ok")
    return flask.redirect(flask.url_for(KINDS[kind].page, ref=ref), 303)


def _edit_page(kind: str, ref: str, refused: Refusal) -> Reply:
    kept = removal.look(kind=kind, ref=ref)
    return flask.render_template(
        "batches/removal/edit.html", kept=kept, above=_above(kept), refused=refused
    ), refused.code


@pages.get("/office/batches/<ref>/delete")
@access.roles(Role.OFFICER)
def delete_batch(ref: str) -> Reply:
    """Show what hangs on a batch before it goes."""
    return _delete_page("batch", ref, NOTHING_REFUSED)


@pages.post("/office/batches/<ref>/delete")
@access.roles(Role.OFFICER)
def remove_batch(ref: str) -> Reply:
    """Delete a batch that nothing hangs on."""
    return _remove("batch", ref)


@pages.get("/office/sittings/<ref>/delete")
@access.roles(Role.OFFICER)
def delete_sitting(ref: str) -> Reply:
    """Show what hangs on a sitting before it goes."""
    return _delete_page("sitting", ref, NOTHING_REFUSED)


@pages.post("/office/sittings/<ref>/delete")
@access.roles(Role.OFFICER)
def remove_sitting(ref: str) -> Reply:
    """Delete a sitting that nothing hangs on."""
    return _remove("sitting", ref)


@pages.get("/office/rooms/<ref>/delete")
@access.roles(Role.OFFICER)
def delete_room(ref: str) -> Reply:
    """Show what hangs on a room before it goes."""
    return _delete_page("room", ref, NOTHING_REFUSED)


@pages.post("/office/rooms/<ref>/delete")
@access.roles(Role.OFFICER)
def remove_room(ref: str) -> Reply:
    """Delete a room that nothing hangs on."""
    return _remove("room", ref)


@pages.get("/office/centres/<ref>/delete")
@access.roles(Role.OFFICER)
def delete_centre(ref: str) -> Reply:
    """Show what hangs on a centre before it goes."""
    return _delete_page("centre", ref, NOTHING_REFUSED)


@pages.post("/office/centres/<ref>/delete")
@access.roles(Role.OFFICER)
def remove_centre(ref: str) -> Reply:
    """Delete a centre that nothing hangs on."""
    return _remove("centre", ref)


def _remove(kind: str, ref: str) -> Reply:
    kept = removal.look(kind=kind, ref=ref)
    try:
        removal.remove(kind=kind, ref=ref, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _delete_page(kind, ref, refusal(error))
    flask.flash(gettext("batches.keeping.deleted", name=kept.name), "ok")
    return flask.redirect(_above(kept), 303)


def _delete_page(kind: str, ref: str, refused: Refusal) -> Reply:
    kept = removal.look(kind=kind, ref=ref)
    return flask.render_template(
        "batches/removal/delete.html", kept=kept, above=_above(kept), refused=refused
    ), refused.code


def _above(kept: PlannedThing) -> str:
    """Return the page where one is once a thing is gone."""
    above = kept.kind.above
    return flask.url_for(above, ref=kept.owner_ref) if kept.owner_ref else flask.url_for(above)
