"""Pages of the roster of a batch: bring a file, say how it is read and spread, see its findings, import it."""

from __future__ import annotations

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.batches.jobs import MARKED_ROSTER, ROSTER
from cbt.batches.roster import desk as sheets
from cbt.batches.roster import roster_import
from cbt.batches.roster.desk import LookedAt, RosterStanding
from cbt.batches.roster.findings import note
from cbt.batches.roster.plan import RosterTerms, terms_of
from cbt.batches.roster.roster_import import BROUGHT
from cbt.candidates.roster.tables import COLUMNS
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.forms import NOTHING_REFUSED, Refusal, flash_done, flash_refusal, refusal, uploaded
from cbt.http.partials import Reply
from cbt.imports.column_map import hands_of_form
from cbt.imports.views import ImportPages
from cbt.jobs.answers import file_reply
from cbt.rules.planning.distribution import Fill, Units
from cbt.rules.roles import Role
from cbt.sittings.store import sitting_by_ref
from cbt.spreadsheets.file_checks import whole
from cbt.spreadsheets.findings import Severity
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("roster", __name__)


@pages.get("/office/sittings/<ref>/roster")
@access.roles(Role.OFFICER)
def of_sitting(ref: str) -> Reply:
    with reading() as session:
        batch = sheets.batch_of_sitting(session, sitting_by_ref(session, ref))
    return flask.redirect(flask.url_for(".upload", ref=batch, sitting=ref), 303)


@pages.get("/office/batches/<ref>/roster")
@access.roles(Role.OFFICER)
def upload(ref: str) -> Reply:
    return _upload_page(ref, flask.request.args.get("sitting", ""), NOTHING_REFUSED)


def _upload_page(ref: str, sitting: str, refused: Refusal) -> Reply:
    with reading() as session:
        desk = sheets.desk_of(session, ref, sitting, actor=acting())
    return flask.render_template("batches/roster/upload.html", desk=desk, refused=refused), refused.code


@pages.post("/office/batches/<ref>/roster")
@access.roles(Role.OFFICER)
def take(ref: str) -> Reply:
    """Keep a roster for its check and go there."""
    sitting = flask.request.form.get("sitting", "")
    try:
        name, body = uploaded("file")
        draft = roster_import.keep(
            batch_ref=ref,
            sitting_ref=sitting,
            file_name=name,
            body=body,
            locale=str(get_locale()),
            now=flask.g.now,
            actor=acting(),
        )
    except (InvalidInput, Conflict) as error:
        return _upload_page(ref, sitting, refusal(error))
    return FILES.back(ref, draft)


@pages.post("/office/batches/<ref>/roster/<draft>/plan")
@access.roles(Role.OFFICER)
def plan(ref: str, draft: str) -> Reply:
    roster_import.plan_again(batch_ref=ref, ref=draft, terms=_terms(), now=flask.g.now, actor=acting())
    return FILES.back(ref, draft)


@pages.post("/office/batches/<ref>/roster/<draft>/columns")
@access.roles(Role.OFFICER)
def columns(ref: str, draft: str) -> Reply:
    with reading() as session:
        layouts = sheets.sheet_of(session, ref, draft, LookedAt(), actor=acting()).summary.layouts
    hands = hands_of_form(flask.request.form, layouts)
    roster_import.read_again(batch_ref=ref, ref=draft, hands=hands, now=flask.g.now, actor=acting())
    return FILES.back(ref, draft)


@pages.get("/office/batches/<ref>/roster/<draft>/marked.xlsx")
@access.roles(Role.OFFICER)
def marked(ref: str, draft: str) -> Reply:
    return file_reply(MARKED_ROSTER, subject=f"batch:{ref}", batch=ref, draft=draft)


@pages.post("/office/batches/<ref>/roster/export")
@access.roles(Role.OFFICER)
def export(ref: str) -> Reply:
    """Send everybody of a batch as a workbook."""
    try:
        reason = flask.request.form.get("reason", "")
        return file_reply(ROSTER, subject=f"batch:{ref}", batch=ref, reason=reason)
    except InvalidInput as error:
        return _upload_page(ref, "", refusal(error))


def _standing(ref: str, draft: str) -> RosterStanding:
    with reading() as session:
        return sheets.standing_of(session, ref, draft, actor=acting())


