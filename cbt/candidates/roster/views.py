"""Roster import on pages: choose a file, look at the dry run, confirm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import flask
import flask_babel

from cbt.candidates.roster import commit
from cbt.config import Settings
from cbt.db.unit_of_work import reading
from cbt.errors import CbtError, InvalidInput
from cbt.rules.roles import Role
from cbt.sheets.findings import Finding, Note, Severity
from cbt.sittings.models import Batch
from cbt.sittings.store import rooms_of_sitting, seat_counts, sitting_by_ref
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal, uploaded
from cbt.web.i18n import explain
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import acting

pages = flask.Blueprint("roster", __name__)


def blueprint_folder() -> Path:
    """Return the folder of the blueprint files of this installation."""
    return cast(Settings, flask.current_app.extensions["cbt_settings"]).blueprint_dir


def told(findings: Sequence[Finding]) -> list[Note]:
    """Return findings as people read them."""
    return [
        Note(
            found.severity,
            flask_babel.gettext(
                f"candidates.roster.{'stop' if found.severity is Severity.ERROR else 'hint'}"
            ),
            found.place,
            found.value,
            *explain(InvalidInput(found.code, **found.params)),
        )
        for found in findings
    ]


@pages.get("/office/sittings/<ref>/roster")
@access.roles(Role.OFFICER)
def upload(ref: str) -> Reply:
    """Show where to choose a roster file."""
    return _upload_page(ref, NOTHING_REFUSED)


def _upload_page(ref: str, refused: Refusal) -> Reply:
    with reading() as session:
        sitting = sitting_by_ref(session, ref)
        batch = session.get_one(Batch, sitting.batch_id)
        rooms = rooms_of_sitting(session, sitting.id)
        seats = seat_counts(session, [view.room.id for view in rooms])
    page = flask.render_template(
        "candidates/roster/upload.html",
        sitting=sitting,
        batch=batch,
        rooms=rooms,
        seats=seats,
        refused=refused,
    )
    return page, refused.code


@pages.post("/office/sittings/<ref>/roster")
@access.roles(Role.OFFICER)
def take(ref: str) -> Reply:
    """Keep a roster file as a draft and go to its dry run."""
    try:
        name, body = uploaded("file")
        commit.dry_run(sitting_ref=ref, file_name=name, body=body, folder=blueprint_folder())
        draft = commit.save_draft(sitting_ref=ref, file_name=name, body=body, now=flask.g.now, actor=acting())
    except CbtError as error:
        return _upload_page(ref, refusal(error))
    return flask.redirect(flask.url_for("candidates.roster.check", ref=ref, draft=draft), 303)


@pages.get("/office/sittings/<ref>/roster/<draft>")
@access.roles(Role.OFFICER)
def check(ref: str, draft: str) -> Reply:
    """Show the dry run of a draft: every problem at once, and what the import would do."""
    return _check_page(ref, draft, NOTHING_REFUSED)


def _check_page(ref: str, draft: str, refused: Refusal) -> Reply:
    name, body = commit.open_draft(sitting_ref=ref, ref=draft, actor=acting())
    checked = commit.dry_run(sitting_ref=ref, file_name=name, body=body, folder=blueprint_folder())
    with reading() as session:
        batch = session.get_one(Batch, checked.sitting.batch_id)
    page = flask.render_template(
        "candidates/roster/check.html",
        checked=checked,
        batch=batch,
        draft=draft,
        problems=told([*checked.plan.stops, *checked.plan.hints]),
        refused=refused,
    )
    return page, refused.code


@pages.post("/office/sittings/<ref>/roster/<draft>/confirm")
@access.roles(Role.OFFICER)
def confirm(ref: str, draft: str) -> Reply:
    """Import a draft, all of it or nothing."""
    name, body = commit.open_draft(sitting_ref=ref, ref=draft, actor=acting())
    try:
        done = commit.import_roster(
            sitting_ref=ref,
            file_name=name,
            body=body,
            folder=blueprint_folder(),
            now=flask.g.now,
            actor=acting(),
            draft_ref=draft,
        )
    except CbtError as error:
        return _check_page(ref, draft, refusal(error))
    flask.flash(flask_babel.gettext("candidates.roster.imported", count=len(done.plan.placements)), "ok")
    return flask.redirect(flask.url_for("candidates.sitting", ref=ref), 303)


@pages.post("/office/sittings/<ref>/roster/<draft>/drop")
@access.roles(Role.OFFICER)
def drop(ref: str, draft: str) -> Reply:
    """Forget a draft."""
    commit.drop_draft(ref=draft, actor=acting())
    return flask.redirect(flask.url_for("candidates.roster.upload", ref=ref), 303)
