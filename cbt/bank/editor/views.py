"""Pages of the editor: a new item, a change of one, and what the page asks while somebody types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import service as bank_service
from cbt.bank import store
from cbt.bank.editor import item_work
from cbt.bank.editor.form import EditorPreview, changed_parts, judge, pieces, read_form, seen
from cbt.bank.editor.item_work import OpenedItem, Typed, picture_name, picture_source, wants_pictures
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.auth import access, login
from cbt.http.auth.login import acting
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal, see_other
from cbt.http.partials import Reply, wants_partial
from cbt.items.finding_texts import field_label
from cbt.items.models import ItemBank
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.hotspot.editor import numbers_of
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
        works = item_work.unfinished(session, bank.id, acting())
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
    work_ref = work_ref_of(flask.request.args.get("work", ""))
    return _editor(ref, _open(ref, "", kind, work_ref), work_ref)


@pages.post("/bank/<ref>/new/<kind>")
@access.roles(Role.AUTHOR)
def create(ref: str, kind: str) -> Reply:
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
    return _take(ref, item_ref, "")


@pages.get("/bank/<ref>/items/<item_ref>/compare")
@access.roles(Role.AUTHOR)
def compare(ref: str, item_ref: str) -> Reply:
    """Show what this author typed beside the version that somebody stored meanwhile."""
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        sides = item_work.sides_of(session, bank.id, item_ref, actor=acting())
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
        item_work.merge(
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
    action = flask.request.form.get("do", "save")
    if action not in ("save", "submit"):
        return _redrawn(ref, opened, typed, action)
    try:
        stored = item_work.save(
            typed, submit=action == "submit", wanted_ref=wanted_ref(), now=flask.g.now, actor=acting()
        )
    except (InvalidInput, Conflict) as error:
        return _refused(ref, opened, typed, error)
    if action == "submit":
        flask.flash(_("bank.editing.submitted", ref=stored.ref), "ok")
        target = flask.url_for("bank.item", ref=ref, item_ref=stored.ref, version=stored.number)
        return flask.redirect(target, 303)
    outcome = "saved" if stored.is_new else "unchanged"
    return see_other(
        _(f"bank.editing.{outcome}", ref=stored.ref, number=stored.number),
        ".edit",
        ref=ref,
        item_ref=stored.ref,
    )


def _refused(ref: str, opened: OpenedItem, typed: Typed, error: CbtError) -> Reply:
    """Show the editor with what was typed and why it was not stored, or both sides where somebody was quicker."""
    if error.code == "editing.moved_on":
        item_work.keep_work(typed, seen=item_work.ANYWAY, now=flask.g.now, actor=acting())
        flash_refusal(error)
        return flask.redirect(flask.url_for(".compare", ref=ref, item_ref=opened.ref), 303)
    page = _editor(ref, opened, typed.work_ref, data=dict(typed.data), refused=refusal(error))
    return page, refusal(error).code


def _redrawn(ref: str, opened: OpenedItem, typed: Typed, action: str) -> Reply:
    data, focus = changed_parts(dict(typed.data), action, flask.request.form.get("part_type", ""))
    return _editor(ref, opened, typed.work_ref, data=data, spare=action == "more", focus=focus)


def _open(ref: str, item_ref: str, kind: str, work_ref: str) -> OpenedItem:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        if item_ref:
            return item_work.open_item(session, bank.id, item_ref, actor=acting())
        if kind not in AUTHORING:
            raise NotFound("editing.no_type")
        point = flask.request.args.get("point", "")[:20]
        return item_work.open_new(session, bank.id, kind, actor=acting(), work_ref=work_ref, point=point)


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
    bank, taxonomy, feedback = seen_of(ref, opened.ref, shown)
    untouched = data is None and not opened.seen and not opened.ref
    return flask.render_template(
        "bank/editor/_form.html" if wants_partial() else "bank/editor/editor.html",
        bank=bank,
        opened=opened,
        work_ref=work_ref,
        data=shown,
        untouched=untouched,
        notes={} if untouched else feedback.notes,
        paper=feedback.paper,
        keys=feedback.keys,
        errors=feedback.errors,
        hints=feedback.hints,
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


typing_pages = flask.Blueprint("typing", __name__)

MOST_VERSION = 10**9
_WORK = re.compile(r"wk-[a-z0-9]{14}")


@typing_pages.post("/bank/<ref>/editing/<kind>/look")
@access.roles(Role.AUTHOR)
def look(ref: str, kind: str) -> Reply:
    """Answer how an unfinished item looks and what lint says of it; nothing is stored."""
    typed = typed_in(ref, kind)
    feedback = seen_of(ref, typed.item_ref or wanted_ref(), typed.data)[2]
    return flask.jsonify(
        paper=feedback.paper,
        key=flask.render_template("bank/editor/_key.html", keys=feedback.keys),
        tally=flask.render_template("bank/editor/_tally.html", errors=feedback.errors, hints=feedback.hints),
        notes={
            name: flask.render_template("bank/editor/_notes_of.html", notes=notes)
            for name, notes in feedback.notes.items()
        },
    )


@typing_pages.post("/bank/<ref>/editing/<kind>/work")
@access.roles(Role.AUTHOR)
def keep(ref: str, kind: str) -> Reply:
    seen_digest = flask.request.form.get("seen", "")
    kept = item_work.keep_work(typed_in(ref, kind), seen=seen_digest, now=flask.g.now, actor=acting())
    return flask.jsonify(seen=kept)


@typing_pages.post("/bank/<ref>/items/<item_ref>/here")
@access.roles(Role.AUTHOR)
@login.unattended
def here(ref: str, item_ref: str) -> Reply:
    """Note that this page is open, and answer who else is at the item."""
    work_ref = work_ref_of(flask.request.form.get("work_ref", ""))
    present = item_work.be_here(ref, item_ref, work_ref, now=flask.g.now, actor=acting())
    with reading() as session:
        names = actor_names(session, {other.actor for other in present.others})
    base = whole_number(flask.request.form.get("base", ""), most=MOST_VERSION)
    fragment = flask.render_template(
        "bank/editor/_others.html",
        others=present.others,
        names=names,
        current=present.current,
        base=base,
        compare=flask.url_for("bank.editing.compare", ref=ref, item_ref=item_ref) if present.typed else "",
    )
    return flask.jsonify(told=fragment.strip(), current=present.current)


@typing_pages.post("/bank/<ref>/editing/discard")
@access.roles(Role.AUTHOR)
def discard(ref: str) -> Reply:
    """Forget what this author has typed and not saved."""
    form = flask.request.form
    item_ref, kind = form.get("item_ref", ""), form.get("kind", "")
    item_work.discard(bank_ref=ref, item_ref=item_ref, work_ref=form.get("work_ref", ""), actor=acting())
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
            data = item_work.with_pictures_of(session, bank.id, item_ref, base, data, actor=acting())
    return Typed(ref, item_ref, work_ref_of(form.get("work_ref", "")), base, data)


def work_ref_of(text: str) -> str:
    return text if _WORK.fullmatch(text) else new_ref("wk")


def wanted_ref() -> str:
    return flask.request.form.get("ref", "").strip()[:60]


def seen_of(ref: str, item_ref: str, data: Mapping[str, Any]) -> tuple[ItemBank, Taxonomy, EditorPreview]:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        taxonomy = store.taxonomy_of(session, bank)
        judged = judge(session, bank.id, taxonomy, item_ref, data)
    return bank, taxonomy, seen(judged, seed=item_ref)
