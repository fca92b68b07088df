"""Photos and scans of an application's people: addresses of both sides; their page shows them."""

from __future__ import annotations

import flask
import flask_babel

from cbt.enrolment.applications import attachments, store
from cbt.enrolment.applications.attachments import photo_of_applicant
from cbt.enrolment.applications.people_views import person
from cbt.enrolment.applications.views import ApplicationSide, page
from cbt.http.downloads import attachment, picture
from cbt.http.forms import form_on, uploaded, uploaded_files
from cbt.http.partials import Reply
from cbt.media.pictures import JPEG, MOST_LARGE
from cbt.storage.unit_of_work import reading

_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


def photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Send the photo of somebody whose page may be seen."""
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=side.unit_id())
        image = photo_of_applicant(session, store.applicant_by_ref(session, application, person_ref))
    return picture(JPEG, image)


@form_on(person)
def put_photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Set somebody's photo."""
    _name, body = uploaded("photo", most=MOST_LARGE)
    attachments.put_photo(ref, person_ref, body, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.photo.put"))


@form_on(person)
def remove_photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Take somebody's photo off."""
    attachments.remove_photo(ref, person_ref, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.photo.removed"))


@form_on(person)
def attach_scans(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Attach scans of a piece of evidence."""
    bodies = [body for _name, body in uploaded_files("file")]
    proof = flask.request.form.get("proof", "")
    count = attachments.attach_scans(ref, person_ref, proof, bodies, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.scans.attached", count=count))


def read_scan(side: ApplicationSide, ref: str, person_ref: str, scan_ref: str) -> Reply:
    """Send a scan to be saved."""
    found = attachments.read_scan(ref, person_ref, scan_ref, side.applying())
    name = f"{flask_babel.gettext('enrolment.proof.' + found.proof)}-{person_ref}.{_ENDINGS[found.mimetype]}"
    return attachment(found.body, found.mimetype, name)


@form_on(person)
def remove_scan(side: ApplicationSide, ref: str, person_ref: str, scan_ref: str) -> Reply:
    """Take a scan off."""
    attachments.remove_scan(ref, person_ref, scan_ref, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.scans.removed"))


def _back(side: ApplicationSide, ref: str, person_ref: str, said: str) -> Reply:
    return side.see_other(said, "person", ref=ref, person_ref=person_ref)


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(photo, "/<ref>/people/<person_ref>/photo", to_read=True)
    page(put_photo, "/<ref>/people/<person_ref>/photo", method="POST")
    page(remove_photo, "/<ref>/people/<person_ref>/photo/remove", method="POST")
    page(attach_scans, "/<ref>/people/<person_ref>/scans", method="POST")
    page(read_scan, "/<ref>/people/<person_ref>/scans/<scan_ref>", method="POST")
    page(remove_scan, "/<ref>/people/<person_ref>/scans/<scan_ref>/remove", method="POST")
