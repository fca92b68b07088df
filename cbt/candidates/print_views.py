"""The page of prints, and the PDF of a room or of one person."""

from __future__ import annotations

import flask

from cbt.candidates.jobs import PRINT, READERS
from cbt.candidates.prints import DOCUMENTS, PAGE_SIZE, again_page, choice
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.form_values import page_of
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("printing", __name__)


@pages.get("/office/sittings/<ref>/print")
@access.roles(*READERS)
def choose(ref: str) -> Reply:
    with reading() as session:
        print_choice = choice(session, ref)
    return flask.render_template(
        "candidates/prints/choose.html", found=print_choice, documents=list(DOCUMENTS)
    )


@pages.get("/office/sittings/<ref>/print/<document>/<room_ref>.pdf")
@access.roles(*READERS)
def room(ref: str, document: str, room_ref: str) -> Reply:
    _known(document)
    subject = f"sitting_room:{room_ref}"
    return file_reply(PRINT, subject=subject, sitting=ref, room=room_ref, document=document)


@pages.get("/office/sittings/<ref>/print/tickets/again.pdf")
@access.roles(Role.OFFICER)
def again(ref: str) -> Reply:
    """Send the tickets of a sitting that were printed before something on them changed, and no others."""
    return file_reply(PRINT, subject=f"sitting:{ref}", sitting=ref, document="tickets")


@pages.get("/office/batches/<ref>/print/again")
@access.roles(*READERS)
def again_of_batch(ref: str) -> Reply:
    """List the tickets of a batch that are to be printed again, with one button for each sitting."""
    page = page_of(flask.request.args)
    with reading() as session:
        listing = again_page(session, ref, page=page)
    return flask.render_template(
        "candidates/prints/again.html", found=listing, page=page, pages=-(-listing.total // PAGE_SIZE)
    )


@pages.get("/office/registrations/<ref>/print/<document>.pdf")
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
