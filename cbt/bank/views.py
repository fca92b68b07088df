"""Pages of the bank room: banks, search, one item, its media, exports, lint."""

from __future__ import annotations

from collections.abc import Sequence

import flask
from flask_babel import gettext as _

from cbt.accounts.models import Staff
from cbt.accounts.store import actor_names, staff_with_roles
from cbt.bank import catalogue, exports, service, store
from cbt.bank.banks import views as whole_views
from cbt.bank.catalogue import point_counts, tree_of
from cbt.bank.editor import views as editor_views
from cbt.bank.exports import field_name, left_line
from cbt.bank.imports import views as import_views
from cbt.bank.item_figures import doubted_items, record_page, records_of
from cbt.bank.jobs import EXPORT
from cbt.bank.lint.job import LINT, LintStanding, lint_standing
from cbt.bank.lint.page import lint_page
from cbt.bank.review import views as review_views
from cbt.bank.review.desk import desk_of
from cbt.bank.review.fields import shown_fields
from cbt.bank.search import ALL_STATES, MOST_COUNTED, PAGE_SIZE, asked_for, named_by, search_items
from cbt.errors import Conflict, NotFound
from cbt.http.auth import access, login
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import unchanging
from cbt.http.form_values import whole_number
from cbt.http.forms import uploaded
from cbt.http.partials import Reply, wants_partial
from cbt.interchange import registry
from cbt.items import media_store
from cbt.items.finding_texts import field_label
from cbt.items.media import NAME, SCHEME, address, is_sound
from cbt.items.preview import key_lines, preview_paper
from cbt.jobs.answers import file_reply, have_done
from cbt.rules.items.content import ItemType
from cbt.rules.roles import Role
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading

MOST_DOUBTED = 50
"""So many items that their use speaks against stand on the page of checks, the first by their numbers."""
export_pages = flask.Blueprint("exports", __name__)

MOST = 5_000
"""So many items go out while somebody waits for the page; more are for the command."""
USUAL = "common"


@export_pages.get("/bank/<ref>/export")
@access.roles(Role.AUTHOR)
def choose(ref: str) -> Reply:
    """Show the forms, and what the chosen one cannot hold of this bank."""
    form, drawn = _asked(flask.request.args)
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
    outlook = exports.outlook(bank_ref=ref, form=form, drawn=drawn)
    return flask.render_template(
        "bank/exports/export.html",
        bank=bank,
        form=form,
        drawn=drawn,
        forms=[(name, _(f"bank.export.form.{name}")) for name in registry.out_forms()],
        found=outlook,
        fields=[(field_name(name), count) for name, count in outlook.fields.items()],
        lines=[left_line(one) for one in outlook.shown],
        most=MOST,
    )


@export_pages.post("/bank/<ref>/export", endpoint="send")
@access.roles(Role.AUTHOR)
def send_export(ref: str) -> Reply:
    """Send the bank in the chosen form; raise Conflict("bank.export_long") for one that takes too long."""
    form, drawn = _asked(flask.request.form)
    if exports.size_of(bank_ref=ref, drawn=drawn) > MOST:
        raise Conflict("bank.export_long", ref=ref, form=form, most=MOST)
    return file_reply(EXPORT, subject=f"item_bank:{ref}", bank=ref, form=form, drawn=drawn)


def _asked(values: dict[str, str]) -> tuple[str, bool]:
    form = values.get("form", USUAL)
    return (form if form in registry.out_forms() else USUAL), values.get("drawn") == "1"


media_pages = flask.Blueprint("media", __name__)


@media_pages.get("/item-media/<name>", endpoint="send")
@access.signed_in
@login.unattended
def send_medium(name: str) -> Reply:
    """Send a picture or a sound; what a name means never changes, so a browser asks once."""
    if not NAME.fullmatch(name):
        raise NotFound("media.unknown")
    with reading() as session:
        mimetype, body = media_store.sent(session, name)
    return unchanging(mimetype, body)


@media_pages.post("/bank/<ref>/media")
@access.roles(Role.AUTHOR)
def bring(ref: str) -> Reply:
    """Take in a picture or a sound, and answer what texts call it."""
    _name, body = uploaded("file", "media.no_file")
    medium = service.bring(body, bank_ref=ref, now=flask.g.now, actor=acting())
    return flask.jsonify(
        reference=f"{SCHEME}{medium.name}",
        address=address(medium.name),
        sound=is_sound(medium.name),
        size=[medium.width, medium.height],
        seconds=medium.seconds,
    )


lint_pages = flask.Blueprint("linting", __name__)


