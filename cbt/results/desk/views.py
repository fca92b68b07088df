"""Pages of the result desk: a sitting's matrix, a batch with its people, one person's paper, files for others."""

from __future__ import annotations

from typing import Any

import flask

from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import asked_text, page_of, whole_number
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply, have_done
from cbt.results import store
from cbt.results.analysis.scope import scope_of as analysis_scope
from cbt.results.desk import documents
from cbt.results.desk.batch import batch_desk
from cbt.results.desk.dossier import dossier_of, note_opened, saves_page
from cbt.results.desk.jobs import (
    DOSSIER_PRINT,
    FILES,
    KEY_READERS,
    MATRIX,
    READERS,
    facilities_in,
    kept_facilities,
)
from cbt.results.desk.matrix import matrix_of
from cbt.results.desk.scope import Kind, scope_of
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("desk", __name__, url_prefix="/results")


@pages.get("/<sitting_ref>/desk")
@access.roles(*READERS)
def sitting(sitting_ref: str) -> Reply:
    """Show who has which item right, or lead to the job that works out which is easier, and then back here."""
    of = analysis_scope("sitting", sitting_ref)
    facilities = kept_facilities(of, now=flask.g.now)
    args = flask.request.args
    if facilities is None:
        page = flask.url_for("results.desk.sitting", sitting_ref=sitting_ref)
        answered = have_done(MATRIX, subject=of.subject, page=page, asked=of.asked)
        if answered.file is None:
            return flask.redirect(flask.url_for("jobs.job", ref=answered.ref, then=1), 303)
        facilities = facilities_in(answered.file)
    number = whole_number(args.get("paper", ""), most=1000) or 1
    with reading() as session:
        over = store.finished_sitting(session, sitting_ref)
        matrix = matrix_of(
            session,
            over,
            facilities,
            number=number,
            page=page_of(args),
            items=whole_number(args.get("items", ""), most=10_000) or 1,
        )

    def url(**where: Any) -> str:
        told: dict[str, Any] = {"paper": number, "page": page_of(args), "items": args.get("items", 1)} | where
        return flask.url_for("results.desk.sitting", sitting_ref=sitting_ref, **told)

    links = [
        (url(paper=place, page=1, items=1), one.title, place == matrix.number)
        for place, one in enumerate(matrix.papers if matrix else (), 1)
        if matrix
    ]
    return flask.render_template(
        "results/desk/sitting.html",
        sitting=over,
        matrix=matrix,
        links=links,
        people_url=lambda place: url(page=place),
        items_url=lambda place: url(items=place),
    )


@pages.get("/batches/<batch_ref>/desk")
@access.roles(*READERS)
def batch(batch_ref: str) -> Reply:
    """Show the sittings of a batch that are over, and its people."""
    args = flask.request.args
    text = asked_text(args)
    with reading() as session:
        found = batch_desk(session, batch_ref, text=text, page=page_of(args))

    def url(page: int) -> str:
        asked: dict[str, Any] = {"q": text} if text else {}
        return flask.url_for("results.desk.batch", batch_ref=batch_ref, page=page, _anchor="people", **asked)

    return flask.render_template("results/desk/batch.html", found=found, people_url=url)


@pages.get("/papers/<registration_ref>")
@access.roles(*READERS)
def person(registration_ref: str) -> Reply:
    """Show a person's paper with all that its verdict rests on; that somebody looked goes on record first."""
    with_key = signed_in().has(*KEY_READERS)
    note_opened(registration_ref, with_key=with_key, now=flask.g.now, actor=acting())
    with reading() as session:
        found = dossier_of(session, registration_ref)
    return flask.render_template(
        "results/desk/person.html",
        found=found,
        about=documents.about(found),
        basis=documents.basis_of(found),
        with_key=with_key,
    )


@pages.get("/papers/<registration_ref>/journal")
@access.roles(*READERS)
def journal(registration_ref: str) -> Reply:
    """Show the journal of a person's paper: what was saved, in the order it came in."""
    note_opened(registration_ref, with_key=False, now=flask.g.now, actor=acting())
    with reading() as session:
        found = dossier_of(session, registration_ref)
        attempt = found.line.row.attempt
        if attempt is None:
            raise NotFound("desk.no_paper")
        saves = saves_page(session, attempt.id, found.entries, page=page_of(flask.request.args))
    return flask.render_template("results/desk/journal.html", found=found, saves=saves)


@pages.get("/papers/<registration_ref>/print")
@access.roles(*READERS)
def print_person(registration_ref: str) -> Reply:
    """Send the dossier of a person's paper as pages; the job puts it on record."""
    return file_reply(
        DOSSIER_PRINT, subject=f"registration:{registration_ref}", registration=registration_ref
    )


@pages.post("/<sitting_ref>/desk/<form>")
@access.roles(Role.OFFICER)
def sitting_file(sitting_ref: str, form: str) -> Reply:
    """Send a sitting's results as a file for others, or the report of its centre."""
    return _file("sitting", sitting_ref, form)


@pages.post("/batches/<batch_ref>/desk/<form>")
@access.roles(Role.OFFICER)
def batch_file(batch_ref: str, form: str) -> Reply:
    """Send a batch's results as a file for others, or the report of each of its centres."""
    return _file("batch", batch_ref, form)


def _file(kind: Kind, ref: str, form: str) -> Reply:
    with reading() as session:
        scope_of(session, kind, ref)
    if form not in FILES:
        raise NotFound("web.no_page")
    return file_reply(FILES[form], subject=f"{kind}:{ref}", scope=kind, ref=ref)
