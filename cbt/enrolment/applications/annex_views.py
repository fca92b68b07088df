"""The forms of an application's people as PDF: one address for each, of both sides."""

from __future__ import annotations

import flask
import flask_babel

from cbt.enrolment.applications.annexes import print_form
from cbt.enrolment.applications.views import ApplicationSide, application, page
from cbt.errors import Conflict
from cbt.http.downloads import attachment
from cbt.http.forms import form_on
from cbt.http.partials import Reply
from cbt.printing.pdf import PDF, pdf


@form_on(application, Conflict)
def print_people(side: ApplicationSide, ref: str, document: str) -> Reply:
    """Send a form, filled with what is known of the chosen people, or of everybody."""
    printed = print_form(ref, document, flask.request.form.getlist("people"), side.applying())
    language = str(flask_babel.get_locale())
    made = pdf(document, printed.data, language=language, photos=printed.photos)
    return attachment(made, PDF, f"{printed.data['title']}-{ref}.pdf")


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(print_people, "/<ref>/print/<document>", method="POST")
