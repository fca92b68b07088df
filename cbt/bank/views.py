"""Pages of the bank room: banks, search, one item. Keys are shown to authors and reviewers only."""

from __future__ import annotations

from typing import Any

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import service, store
from cbt.bank.desk import views as desk_views
from cbt.bank.desk.banks import views as whole_views
from cbt.bank.desk.history import desk_of
from cbt.bank.desk.saying import shown_fields
from cbt.bank.editing import typing_views
from cbt.bank.editing import views as editing_views
from cbt.bank.imports import views as import_views
from cbt.bank.imports.texts import field_label
from cbt.bank.items import catalogue
from cbt.bank.items.catalogue import PAGE_SIZE, Search
from cbt.bank.items.preview import key_lines, preview_paper
from cbt.bank.linting import views as linting_views
from cbt.db.unit_of_work import reading
from cbt.rules.items.values import ItemType
from cbt.rules.roles import Role
from cbt.web.partials import Reply
from cbt.web.texts import page_of, whole_number
from cbt.web.who import access
from cbt.web.who.login import acting, signed_in

pages = flask.Blueprint("bank", __name__)
pages.register_blueprint(import_views.pages)
pages.register_blueprint(desk_views.pages)
pages.register_blueprint(whole_views.pages)
pages.register_blueprint(editing_views.pages)
pages.register_blueprint(typing_views.pages)
pages.register_blueprint(linting_views.pages)

LONGEST_QUERY = 100
MOST_VERSION = 10**9
SEARCHED = ("point", "text", "type", "difficulty")
"""What of an address goes on to the next page of a search; the rest of it could steer how that is built."""


@pages.get("/bank")
@access.roles(Role.AUTHOR, Role.REVIEWER, Role.INSPECTOR)
def banks() -> Reply:
    """List the banks; an inspector sees the counts, not the items."""
    with reading() as session:
        found = catalogue.bank_lines(session)
    may_open = signed_in().has(Role.AUTHOR, Role.REVIEWER)
    return flask.render_template("bank/banks.html", banks=found, may_open=may_open, types=list(ItemType))


@pages.get("/bank/<ref>")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def bank(ref: str) -> Reply:
    """Show the items of a bank that match the search."""
    search = _search()
    asked = _asked()
    with reading() as session:
        found = store.bank_by_ref(session, ref)
        lines, total = catalogue.search_items(session, found.id, search)
        taxonomy = store.taxonomy_of(session, found)
    return flask.render_template(
        "bank/bank.html",
        bank=found,
        lines=lines,
        total=total,
        search=search,
        pages=-(-total // PAGE_SIZE),
        url_of=lambda page: flask.url_for(".bank", ref=ref, **asked, page=page),
        ranges=taxonomy.ranges,
        types=[(kind.value, _(f"bank.type.{kind.value}")) for kind in ItemType],
    )


@pages.get("/bank/<ref>/items/<item_ref>")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def item(ref: str, item_ref: str) -> Reply:
    """Show one item as the candidate meets it, with its key, what people say of it, and its history."""
    number = whole_number(flask.request.args.get("version", ""), most=MOST_VERSION)
    with reading() as session:
        found = store.bank_by_ref(session, ref)
        sheet = catalogue.item_sheet(session, found.id, item_ref, number=number)
        desk = desk_of(session, sheet.item)
        names = actor_names(session, {version.actor for version in sheet.versions})
    service.key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/items/item.html",
        bank=found,
        item_ref=item_ref,
        sheet=sheet,
        desk=desk,
        fields={"": "", **shown_fields(sheet.text)},
        field_label=field_label,
        actor=acting(),
        names=names,
        paper=preview_paper(sheet.content, seed=item_ref),
        keys=key_lines(sheet.content),
    )


def _asked() -> dict[str, Any]:
    """Return what of the address is the search; any other name would be one of `url_for` itself."""
    return {name: flask.request.args[name] for name in SEARCHED if name in flask.request.args}


def _search() -> Search:
    """Read the search from the address; what makes no sense there means everything."""
    args = flask.request.args
    kind = args.get("type", "")
    difficulty = whole_number(args.get("difficulty", ""), most=5)
    return Search(
        point=args.get("point", "").strip()[:20],
        text=args.get("text", "").strip()[:LONGEST_QUERY],
        type=kind if kind in list(ItemType) else "",
        difficulty=difficulty or None,
        page=page_of(args),
    )
