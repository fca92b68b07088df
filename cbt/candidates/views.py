"""Pages of the office: a batch, a sitting, roster import, a registration, and what is printed of them."""

from __future__ import annotations

import flask
import flask_babel

from cbt.accounts.approvals.requests import SecondNeeded, SecondPersonTerms
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.candidates import prints, service, store
from cbt.candidates.corrections import Correction, PhotoImport
from cbt.candidates.jobs import PHOTOS, PRINT, READERS, ROSTER, photo_report, photo_report_name
from cbt.candidates.prints import DOCUMENTS, PAGE_SIZE, again_page, choice
from cbt.candidates.roster.export import template
from cbt.candidates.service import (
    Revealed,
    door_state,
    registration_page,
    seated_asked,
    sitting_page,
    wish_for,
)
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.downloads import attachment, picture
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, head_of_page, see_other, uploaded
from cbt.http.partials import Reply
from cbt.imports.direct_import import note
from cbt.jobs import queue
from cbt.jobs.answers import act_answered, file_reply, have_done
from cbt.jobs.registry import JobFile
from cbt.media.intake import redraw
from cbt.personal import DOCUMENT_NAMES, detail_facts, person_details
from cbt.rules.roles import Role
from cbt.sittings.store import second_by_password
from cbt.spreadsheets.findings import counts
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("candidates", __name__)
print_pages = flask.Blueprint("printing", __name__)
pages.add_app_template_global(person_details, "person_details")
pages.add_app_template_global(detail_facts, "detail_facts")
pages.register_blueprint(print_pages)


@pages.get("/office/sittings/<ref>")
@access.roles(*READERS)
def sitting(ref: str) -> Reply:
    """Show a sitting: what is to do next, its rooms, its registrations, fifty at a time."""
    args = flask.request.args
    search = seated_asked(args)
    with reading() as session:
        page = sitting_page(session, ref, search, staffed=args.get("staff", ""))
    return flask.render_template("candidates/sitting.html", page=page, asked=search, door_state=door_state)


@pages.post("/office/sittings/<ref>/photos")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def add_photos(ref: str) -> Reply:
    """Store the photos of a zip and say what became of each file; a large one goes on as a job."""
    name, body = uploaded("photos")
    draft = PhotoImport(now=flask.g.now, actor=acting()).keep(ref, name, body)
    page = flask.url_for("candidates.sitting", ref=ref)
    answered = have_done(PHOTOS, subject=f"sitting:{ref}", page=page, asked={"sitting": ref, "draft": draft})
    if answered.file is not None:
        return _photos_page(ref, answered.file)
    return act_answered(PHOTOS, answered, page)


@pages.get("/office/sittings/<ref>/photos/<job>")
@access.roles(Role.OFFICER)
def photos(ref: str, job: str) -> Reply:
    """Show what became of each file of a zip, as long as the file of its job is kept."""
    made = queue.fetch(job, "json", principal=signed_in(), now=flask.g.now)
    if made.name != photo_report_name(ref):
        raise NotFound("jobs.no_file")
    return _photos_page(ref, made)


def _photos_page(ref: str, made: JobFile) -> Reply:
    name, report = photo_report(made)
    return flask.render_template(
        "candidates/photos.html",
        ref=ref,
        file_name=name,
        report=report,
        counts=counts(report.findings),
        notes=[note(finding) for finding in report.findings],
    )


@pages.post("/office/sittings/<ref>/export")
@access.roles(Role.OFFICER)
@form_on(head_of_page("candidates.sitting"))
def export(ref: str) -> Reply:
    """Send the roster of a sitting as xlsx or csv."""
    form = flask.request.form
    return file_reply(
        ROSTER,
        subject=f"sitting:{ref}",
        sitting=ref,
        reveal=form.get("reveal") == "1",
        reason=form.get("reason", ""),
        csv=form.get("format") == "csv",
    )


@pages.get("/office/roster-template.xlsx")
@access.roles(*READERS)
def roster_template() -> Reply:
    return attachment(template(), XLSX, "roster-template.xlsx")


@pages.get("/office/registrations/<ref>")
@access.roles(*READERS)
def registration(ref: str, refused: Refusal = NOTHING_REFUSED, revealed: Revealed | None = None) -> Reply:
    """Show one registration, numbers masked."""
    with reading() as session:
        shown = registration_page(session, ref, signed_in())
    return form_page(
        "candidates/registration.html",
        refused,
        **shown,
        documents=list(DOCUMENT_NAMES),
        single=[name for name, document in prints.DOCUMENTS.items() if document.single],
        revealed=revealed,
    )


