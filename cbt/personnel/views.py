"""Pages of many accounts at once: a list is brought, looked at and confirmed; passwords go out on slips."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.accounts.navigation import role_names
from cbt.accounts.passwords import ONE_TIME_LASTS
from cbt.accounts.staff import state_of
from cbt.accounts.store import actor_names
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment
from cbt.http.form_posts import idempotency
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_refusal, refusal, uploaded
from cbt.http.i18n import local_text
from cbt.http.partials import Reply, page_before
from cbt.imports.direct_import import note
from cbt.imports.machine import FINDINGS, MARKED, ImportStanding
from cbt.imports.views import ImportPages
from cbt.jobs.answers import file_reply
from cbt.personnel import staff_import
from cbt.personnel.jobs import MARKED_LIST
from cbt.personnel.models import STAFF_FILES, StaffCheck
from cbt.personnel.slips import SLIPS, holders_of, sign_in_address
from cbt.personnel.staff_import import (
    MAKERS,
    MOST_BYTES,
    PEOPLE,
    STAFF_LISTS,
    NewAccount,
    StaffList,
    staff_template,
)
from cbt.rules.roles import Role
from cbt.spreadsheets.file_checks import shown, whole
from cbt.spreadsheets.findings import Finding, Severity
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("personnel", __name__)
pages.add_app_template_global(lambda: flask.url_for("accounts.sign_in", _external=True), "sign_in_address")


@pages.get("/staff/lists")
@access.roles(*MAKERS)
def upload(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show where a list is brought, and the latest by which accounts came."""
    maker = signed_in()
    with reading() as session:
        owner_id = STAFF_LISTS.owner_id(session, maker.subject_ref)
        waiting = [_standing_of(check) for check in STAFF_LISTS.waiting(session, owner_id)]
        lists = staff_import.lists_of(session, made_by="" if maker.has(Role.ADMIN) else acting())
        names = actor_names(session, {line.made_by for line in lists})
    page = flask.render_template(
        "personnel/upload.html",
        refused=refused,
        waiting=waiting,
        lists=lists,
        names=names,
        me=maker.subject_ref,
    )
    return page, refused.code


@pages.get("/staff/lists/template.xlsx")
@access.roles(*MAKERS)
def template() -> Reply:
    """Send an empty list."""
    return attachment(staff_template(), XLSX, f"{_('personnel.template.file')}.xlsx")


