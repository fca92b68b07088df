"""Pages of an import: upload, dry run, the marked workbook, confirm, undo."""

from __future__ import annotations

from pathlib import PurePath

import flask
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import service, store
from cbt.bank.formats import registry
from cbt.bank.imports.review import Review
from cbt.bank.imports.texts import field_label, note
from cbt.bank.items import catalogue
from cbt.db.unit_of_work import reading
from cbt.errors import InvalidInput, NotFound
from cbt.rules.roles import Role
from cbt.sheets.findings import Severity
from cbt.sheets.writing import XLSX
from cbt.web.downloads import attachment
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal, uploaded
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting

pages = flask.Blueprint("imports", __name__)

MOST_SHOWN = 300
READERS = (Role.AUTHOR, Role.REVIEWER)


@pages.get("/bank/template.xlsx")
@access.roles(*READERS)
def template() -> Reply:
    """Send the empty workbook."""
    return _workbook(registry.template_for("template.xlsx"), _("bank.template.file"))


@pages.get("/bank/<ref>/import")
@access.roles(*READERS)
def upload(ref: str) -> Reply:
    """Show the upload form and the imports so far."""
    return _upload_page(ref, NOTHING_REFUSED)


@pages.post("/bank/<ref>/import")
@access.roles(Role.AUTHOR)
def keep(ref: str) -> Reply:
    """Keep the uploaded file for its dry run and go there."""
    try:
        path, content = uploaded("file", "bank.no_file")
        name = PurePath(path.replace("\\", "/")).name[:200]
        draft_ref = service.keep_draft(
            bank_ref=ref, file_name=name, content=content, now=flask.g.now, actor=acting()
        )
    except InvalidInput as error:
        return _upload_page(ref, refusal(error))
    return flask.redirect(flask.url_for(".check", ref=ref, draft_ref=draft_ref), 303)


def _upload_page(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        runs = catalogue.import_runs(session, bank.id)
        names = actor_names(session, {run.actor for run in runs})
    page = flask.render_template(
        "bank/imports/upload.html",
        bank=bank,
        runs=runs,
        names=names,
        refused=refused,
        endings=registry.file_endings(),
    )
    return page, refused.code


@pages.get("/bank/<ref>/import/<draft_ref>")
@access.roles(Role.AUTHOR)
def check(ref: str, draft_ref: str) -> Reply:
    """Show the dry run: counts, columns, and every finding with its place and remedy."""
    made = _review(ref, draft_ref)[0]
    order = (Severity.ERROR, Severity.HINT, Severity.FIXED)
    findings = [found for severity in order for found in made.of(severity)]
    return flask.render_template(
        "bank/imports/check.html",
        bank_ref=ref,
        bank_name=made.taxonomy.name,
        draft_ref=draft_ref,
        made=made,
        markable=registry.format_of(made.reading).mark is not None,
        notes=[note(found) for found in findings[:MOST_SHOWN]],
        more=max(len(findings) - MOST_SHOWN, 0),
        fixed=len(made.of(Severity.FIXED)),
        hints=len(made.of(Severity.HINT)),
        field_label=field_label,
    )


@pages.get("/bank/<ref>/import/<draft_ref>/marked.xlsx")
@access.roles(Role.AUTHOR)
def marked(ref: str, draft_ref: str) -> Reply:
    """Send the author's workbook with its findings marked; NotFound where its format has no way to."""
    made, content = _review(ref, draft_ref)
    mark = registry.format_of(made.reading).mark
    if mark is None:
        raise NotFound("bank.not_marked")
    stem = PurePath(made.reading.file_name).stem
    return _workbook(mark(content, made.findings), _("bank.marked.file", name=stem))


@pages.post("/bank/<ref>/import/<draft_ref>")
@access.roles(Role.AUTHOR)
def confirm(ref: str, draft_ref: str) -> Reply:
    """Store what has no error, and say what was stored."""
    run = service.confirm_draft(bank_ref=ref, draft_ref=draft_ref, now=flask.g.now, actor=acting())
    flask.flash(_("bank.import.done", added=run.added, changed=run.changed, skipped=run.skipped), "ok")
    return flask.redirect(flask.url_for(".upload", ref=ref), 303)


@pages.post("/bank/<ref>/import/<draft_ref>/cancel")
@access.roles(Role.AUTHOR)
def cancel(ref: str, draft_ref: str) -> Reply:
    """Forget the uploaded file."""
    service.cancel_draft(draft_ref=draft_ref, actor=acting())
    flask.flash(_("bank.import.cancelled"), "message")
    return flask.redirect(flask.url_for(".upload", ref=ref), 303)


@pages.post("/bank/<ref>/imports/<run_ref>/undo")
@access.roles(Role.AUTHOR)
def undo(ref: str, run_ref: str) -> Reply:
    """Take one import back."""
    done = service.undo(bank_ref=ref, run_ref=run_ref, now=flask.g.now, actor=acting())
    said = _("bank.import.undone", withdrawn=done.withdrawn, returned=done.returned, kept=done.kept)
    flask.flash(said, "ok")
    return flask.redirect(flask.url_for(".upload", ref=ref), 303)


def _review(ref: str, draft_ref: str) -> tuple[Review, bytes]:
    found = service.review_draft(bank_ref=ref, draft_ref=draft_ref, actor=acting())
    service.key_view(act="bank.view_keys", subject=f"item_bank:{ref}", actor=acting(), now=flask.g.now)
    return found


def _workbook(content: bytes, name: str) -> flask.Response:
    return attachment(content, XLSX, name)