def _sheet_page(ref: str, draft: str, refused: Refusal) -> Reply:
    with reading() as session:
        sheet = sheets.sheet_of(session, ref, draft, _looked(), actor=acting())
    summary = sheet.summary
    looked, sitting = sheet.looked, sheet.standing.sitting
    parts = {"room": looked.room, "seats": looked.seats_page, "changes": looked.changes_page}
    lead = _("batches.roster.only", sitting=sitting.name) if sitting is not None else ""
    if sheet.standing.application is not None:
        lead = _("batches.roster.applied", batch=sheet.standing.batch.name)
    page = flask.render_template(
        "batches/roster/check.html",
        sheet=sheet,
        summary=summary,
        **FILES.frame(sheet.standing, refused, lead=lead),
        terms=sheet.terms,
        notes=[note(whole(found)) for found in sheet.findings],
        kinds=[(kind, note(whole(kind.first))) for kind in summary.kinds],
        titles={name: _(f"candidates.column.{name}") for name in COLUMNS.by_name},
        marked=sheet.marked,
        hints=summary.of(Severity.HINT),
        url=FILES.looking(ref, draft, kind=looked.kind, page=looked.page, **parts),
    )
    return page, refused.code


def _looked() -> LookedAt:
    args = flask.request.args
    return LookedAt(
        kind=args.get("kind", ""),
        page=max(args.get("page", 1, int), 1),
        room=args.get("room", ""),
        seats_page=max(args.get("seats", 1, int), 1),
        changes_page=max(args.get("changes", 1, int), 1),
    )


def _terms() -> RosterTerms:
    sent = flask.request.form
    offered, taken = sent.getlist("offered"), set(sent.getlist("takes"))
    return RosterTerms(
        level_together="level_together" in sent,
        units=next((one for one in Units if one.value == sent.get("units")), Units.ANY),
        fill=next((one for one in Fill if one.value == sent.get("fill")), Fill.IN_ORDER),
        halves="halves" in sent,
        closed=[name for name in offered if name not in taken],
    )


def _after(standing: RosterStanding) -> str:
    if standing.application is not None:
        return flask.url_for("enrolment.applications.application", ref=standing.application.ref)
    if standing.sitting is not None:
        return flask.url_for("candidates.sitting", ref=standing.sitting.ref)
    return flask.url_for("batches.checklist.batch", ref=standing.batch.ref)


def _confirm(ref: str, draft: str) -> None:
    """Have all of a file be imported, or what has no errors."""
    partial = flask.request.form.get("rows") == "good"
    roster_import.confirm(batch_ref=ref, ref=draft, partial=partial, now=flask.g.now, actor=acting())


def _imported(standing: RosterStanding) -> Reply:
    people = flask.url_for("batches.people.people", ref=standing.batch.ref)
    links = [(people, _("batches.roster.imported.people"))]
    if standing.application is not None or standing.sitting is not None:
        batch = flask.url_for("batches.checklist.batch", ref=standing.batch.ref)
        links.append((batch, _("batches.roster.imported.batch", batch=standing.batch.name)))
    flash_done(_("batches.roster.imported", count=standing.total), *links)
    return flask.redirect(_after(standing), 303)


def _forget(ref: str, draft: str) -> Reply:
    try:
        check = BROUGHT.cancel(ref, draft, now=flask.g.now, actor=acting())
    except CbtError as error:
        flash_refusal(error)
        return FILES.back(ref, draft)
    flask.flash(_("batches.roster.dropped"), "message")
    applied = terms_of(check.asked).application if check is not None else ""
    if applied:
        return flask.redirect(flask.url_for("enrolment.applications.application", ref=applied), 303)
    return flask.redirect(flask.url_for(".upload", ref=ref), 303)


def _crumbs(standing: RosterStanding) -> list[tuple[str, str]]:
    batch, applied = standing.batch, standing.application
    if applied is not None:
        return [
            (flask.url_for("enrolment.applications.applications"), _("enrolment.applications.title")),
            (
                flask.url_for("enrolment.applications.application", ref=applied.ref),
                _("enrolment.application.title", number=applied.ref),
            ),
        ]
    return [
        (flask.url_for("sittings.batches"), _("sittings.batches.title")),
        (flask.url_for("batches.checklist.batch", ref=batch.ref), batch.name),
        (flask.url_for("batches.roster.upload", ref=batch.ref), _("batches.roster.title")),
    ]


FILES = ImportPages(
    kind=BROUGHT,
    blueprint=pages,
    url_prefix="/office/batches/<ref>/roster/<draft>",
    dropping="drop",
    roles=(Role.OFFICER,),
    texts="batches.roster.progress",
    steps=("batches.roster.step.file", "batches.roster.step.check", "batches.roster.step.done"),
    other_file="candidates.roster.again",
    drop="batches.roster.drop",
    again=frozenset({"roster.changed", "roster.check_died", "roster.check_broken"}),
    standing=_standing,
    dry_run=_sheet_page,
    confirm=_confirm,
    stored=_imported,
    forget=_forget,
    crumbs=_crumbs,
)
FILES.register()
