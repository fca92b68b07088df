"""Pages of 考后材料: the papers of a room, as PDF one by one; the rooms of a sitting."""

from __future__ import annotations

import flask
import flask_babel

from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.downloads import attachment
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf
from cbt.proctoring.record.pages import note_print, read_for_print, room_papers, sitting_papers
from cbt.proctoring.record.papers import PAPERS
from cbt.rules.roles import Role
from cbt.sittings.planning.purposes import printed_purpose

pages = flask.Blueprint("record", __name__)

OFFICE = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR, Role.ADMIN)


@pages.get("/proctor/rooms/<room_ref>/record")
@access.roles(Role.PROCTOR, *OFFICE)
def room(room_ref: str) -> Reply:
    """List the papers of a room: which are final, and what the others wait for."""
    found = room_papers(room_ref, signed_in(), now=flask.g.now)
    return flask.render_template("proctoring/record/room.html", found=found, office=signed_in().has(*OFFICE))


@pages.get("/proctor/rooms/<room_ref>/record/<document>.pdf")
@access.roles(Role.PROCTOR, *OFFICE)
def document(room_ref: str, document: str) -> Reply:
    """Send one of a room's papers; one of a room that goes on says on every page that it is a draft."""
    record = read_for_print(document, room_ref, signed_in(), now=flask.g.now)
    kind = PAPERS[document]
    data = {**kind.gather(record), "purpose": printed_purpose(record.board.head.purpose)}
    made = pdf(kind.form, data, language=str(flask_babel.get_locale()))
    note_print(document, record, signed_in(), now=flask.g.now)
    head = record.board.head
    draft = f"-{flask_babel.gettext('record.draft_name')}" if record.draft else ""
    title = flask_babel.gettext(f"candidates.print.{document}")
    return attachment(made, PDF, f"{title}-{head.sitting_name}-{head.room_name}{draft}.pdf")


@pages.get("/office/sittings/<ref>/record")
@access.roles(*OFFICE)
def sitting(ref: str) -> Reply:
    """List the rooms of a sitting whose papers are to be collected."""
    return flask.render_template("proctoring/record/sitting.html", found=sitting_papers(ref))
