"""Pages of the imports of a bank: bring files, see what was stored, take it back."""

from __future__ import annotations

import flask
from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.accounts.store import actor_names
from cbt.bank import catalogue, service, store
from cbt.bank.imports import check_views as checks
from cbt.bank.imports import service as checks_service
from cbt.bank.imports.worker import BANKS
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal, uploaded_files
from cbt.http.partials import Reply
from cbt.interchange import registry
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("imports", __name__)
pages.register_blueprint(checks.pages)

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
    """Keep what was brought for its check and go there."""
    try:
        draft_ref = checks_service.keep(
            bank_ref=ref,
            files=uploaded_files("file", "folder"),
            locale=str(get_locale()),
            now=flask.g.now,
            actor=acting(),
        )
    except (InvalidInput, Conflict) as error:
        return _upload_page(ref, refusal(error))
    return flask.redirect(flask.url_for(".checks.check", ref=ref, draft_ref=draft_ref), 303)


def _upload_page(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        bank = store.bank_by_ref(session, ref)
        runs = catalogue.import_runs(session, bank.id)
        names = actor_names(session, {run.actor for run in runs})
        waiting = [one for one in BANKS.waiting(session, bank.id) if one.actor == acting()]
    page = flask.render_template(
        "bank/imports/upload.html",
        bank=bank,
        runs=runs,
        waiting=waiting,
        names=names,
        refused=refused,
        endings=[*registry.file_endings(), ".zip"],
    )
    return page, refused.code


@pages.post("/bank/<ref>/imports/<run_ref>/undo")
@access.roles(Role.AUTHOR)
def undo(ref: str, run_ref: str) -> Reply:
    """Take one import back."""
    done = service.undo(bank_ref=ref, run_ref=run_ref, now=flask.g.now, actor=acting())
    said = _("bank.import.undone", withdrawn=done.withdrawn, returned=done.returned, kept=done.kept)
    flask.flash(said, "ok")
    return flask.redirect(flask.url_for(".upload", ref=ref), 303)


def _workbook(content: bytes, name: str) -> flask.Response:
    return attachment(content, XLSX, name)
