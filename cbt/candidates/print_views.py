"""The page of prints, and the PDF of a room or of one person."""

from __future__ import annotations

import flask
import flask_babel

from cbt.candidates.prints import (
    DOCUMENTS,
    PAGE_SIZE,
    Occasion,
    again_page,
    choice,
    note_print,
    of_again,
    of_person,
    of_room,
    photo_name,
)
from cbt.errors import NotFound
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf, qr_drawing
from cbt.rules.roles import Role
from cbt.sittings.store import printed_purpose
from cbt.storage.unit_of_work import reading

pages = flask.Blueprint("printing", __name__)

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


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
    with reading() as session:
        occasion = of_room(session, ref, room_ref)
    return _sent(document, occasion, f"{occasion.sitting.name}-{occasion.room}", f"sitting_room:{room_ref}")


@pages.get("/office/sittings/<ref>/print/tickets/again.pdf")
@access.roles(Role.OFFICER)
def again(ref: str) -> Reply:
    """Send the tickets of a sitting that were printed before something on them changed, and no others."""
    with reading() as session:
        occasion = of_again(session, ref)
    name = f"{occasion.sitting.name}-{flask_babel.gettext('candidates.reprint.name')}"
    return _sent("tickets", occasion, name, occasion.sitting.logged_as)


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
    with reading() as session:
        occasion = of_person(session, ref, signed_in())
    return _sent(document, occasion, occasion.entries[0].ticket.number, f"registration:{ref}")


def _known(document: str) -> bool:
    """Return whether a document is there for one person, too; raise NotFound where there is none of that name."""
    if document not in DOCUMENTS:
        raise NotFound("web.no_page")
    return DOCUMENTS[document].single


def _sent(document: str, occasion: Occasion, what_for: str, subject: str) -> flask.Response:
    kind = DOCUMENTS[document]
    # A ticket holds all papers of a batch, and says at each what it is held for.
    purpose = "" if document == "tickets" else printed_purpose(occasion.sitting.purpose)
    made = pdf(
        document,
        {**kind.gather(occasion), "purpose": purpose},
        language=str(flask_babel.get_locale()),
        photos={photo_name(who): image for who, image in occasion.photos.items()} if kind.photos else None,
        drawings={f"{one.number}.svg": qr_drawing(one.number) for one in occasion.tickets}
        if kind.qr
        else None,
    )
    note_print(document, occasion, subject=subject, principal=signed_in(), now=flask.g.now)
    title = flask_babel.gettext(f"candidates.print.{document}")
    return attachment(made, PDF, f"{title}-{what_for}.pdf")
