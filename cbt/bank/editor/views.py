"""Pages of the editor: a new item, a change of one, and what the page asks while somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import service as bank_service
from cbt.bank import store
from cbt.bank.editor import service, unfinished_work
from cbt.bank.editor.form import changed_parts, pieces
from cbt.bank.editor.live_views import MOST_VERSION, seen_of, typed_in, wanted_ref, work_ref_of
from cbt.bank.editor.service import Typed
from cbt.bank.editor.unfinished_work import OpenedItem, picture_name, picture_source
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal, see_other
from cbt.http.partials import Reply, wants_partial
from cbt.items.finding_texts import field_label
from cbt.items.types.hotspot.authoring import numbers_of
from cbt.items.types.registry import AUTHORING
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("editing", __name__)


@pages.get("/bank/<ref>/new")
@access.roles(Role.AUTHOR)
def choose(ref: str) -> Reply:
    """Show the types of a new item, and what this author has unfinished."""
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        works = unfinished_work.unfinished(session, bank.id, acting())
    return flask.render_template(
        "bank/editor/choose.html",
        bank=bank,
        works=works,
        types=_types(),
        point=flask.request.args.get("point", "")[:20],
    )


@pages.get("/bank/<ref>/new/<kind>")
@access.roles(Role.AUTHOR)
def new(ref: str, kind: str) -> Reply:
    """Show the editor of a new item."""
    work_ref = work_ref_of(flask.request.args.get("work", ""))
    return _editor(ref, _open(ref, "", kind, work_ref), work_ref)


@pages.post("/bank/<ref>/new/<kind>")
@access.roles(Role.AUTHOR)
def create(ref: str, kind: str) -> Reply:
    """Store a new item, or draw its form anew."""
    return _take(ref, "", kind)


@pages.get("/bank/<ref>/items/<item_ref>/edit")
@access.roles(Role.AUTHOR)
def edit(ref: str, item_ref: str) -> Reply:
    """Show the editor of an item; its key is on it, so the view is put on record."""
    opened = _open(ref, item_ref, "", "")
    bank_service.key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return _editor(ref, opened, new_ref("wk"))


@pages.post("/bank/<ref>/items/<item_ref>/edit")
@access.roles(Role.AUTHOR)
def change(ref: str, item_ref: str) -> Reply:
    """Store a new version of an item, or draw its form anew."""
    return _take(ref, item_ref, "")


@pages.get("/bank/<ref>/items/<item_ref>/compare")
@access.roles(Role.AUTHOR)
def compare(ref: str, item_ref: str) -> Reply:
    """Show what this author typed beside the version that somebody stored meanwhile."""
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        sides = unfinished_work.sides_of(session, bank.id, item_ref, actor=acting())
        names = actor_names(session, {sides.actor} if sides else ())
    if sides is None:
        flask.flash(_("bank.compare.nothing"), "message")
        return flask.redirect(flask.url_for(".edit", ref=ref, item_ref=item_ref), 303)
    bank_service.key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/editor/compare.html",
        bank=bank,
        item_ref=item_ref,
        base=sides.base,
        current=sides.current,
        pieces=pieces(sides.before, sides.mine, sides.theirs),
        field_label=field_label,
        theirs=names.get(sides.actor, sides.actor),
        at=sides.at,
    )


@pages.post("/bank/<ref>/items/<item_ref>/compare")
@access.roles(Role.AUTHOR)
def merge(ref: str, item_ref: str) -> Reply:
    """Make one of both sides, and go on editing it."""
    form = flask.request.form
    taken = {name.removeprefix("take.") for name, side in form.items() if side == "theirs"}
    current = whole_number(form.get("current", ""), most=MOST_VERSION) or 0
    try:
        service.merge(
            bank_ref=ref, item_ref=item_ref, current=current, taken=taken, now=flask.g.now, actor=acting()
        )
    except Conflict as error:
        flash_refusal(error)
        return flask.redirect(flask.url_for(".compare", ref=ref, item_ref=item_ref), 303)
    return see_other(_("bank.compare.done", number=current), ".edit", ref=ref, item_ref=item_ref)


def _take(ref: str, item_ref: str, kind: str) -> Reply:
    opened = _open(ref, item_ref, kind, work_ref_of(flask.request.form.get("work_ref", "")))
    typed = typed_in(ref, opened.kind, item_ref)
    opened = replace(opened, base=typed.base, seen=flask.request.form.get("seen", ""))
    asked = flask.request.form.get("do", "save")
    if asked not in ("save", "submit"):
        return _redrawn(ref, opened, typed, asked)
    try:
        stored = service.save(
            typed, submit=asked == "submit", wanted_ref=wanted_ref(), now=flask.g.now, actor=acting()
        )
    except (InvalidInput, Conflict) as error:
        return _refused(ref, opened, typed, error)
    if asked == "submit":
        flask.flash(_("bank.editing.submitted", ref=stored.ref), "ok")
        target = flask.url_for("bank.item", ref=ref, item_ref=stored.ref, version=stored.number)
        return flask.redirect(target, 303)
    said = "saved" if stored.is_new else "unchanged"
    return see_other(
        _(f"bank.editing.{said}", ref=stored.ref, number=stored.number), ".edit", ref=ref, item_ref=stored.ref
    )


def _refused(ref: str, opened: OpenedItem, typed: Typed, error: CbtError) -> Reply:
    """Show the editor with what was typed and why it was not stored, or both sides where somebody was quicker."""
    if error.code == "editing.moved_on":
        service.keep_work(typed, seen=service.ANYWAY, now=flask.g.now, actor=acting())
        flash_refusal(error)
        return flask.redirect(flask.url_for(".compare", ref=ref, item_ref=opened.ref), 303)
    page = _editor(ref, opened, typed.work_ref, data=dict(typed.data), refused=refusal(error))
    return page, refusal(error).code


def _redrawn(ref: str, opened: OpenedItem, typed: Typed, asked: str) -> Reply:
    data, focus = changed_parts(dict(typed.data), asked, flask.request.form.get("part_type", ""))
    return _editor(ref, opened, typed.work_ref, data=data, spare=asked == "more", focus=focus)


def _open(ref: str, item_ref: str, kind: str, work_ref: str) -> OpenedItem:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        if item_ref:
            return unfinished_work.open_item(session, bank.id, item_ref, actor=acting())
        if kind not in AUTHORING:
            raise NotFound("editing.no_type")
        point = flask.request.args.get("point", "")[:20]
        return unfinished_work.open_new(
            session, bank.id, kind, actor=acting(), work_ref=work_ref, point=point
        )


def _editor(
    ref: str,
    opened: OpenedItem,
    work_ref: str,
    *,
    data: dict[str, Any] | None = None,
    refused: Refusal = NOTHING_REFUSED,
    spare: bool = False,
    focus: int = 0,
) -> str:
    shown = opened.data if data is None else data
    bank, taxonomy, found = seen_of(ref, opened.ref, shown)
    untouched = data is None and not opened.seen and not opened.ref
    return flask.render_template(
        "bank/editor/_form.html" if wants_partial() else "bank/editor/editor.html",
        bank=bank,
        opened=opened,
        work_ref=work_ref,
        data=shown,
        untouched=untouched,
        notes={} if untouched else found.notes,
        paper=found.paper,
        keys=found.keys,
        errors=found.errors,
        hints=found.hints,
        refused=refused,
        spare=spare,
        focus=focus,
        points=taxonomy.points,
        point_name=next((one.name for one in taxonomy.points if one.code == shown.get("point")), ""),
        difficulties=_scale("difficulty"),
        consistencies=_scale("consistency"),
        part_types=[pair for pair in _types() if pair[0] != ItemType.CASE],
        with_blanks={kind for kind, own in AUTHORING.items() if own.blanks_in_stem},
        sent_ref=wanted_ref(),
        picture_name=picture_name,
        picture_source=picture_source,
        numbers_of=numbers_of,
    )


def _types() -> Sequence[tuple[str, str]]:
    return [(kind, _(f"bank.type.{kind}")) for kind in AUTHORING]


def _scale(name: str) -> list[tuple[int, str]]:
    return [(level, _(f"bank.editing.{name}.{level}")) for level in range(5, 0, -1)][::-1]