@pages.get("/office/registrations/<ref>/photo")
@access.roles(*READERS, Role.PROCTOR)
def photo(ref: str) -> Reply:
    with reading() as session:
        candidate_photo = store.photo_of(session, store.entry_for(session, ref, signed_in()).candidate.id)
    if candidate_photo is None:
        raise NotFound("photo.none")
    return picture(candidate_photo.mimetype, candidate_photo.image)


@pages.post("/office/registrations/<ref>/reveal")
@access.roles(Role.OFFICER)
@form_on(registration)
def reveal(ref: str) -> Reply:
    """Show the full numbers on this one page; the log keeps who and why."""
    reason = flask.request.form.get("reason", "")
    revealed = service.reveal(ref=ref, reason=reason, principal=signed_in(), now=flask.g.now)
    return registration(ref, NOTHING_REFUSED, revealed)


@pages.post("/office/registrations/<ref>/correct")
@access.roles(Role.OFFICER)
@form_on(registration)
def correct(ref: str) -> Reply:
    """Put a name, number or photo right with evidence (更正记录). Source: R-15."""
    correction, me = _correction(), signed_in()
    with reading() as session:
        entry = store.entry_for(session, ref, me)
        allowed = second_by_password(session, entry.registration.sitting_id)
    try:
        second = typed_second(me, SecondPersonTerms(service.COUNTERSIGNERS), allowed=allowed)
        service.correct(ref=ref, correction=correction, second=second, principal=me, now=flask.g.now)
    except SecondNeeded as needed:
        return ask_for(needed, lambda: wish_for(entry, correction))
    return see_other(flask_babel.gettext("candidates.corrected"), "candidates.registration", ref=ref)


def _correction() -> Correction:
    form = flask.request.form
    number = form.get("document_number", "").strip()
    sent = flask.request.files.get("photo")
    image = sent.read() if sent is not None and sent.filename else b""
    return Correction(
        evidence=form.get("evidence", ""),
        name=form.get("name", "").strip() or None,
        document=(form.get("document_type", ""), number) if number else None,
        photo=redraw(image) if image else None,
    )


@print_pages.get("/office/sittings/<ref>/print")
@access.roles(*READERS)
def choose(ref: str) -> Reply:
    with reading() as session:
        print_choice = choice(session, ref)
    return flask.render_template(
        "candidates/prints/choose.html", found=print_choice, documents=list(DOCUMENTS)
    )


@print_pages.get("/office/sittings/<ref>/print/<document>/<room_ref>.pdf")
@access.roles(*READERS)
def room(ref: str, document: str, room_ref: str) -> Reply:
    _known(document)
    subject = f"sitting_room:{room_ref}"
    return file_reply(PRINT, subject=subject, sitting=ref, room=room_ref, document=document)


@print_pages.get("/office/sittings/<ref>/print/tickets/again.pdf")
@access.roles(Role.OFFICER)
def again(ref: str) -> Reply:
    """Send the tickets of a sitting that were printed before something on them changed, and no others."""
    return file_reply(PRINT, subject=f"sitting:{ref}", sitting=ref, document="tickets")


@print_pages.get("/office/batches/<ref>/print/again")
@access.roles(*READERS)
def again_of_batch(ref: str) -> Reply:
    """List the tickets of a batch that are to be printed again, with one button for each sitting."""
    page = page_of(flask.request.args)
    with reading() as session:
        listing = again_page(session, ref, page=page)
    return flask.render_template(
        "candidates/prints/again.html", found=listing, page=page, pages=-(-listing.total // PAGE_SIZE)
    )


@print_pages.get("/office/registrations/<ref>/print/<document>.pdf")
@access.roles(*READERS)
def person(ref: str, document: str) -> Reply:
    if not _known(document):
        raise NotFound("web.no_page")
    return file_reply(PRINT, subject=f"registration:{ref}", registration=ref, document=document)


def _known(document: str) -> bool:
    """Return whether a document is there for one person, too; raise NotFound where there is none of that name."""
    if document not in DOCUMENTS:
        raise NotFound("web.no_page")
    return DOCUMENTS[document].single
