"""The office's pages of blueprints: the list, one of them, its versions, and its text under the editor."""

from __future__ import annotations

import flask
import flask_babel

from cbt.blueprints.office import form_views, reason_views, service
from cbt.blueprints.office.form_views import editor_page
from cbt.blueprints.office.pages import listed, shown
from cbt.blueprints.office.text_check import CheckedText, checked, text_of
from cbt.blueprints.store import numbered_version
from cbt.blueprints.versions import own_folder, told_faults
from cbt.errors import CbtError, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting
from cbt.http.downloads import attachment
from cbt.http.form_values import one_line, whole_number
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    form_on,
    form_page,
    head_of_page,
    refusal,
    see_other,
    uploaded,
)
from cbt.http.partials import Reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("blueprints", __name__)
pages.register_blueprint(form_views.pages)
pages.register_blueprint(reason_views.pages)

READERS = (Role.OFFICER, Role.AUTHOR, Role.REVIEWER, Role.INSPECTOR, Role.ADMIN)
MOST_REASON = 200
MOST_VERSIONS = 1_000_000


@pages.get("/office/blueprints")
@access.roles(*READERS)
def index(refused: Refusal = NOTHING_REFUSED) -> Reply:
    """List the blueprints in force, and what is wrong with files of the folder."""
    with reading() as session:
        found = listed(session)
    return form_page(
        "blueprints/office/list.html", refused, found=found, faults=told_faults(), folder=own_folder()
    )


@pages.post("/office/blueprints/folder")
@access.roles(Role.OFFICER)
def folder() -> Reply:
    """Take what is new in the files of the folder, as a start does; what is faulty is told on the list."""
    found = service.read_folder(own_folder(), now=flask.g.now, actor=acting())
    bad = sum(one.error is not None for one in found)
    said = flask_babel.gettext("exams.desk.folder_read", count=len(found) - bad, bad=bad)
    flask.flash(said, "warn" if bad else "ok")
    return flask.redirect(flask.url_for("blueprints.index"), 303)


@pages.post("/office/blueprints/file")
@access.roles(Role.OFFICER)
@form_on(index)
def bring() -> Reply:
    """Show the text of a file that is brought under the editor, with everything that is wrong with it."""
    name, body = uploaded("file")
    text = checked(text_of(body, name))
    return editor_page(text, NOTHING_REFUSED)


@pages.get("/office/blueprints/of/<ref>")
@access.roles(*READERS)
def blueprint(ref: str) -> Reply:
    """Show one version of a blueprint: its papers as tables, its versions, and which batch uses which."""
    number = whole_number(flask.request.args.get("version", ""), most=MOST_VERSIONS)
    with reading() as session:
        found = shown(session, ref, number)
    return flask.render_template("blueprints/office/blueprint.html", found=found)


@pages.get("/office/blueprints/of/<ref>/<int:number>.toml")
@access.roles(*READERS)
def source(ref: str, number: int) -> Reply:
    """Send the text of a version as a file."""
    with reading() as session:
        text = numbered_version(session, ref, number).row.source
    return attachment(text.encode(), "application/toml", f"{ref}-{number}.toml")


@pages.get("/office/blueprints/of/<ref>/text")
@access.roles(Role.OFFICER)
def edit(ref: str) -> Reply:
    """Show the text in force under the editor."""
    with reading() as session:
        found = shown(session, ref)
    return editor_page(CheckedText(found.version.row.source, blueprint=found.blueprint), NOTHING_REFUSED)


@pages.post("/office/blueprints/text")
@access.roles(Role.OFFICER)
def text() -> Reply:
    """Check the text under the editor; put it in force where that is asked for and nothing is wrong with it."""
    form = flask.request.form
    sent = CheckedText(form.get("text", ""))
    try:
        sent = checked(sent.text)
        if form.get("act") != "keep":
            return editor_page(sent, NOTHING_REFUSED, checked_now=True)
        if sent.blueprint is None:
            raise InvalidInput("blueprint.not_kept", count=len(sent.findings))
        reason = one_line(form.get("reason", ""), "reason")[:MOST_REASON]
        service.keep(
            sent.blueprint,
            sent.text,
            begun_from=form.get("begun_from", ""),
            reason=reason,
            now=flask.g.now,
            actor=acting(),
        )
    except CbtError as error:
        return editor_page(sent, refusal(error))
    return see_other(
        flask_babel.gettext("exams.desk.kept", ref=sent.blueprint.ref),
        "blueprints.blueprint",
        ref=sent.blueprint.ref,
    )


@pages.post("/office/blueprints/of/<ref>/withdraw")
@access.roles(Role.OFFICER)
@form_on(head_of_page("blueprints.blueprint"))
def withdraw(ref: str) -> Reply:
    """Take a blueprint out of force."""
    service.withdraw(ref, now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("exams.desk.withdrawn_done", ref=ref), "blueprints.blueprint", ref=ref
    )


@pages.post("/office/blueprints/of/<ref>/again")
@access.roles(Role.OFFICER)
@form_on(head_of_page("blueprints.blueprint"))
def again(ref: str) -> Reply:
    """Put a former version in force again."""
    number = whole_number(flask.request.form.get("number", ""), most=MOST_VERSIONS) or 0
    service.use_again(ref, number, reason="", now=flask.g.now, actor=acting())
    return see_other(
        flask_babel.gettext("exams.desk.again_done", number=number), "blueprints.blueprint", ref=ref
    )