@pages.post("/staff/lists")
@access.roles(*MAKERS)
def take() -> Reply:
    """Keep a list for its check and go there."""
    owner_ref = signed_in().subject_ref
    try:
        name, body = uploaded("file", most=MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise InvalidInput("personnel.too_big", field="file", most=MOST_BYTES // 1024 // 1024)
        draft = staff_import.keep(
            owner_ref=owner_ref, file_name=name, body=body, locale=str(get_locale()), now=flask.g.now,
            actor=acting(),
        )  # fmt: skip
    except (InvalidInput, Conflict) as error:
        return upload(refusal(error))
    return FILES.back(owner_ref, draft)


@pages.get("/staff/lists/<ref>/files/<draft>/marked.xlsx")
@access.roles(*MAKERS)
def marked(ref: str, draft: str) -> Reply:
    return file_reply(MARKED_LIST, subject=f"staff:{ref}", draft=draft)


def _standing_of(check: StaffCheck) -> ImportStanding:
    with reading() as session:
        return ImportStanding(**STAFF_LISTS.standing(session, check))


def _standing(ref: str, draft: str) -> ImportStanding:
    with reading() as session:
        return ImportStanding(
            **STAFF_LISTS.standing(session, STAFF_LISTS.own(session, ref, draft, actor=acting()))
        )


def _dry_run(ref: str, draft: str, refused: Refusal) -> Reply:
    """Show what a list would do: the accounts, and what keeps rows out."""
    args = flask.request.args
    kind = args.get("kind", "")
    page, people_page = (max(args.get(name, 1, int), 1) for name in ("page", "people"))
    with reading() as session:
        check = STAFF_LISTS.own(session, ref, draft, actor=acting())
        standing = ImportStanding(**STAFF_LISTS.standing(session, check))
        summary = STAFF_LISTS.summary_of(session, check)
        stretch = shown(summary.kinds, kind)
        findings = STAFF_FILES.lines_of(session, check, FINDINGS, stretch, page, Finding)
        people = STAFF_FILES.lines_of(session, check, PEOPLE, summary.people, people_page, NewAccount)
        has_copy = bool(STAFF_FILES.part_numbers(session, check, MARKED))
    sheet = flask.render_template(
        "personnel/check.html",
        **FILES.frame(standing, refused),
        summary=summary,
        hints=summary.of(Severity.HINT),
        people=[(account, role_names(frozenset(account.roles))) for account in people],
        people_page=people_page,
        notes=[note(whole(finding)) for finding in findings],
        kinds=[(kind, note(whole(kind.first))) for kind in summary.kinds],
        kind=kind,
        page=page,
        shown=stretch,
        marked=has_copy,
        me=ref,
        url=FILES.looking(ref, draft, kind=kind, page=page, people=people_page),
    )
    return sheet, refused.code


def _confirm(ref: str, draft: str) -> None:
    """Have all accounts of a list be made, or those of its good rows."""
    partial = flask.request.form.get("rows") == "good"
    staff_import.confirm(owner_ref=ref, ref=draft, partial=partial, now=flask.g.now, actor=acting())


def _stored(standing: ImportStanding) -> Reply:
    flask.flash(_("personnel.stored", count=standing.total), "ok")
    return flask.redirect(flask.url_for("personnel.of_list", list_ref=standing.ref), 303)


def _forget(ref: str, draft: str) -> Reply:
    try:
        STAFF_LISTS.cancel(ref, draft, now=flask.g.now, actor=acting())
    except CbtError as error:
        flash_refusal(error)
        return FILES.back(ref, draft)
    flask.flash(_("personnel.dropped"), "message")
    return flask.redirect(flask.url_for("personnel.upload"), 303)


def _crumbs(_standing: ImportStanding) -> list[tuple[str, str]]:
    return [*_way(), (flask.url_for("personnel.upload"), _("personnel.title"))]


def _way() -> list[tuple[str, str]]:
    """Return the page from which somebody comes: of all staff, or of the units."""
    if signed_in().has(Role.ADMIN):
        return [(flask.url_for("accounts.people"), _("accounts.place.people"))]
    return [(flask.url_for("enrolment.units.units"), _("accounts.place.units"))]


FILES = ImportPages(
    kind=STAFF_LISTS,
    blueprint=pages,
    url_prefix="/staff/lists/<ref>/files/<draft>",
    dropping="drop",
    roles=MAKERS,
    texts="personnel.progress",
    steps=("personnel.step.file", "personnel.step.check", "personnel.step.done"),
    other_file="personnel.other_file",
    drop="personnel.drop",
    again=frozenset({"personnel.changed", "personnel.check_died", "personnel.check_broken"}),
    standing=_standing,
    dry_run=_dry_run,
    confirm=_confirm,
    stored=_stored,
    forget=_forget,
    crumbs=_crumbs,
)
FILES.register()


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account that came by a workbook, as its page shows it."""

    ref: str
    name: str
    login: str
    what: str
    state: str
    """As `state_of` says."""
    until: str
    """Until when the one-time password works; "" for none."""


@pages.get("/staff/lists/of/<list_ref>")
@access.roles(*MAKERS)
def of_list(list_ref: str) -> Reply:
    """Show the accounts that came by a workbook: whose password is still to be given out, and the way back."""
    whole_list = _own_list(list_ref)
    with reading() as session:
        lines = [
            ListedAccount(
                account.ref,
                account.name,
                account.login,
                role_names(frozenset(row.role for row in account.roles)),
                state_of(account),
                local_text(account.password_issued_at + ONE_TIME_LASTS)
                if account.password_issued_at is not None and account.must_change_password
                else "",
            )
            for account in staff_import.accounts_by_list(session, list_ref)
        ]
        made_by = actor_names(session, {whole_list.made_by}).get(whole_list.made_by, "")
    return flask.render_template(
        "personnel/list.html", list=whole_list, lines=lines, made_by=made_by, crumbs=_crumbs_of_list()
    )


def _crumbs_of_list() -> list[tuple[str, str]]:
    return [*_way(), (flask.url_for("personnel.upload"), _("personnel.title"))]


def _own_list(list_ref: str) -> StaffList:
    """Return a list to an administrator, or to whoever brought it; raise NotFound("personnel.no_list")."""
    made_by = "" if signed_in().has(Role.ADMIN) else acting()
    with reading() as session:
        lists = staff_import.lists_of(session, made_by=made_by, ref=list_ref)
    if not lists:
        raise NotFound("personnel.no_list")
    return lists[0]


@pages.post("/staff/lists/of/<list_ref>/take-back")
@access.roles(*MAKERS)
def take_back(list_ref: str) -> Reply:
    """Delete the accounts of a workbook that nobody has used."""
    _own_list(list_ref)
    gone, left = staff_import.take_back_list(list_ref, now=flask.g.now, actor=acting())
    flask.flash(_("personnel.taken_back", count=gone), "ok")
    if left:
        flask.flash(_("personnel.taken_back.left", count=left), "warn")
        return flask.redirect(flask.url_for(".of_list", list_ref=list_ref), 303)
    return flask.redirect(flask.url_for(".upload"), 303)


@pages.post("/staff/slips")
@access.roles(*MAKERS)
def slips() -> Reply:
    """Give out one-time passwords to those who were ticked, and send their slips, this once."""
    back = page_before(flask.request) or flask.url_for("accounts.home")
    refs = flask.request.form.getlist("who")
    try:
        address = sign_in_address(flask.request.form.get("address", ""))
        with reading() as session:
            holders_of(session, refs, by=signed_in())
        idempotency.leads_to(back)  # who sends the form again finds the way to other passwords
        return file_reply(SLIPS, subject=f"staff:{signed_in().subject_ref}", who=refs, address=address)
    except (InvalidInput, Conflict) as error:
        flash_refusal(error)
        return flask.redirect(back, 303)