@lint_pages.get("/bank/<ref>/lint")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def lint(ref: str) -> Reply:
    """Show what lint says of a bank; findings quote keys, so that they were seen is on record."""
    standing = lint_standing(ref=ref)
    if standing.working:
        standing = _newer(standing)
    if standing.working and wants_partial():
        return "", 204
    report = standing.report
    if report is not None:
        service.key_view(act="bank.view_keys", subject=f"item_bank:{ref}", actor=acting(), now=flask.g.now)
    with reading() as session:
        bank_id = store.bank_by_ref(session, ref).id
        doubted, doubted_count = doubted_items(session, bank_id, most=MOST_DOUBTED)
    return flask.render_template(
        "bank/lint/_lint.html" if wants_partial() else "bank/lint/lint.html",
        standing=standing,
        report=report,
        page=lint_page(report) if report is not None else None,
        doubted=doubted,
        doubted_count=doubted_count,
    )


def _newer(standing: LintStanding) -> LintStanding:
    """Have the lint be worked out; return it once it is there, within a moment, else the one of before."""
    asked = {"bank": standing.ref, "mark": standing.mark}
    page = flask.url_for("bank.linting.lint", ref=standing.ref)
    patience = 0.0 if wants_partial() else None  # the page asks again by itself
    subject = f"item_bank:{standing.ref}"
    answered = have_done(LINT, subject=subject, page=page, asked=asked, patience=patience, here=False)
    return standing if answered.goes_on else lint_standing(ref=standing.ref)


pages = flask.Blueprint("bank", __name__)
pages.register_blueprint(import_views.pages)
pages.register_blueprint(export_pages)
pages.register_blueprint(review_views.pages)
pages.register_blueprint(whole_views.pages)
pages.register_blueprint(review_views.queue_pages)
pages.register_blueprint(review_views.bulk_pages)
pages.register_blueprint(editor_views.pages)
pages.register_blueprint(editor_views.typing_pages)
pages.register_blueprint(lint_pages)
pages.register_blueprint(media_pages)

MOST_VERSION = 10**9
AT = "AT-POINT"
"""What stands for a point in an address of a search, so that a tree of hundreds needs one address made."""


@pages.get("/bank")
@access.roles(Role.AUTHOR, Role.REVIEWER, Role.INSPECTOR)
def banks() -> Reply:
    """List the banks; an inspector sees the counts, not the items."""
    with reading() as session:
        lines = catalogue.bank_lines(session)
    may_open = signed_in().has(Role.AUTHOR, Role.REVIEWER)
    return flask.render_template("bank/banks.html", banks=lines, may_open=may_open, types=list(ItemType))


@pages.get("/bank/<ref>")
@access.roles(Role.AUTHOR, Role.REVIEWER)
def bank(ref: str) -> Reply:
    """Show the items of a bank that match the search, beside the tree of its points."""
    search = asked_for(flask.request.args, acting())
    with reading() as session:
        item_bank = store.bank_by_ref(session, ref)
        lines, total = search_items(session, item_bank.id, search.search)
        tree = tree_of(store.taxonomy_of(session, item_bank), point_counts(session, item_bank.id))
        staff = staff_with_roles(session, [Role.AUTHOR, Role.REVIEWER])
        names = actor_names(session, {one for line in lines for one in (line.reviewer, line.author)})
        records = records_of(session, item_bank.id, [line.ref for line in lines])
    return flask.render_template(
        "bank/bank.html",
        bank=item_bank,
        is_sample=item_bank.ref in store.sample_banks(),
        lines=lines,
        records=records,
        total=min(total, MOST_COUNTED) if search.search.text else total,
        more=bool(search.search.text) and total > MOST_COUNTED,
        search=search.search,
        asked=search.kept,
        pages=-(-(min(total, MOST_COUNTED) if search.search.text else total) // PAGE_SIZE),
        url_of=lambda page: flask.url_for(".bank", ref=ref, **search.kept, page=page),
        at_point=flask.url_for(".bank", ref=ref, **{**search.kept, "point": AT}),
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
        item_bank = store.bank_by_ref(session, ref)
        sheet = catalogue.item_sheet(session, item_bank.id, item_ref, number=number)
        desk = desk_of(session, sheet.item)
        named = [one for one in named_by(session, item_bank.id, item_ref) if one not in sheet.content.enemies]
        names = actor_names(session, {version.actor for version in sheet.versions})
        record = record_page(session, sheet.item.id)
    service.key_view(act="item.view_key", subject=f"item:{item_ref}", actor=acting(), now=flask.g.now)
    return flask.render_template(
        "bank/catalogue/item.html",
        bank=item_bank,
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
        record=record,
    )


def _with(staff: Sequence[Staff], role: Role) -> list[tuple[str, str]]:
    return [
        (f"staff:{one.ref}", one.name) for one in staff if role.value in {held.role for held in one.roles}
    ]
