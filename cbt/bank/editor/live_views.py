"""What the editor's page asks while somebody types: how it looks, that it is kept, who else is there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import store
from cbt.bank.editor import service, unfinished_work
from cbt.bank.editor.feedback import Seen, judge, seen
from cbt.bank.editor.form import read_form
from cbt.bank.editor.service import Typed
from cbt.bank.editor.unfinished_work import wants_pictures
from cbt.errors import NotFound
from cbt.http.auth import access, login
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.partials import Reply
from cbt.items.models import ItemBank
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.registry import AUTHORING
from cbt.rules.roles import Role
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("typing", __name__)

MOST_VERSION = 10**9
_WORK = re.compile(r"wk-[a-z0-9]{14}")


@pages.post("/bank/<ref>/editing/<kind>/look")
@access.roles(Role.AUTHOR)
def look(ref: str, kind: str) -> Reply:
    """Answer how an unfinished item looks and what lint says of it; nothing is stored."""
    typed = typed_in(ref, kind)
    found = seen_of(ref, typed.item_ref or wanted_ref(), typed.data)[2]
    return flask.jsonify(
        paper=found.paper,
        key=flask.render_template("bank/editor/_key.html", keys=found.keys),
        tally=flask.render_template("bank/editor/_tally.html", errors=found.errors, hints=found.hints),
        notes={
            name: flask.render_template("bank/editor/_notes_of.html", notes=notes)
            for name, notes in found.notes.items()
        },
    )


@pages.post("/bank/<ref>/editing/<kind>/work")
@access.roles(Role.AUTHOR)
def keep(ref: str, kind: str) -> Reply:
    """Keep what is typed."""
    known = flask.request.form.get("seen", "")
    kept = service.keep_work(typed_in(ref, kind), seen=known, now=flask.g.now, actor=acting())
    return flask.jsonify(seen=kept)


@pages.post("/bank/<ref>/items/<item_ref>/here")
@access.roles(Role.AUTHOR)
@login.unattended
def here(ref: str, item_ref: str) -> Reply:
    """Note that this page is open, and answer who else is at the item."""
    work_ref = work_ref_of(flask.request.form.get("work_ref", ""))
    present = service.be_here(ref, item_ref, work_ref, now=flask.g.now, actor=acting())
    with reading() as session:
        names = actor_names(session, {other.actor for other in present.others})
    base = whole_number(flask.request.form.get("base", ""), most=MOST_VERSION)
    told = flask.render_template(
        "bank/editor/_others.html",
        others=present.others,
        names=names,
        current=present.current,
        base=base,
        compare=flask.url_for("bank.editing.compare", ref=ref, item_ref=item_ref) if present.typed else "",
    )
    return flask.jsonify(told=told.strip(), current=present.current)


@pages.post("/bank/<ref>/editing/discard")
@access.roles(Role.AUTHOR)
def discard(ref: str) -> Reply:
    """Forget what this author has typed and not saved."""
    form = flask.request.form
    item_ref, kind = form.get("item_ref", ""), form.get("kind", "")
    service.discard(bank_ref=ref, item_ref=item_ref, work_ref=form.get("work_ref", ""), actor=acting())
    flask.flash(_("bank.editing.discarded"), "message")
    if item_ref and kind:
        return flask.redirect(flask.url_for("bank.editing.edit", ref=ref, item_ref=item_ref), 303)
    return flask.redirect(flask.url_for("bank.editing.choose", ref=ref), 303)


def typed_in(ref: str, kind: str, item_ref: str | None = None) -> Typed:
    """Return what the form of this request says; raise NotFound("editing.no_type")."""
    form = flask.request.form
    if kind not in AUTHORING:
        raise NotFound("editing.no_type")
    item_ref = form.get("item_ref", "") if item_ref is None else item_ref
    base = whole_number(form.get("base", ""), most=MOST_VERSION) or 0
    data = read_form(form, kind)
    if item_ref and wants_pictures(data):
        with reading() as session:
            bank = store.bank_by_ref(session, ref)
            data = unfinished_work.with_pictures_of(session, bank.id, item_ref, base, data, actor=acting())
    return Typed(ref, item_ref, work_ref_of(form.get("work_ref", "")), base, data)


def work_ref_of(text: str) -> str:
    """Return the name of an unfinished work, a fresh one where there is none."""
    return text if _WORK.fullmatch(text) else new_ref("wk")


def wanted_ref() -> str:
    """Return the ref its author wants for a new item."""
    return flask.request.form.get("ref", "").strip()[:60]


def seen_of(ref: str, item_ref: str, data: Mapping[str, Any]) -> tuple[ItemBank, Taxonomy, Seen]:
    """Return the bank, its table of points, and what stands beside the form of this content."""
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        taxonomy = store.taxonomy_of(session, bank)
        judged = judge(session, bank.id, taxonomy, item_ref, data)
    return bank, taxonomy, seen(judged, seed=item_ref)
