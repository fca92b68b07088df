"""Pages of the bank room: banks, search, one item. Keys are shown to authors and reviewers only."""

from __future__ import annotations

from collections.abc import Sequence

import flask
from flask_babel import gettext as _

from cbt.accounts.models import Staff
from cbt.accounts.store import actor_names, staff_with_roles
from cbt.bank import catalogue, export_views, media_views, service, store
from cbt.bank.banks import views as whole_views
from cbt.bank.catalogue import point_counts, tree_of
from cbt.bank.editor import live_views
from cbt.bank.editor import views as editing_views
from cbt.bank.imports import views as import_views
from cbt.bank.lint import views as linting_views
from cbt.bank.review import bulk_views, queue_views
from cbt.bank.review import views as desk_views
from cbt.bank.review.fields import shown_fields
from cbt.bank.review.history import desk_of
from cbt.bank.search import ALL_STATES, MOST_COUNTED, PAGE_SIZE, asked_for, named_by, search_items
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import whole_number
from cbt.http.partials import Reply
from cbt.items.finding_texts import field_label
from cbt.items.preview import key_lines, preview_paper
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.rules.states.item import ItemState
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("bank", __name__)
pages.register_blueprint(import_views.pages)
pages.register_blueprint(export_views.pages)
pages.register_blueprint(desk_views.pages)
pages.register_blueprint(whole_views.pages)
pages.register_blueprint(queue_views.pages)
pages.register_blueprint(bulk_views.pages)
pages.register_blueprint(editing_views.pages)
pages.register_blueprint(live_views.pages)
pages.register_blueprint(linting_views.pages)
pages.register_blueprint(media_views.pages)

MOST_VERSION = 10**9
AT = "AT-POINT"
"""What stands for a point in an address of a search, so that a tree of hundreds needs one address made."""


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
    """Show the items of a bank that match the search, beside the tree of its points."""
    asked = asked_for(flask.request.args, acting())
    with reading() as session:
        found = store.bank_by_ref(session, ref)
        lines, total = search_items(session, found.id, asked.search)
        tree = tree_of(store.taxonomy_of(session, found), point_counts(session, found.id))
        staff = staff_with_roles(session, [Role.AUTHOR, Role.REVIEWER])
        names = actor_names(session, {one for line in lines for one in (line.reviewer, line.author)})
    return flask.render_template(
        "bank/bank.html",
        bank=found,
        lines=lines,
        total=min(total, MOST_COUNTED) if asked.search.text else total,
        more=bool(asked.search.text) and total > MOST_COUNTED,
        search=asked.search,
        asked=asked.kept,
        pages=-(-(min(total, MOST_COUNTED) if asked.search.text else total) // PAGE_SIZE),
        url_of=lambda page: flask.url_for(".bank", ref=ref, **asked.kept, page=page),
        at_point=flask.url_for(".bank", ref=ref, **{**asked.kept, "point": AT}),
        at=AT,
        tree=tree,
        names=names,
        authors=[*_with(staff, Role.AUTHOR), ("cli", _("accounts.actor.cli"))],
        reviewers=_with(staff, Role.REVIEWER),
        types=[(kind.value, _(f"bank.type.{kind.value}")) for kind in ItemType],
        states=[
            *((state.value, _(f"bank.state.{state.value}")) for state in ItemState),
            (ALL_STATES, _("bank.state.all")),
        ],
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
        named = [one for one in named_by(session, found.id, item_ref) if one not in sheet.content.enemies]
        names = actor_names(session, {version.actor for version in sheet.versions})
    service.key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/catalogue/item.html",
        bank=found,
        item_ref=item_ref,
        sheet=sheet,
        desk=desk,
        enemies=[*((one, False) for one in sheet.content.enemies), *((one, True) for one in named)],
        fields={"": "", **shown_fields(sheet.text)},
        field_label=field_label,
        actor=acting(),
        names=names,
        paper=preview_paper(sheet.content, seed=item_ref),
        keys=key_lines(sheet.content),
    )


def _with(staff: Sequence[Staff], role: Role) -> list[tuple[str, str]]:
    """Return those of some people who hold a role, as choices of a form."""
    return [
        (f"staff:{one.ref}", one.name) for one in staff if role.value in {held.role for held in one.roles}
    ]
