"""Pages of an application's people: form, conditions, evidence, decisions, attachments, annexes as PDF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import flask
import flask_babel

from cbt.enrolment.applications import application as application_service
from cbt.enrolment.applications import attachments, people, store
from cbt.enrolment.applications.application import ApplicantVerdict, check_proofs
from cbt.enrolment.applications.attachments import may_attach, photo_of_applicant
from cbt.enrolment.applications.pages import applicant_details
from cbt.enrolment.applications.person import CHOICES, FACTS, LEVELS, answer_of, judged, read_facts
from cbt.enrolment.applications.views import OFFICE, ApplicationSide, application, page
from cbt.enrolment.jobs import DECIDE, FORMS
from cbt.enrolment.office_decisions import level_of
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.downloads import attachment, picture
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, uploaded, uploaded_files
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.media.intake import JPEG, MOST_LARGE
from cbt.rules.door import DOCUMENT_TYPES
from cbt.storage.unit_of_work import reading

_WORDS = {"documents": DOCUMENT_TYPES, "choices": CHOICES, "levels": LEVELS, "facts": FACTS}


def new_person(side: ApplicationSide, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the empty form of somebody."""
    today = local_day(flask.g.now)
    with reading() as session:
        application = application_service.editable(session, ref, side.applying(), changing=False)
        blueprint = level_of(session, application.blueprint_version_id)
        unit = store.unit_of(session, application.unit_id)
        answer = answer_of(_readable(refused.sent), application, blueprint, today=today)
    return form_page(
        "enrolment/applications/new_person.html",
        refused,
        side=side,
        application=application,
        unit=unit,
        blueprint=blueprint,
        answer=answer,
        conditions=judged(answer, blueprint),
        told=refused.sent,
        chosen=refused.sent.getlist("papers") or (list(blueprint.papers) if not refused.sent else []),
        **_WORDS,
    )


@form_on(new_person)
def enter(side: ApplicationSide, ref: str) -> Reply:
    """Enter somebody; `more` leads to the next empty form."""
    form = flask.request.form
    person = people.enter_person(ref, form, form.getlist("papers"), side.applying())
    flask.flash(flask_babel.gettext("enrolment.person.entered"), "ok")
    if "more" in form:
        return flask.redirect(side.url("new_person", ref=ref), 303)
    return flask.redirect(side.url("person", ref=ref, person_ref=person), 303)


def _readable(sent: Mapping[str, str]) -> dict[str, str]:
    """Return what can be read of what is being typed."""
    try:
        return read_facts(sent)
    except InvalidInput as error:
        return read_facts({**sent, str(error.params.get("field", "")): ""}) if "field" in error.params else {}


def assess(side: ApplicationSide, ref: str) -> Reply:
    """Say what the conditions make of what is being typed; nothing is kept."""
    today = local_day(flask.g.now)
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=side.unit_id())
        blueprint = level_of(session, application.blueprint_version_id)
        answer = answer_of(_readable(flask.request.form), application, blueprint, today=today)
    return flask.render_template(
        "enrolment/applications/_answer.html", answer=answer, conditions=judged(answer, blueprint)
    )


def person(side: ApplicationSide, ref: str, person_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show somebody: the form while it may be written in, else what it says, evidence and decision."""
    with reading() as session:
        details = applicant_details(
            session, ref, person_ref, unit_id=side.unit_id(), today=local_day(flask.g.now)
        )
    typed = {"name": details.person.name, "document_type": details.person.document_type}
    typed |= {"gender": details.person.gender, "kind": details.person.kind, "phone": details.phone or ""}
    return form_page(
        "enrolment/applications/person.html",
        refused,
        side=side,
        found=details,
        may=side.may_write(),
        attaching=side.may_write() and may_attach(details.application, by_unit=side.by_unit),
        told=refused.sent if "kind" in refused.sent else typed | (details.told or {}),
        chosen=refused.sent.getlist("papers") if "kind" in refused.sent else details.person.papers.split(","),
        **_WORDS,
    )


@form_on(person)
def change(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Put right what is known of somebody."""
    form = flask.request.form
    people.change_person(ref, person_ref, form, form.getlist("papers"), side.applying())
    return side.see_other(
        flask_babel.gettext("enrolment.person.saved"), "person", ref=ref, person_ref=person_ref
    )


def remove(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    people.remove_person(ref, person_ref, side.applying())
    return side.see_other(flask_babel.gettext("enrolment.person.removed"), "application", ref=ref)


def decide(side: ApplicationSide, ref: str) -> Reply:
    """Accept or refuse the people who are chosen."""
    form = flask.request.form
    back, people = form.get("person", ""), form.getlist("people")
    verdict = ApplicantVerdict(
        form.get("verdict", ""),
        whole_number(form.get("condition", ""), most=99),
        form.get("reason", ""),
        unchecked="unchecked" in form,
    )
    try:
        # Whom it cannot be decided about so is told beside what was ticked, before a job begins.
        application_service.refuse_verdict(ref, people, verdict, side.applying())
        return act_reply(
            DECIDE,
            subject=f"unit_application:{ref}",
            page=side.url("person", ref=ref, person_ref=back) if back else side.url("application", ref=ref),
            application=ref,
            people=people,
            verdict=asdict(verdict),
        )
    except CbtError as error:
        refused = refusal(error)
        return person(side, ref, back, refused) if back else application(side, ref, refused)


@form_on(person)
def proofs(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Note which evidence of somebody is there, and which was checked."""
    form = flask.request.form
    check_proofs(
        ref,
        person_ref,
        received=form.getlist("received"),
        checked=form.getlist("checked"),
        by=side.applying(),
    )
    return side.see_other(
        flask_babel.gettext("enrolment.proofs.saved"), "person", ref=ref, person_ref=person_ref
    )


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(new_person, "/<ref>/people/new")
    page(enter, "/<ref>/people/new", method="POST")
    page(assess, "/<ref>/assess", method="POST")
    page(person, "/<ref>/people/<person_ref>", to_read=True)
    page(change, "/<ref>/people/<person_ref>", method="POST")
    page(remove, "/<ref>/people/<person_ref>/remove", method="POST")
    page(decide, "/<ref>/decide", method="POST", sides=(OFFICE,))
    page(proofs, "/<ref>/people/<person_ref>/proofs", method="POST", sides=(OFFICE,))


_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}


def photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=side.unit_id())
        image = photo_of_applicant(session, store.applicant_by_ref(session, application, person_ref))
    return picture(JPEG, image)


@form_on(person)
def put_photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    _name, body = uploaded("photo", most=MOST_LARGE)
    attachments.put_photo(ref, person_ref, body, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.photo.put"))


@form_on(person)
def remove_photo(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
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
    scan = attachments.read_scan(ref, person_ref, scan_ref, side.applying())
    name = f"{flask_babel.gettext('enrolment.proof.' + scan.proof)}-{person_ref}.{_ENDINGS[scan.mimetype]}"
    return attachment(scan.body, scan.mimetype, name)


@form_on(person)
def remove_scan(side: ApplicationSide, ref: str, person_ref: str, scan_ref: str) -> Reply:
    attachments.remove_scan(ref, person_ref, scan_ref, side.applying())
    return _back(side, ref, person_ref, flask_babel.gettext("enrolment.scans.removed"))


def _back(side: ApplicationSide, ref: str, person_ref: str, message: str) -> Reply:
    return side.see_other(message, "person", ref=ref, person_ref=person_ref)


def add_attachment_pages() -> None:
    page(photo, "/<ref>/people/<person_ref>/photo", to_read=True)
    page(put_photo, "/<ref>/people/<person_ref>/photo", method="POST")
    page(remove_photo, "/<ref>/people/<person_ref>/photo/remove", method="POST")
    page(attach_scans, "/<ref>/people/<person_ref>/scans", method="POST")
    page(read_scan, "/<ref>/people/<person_ref>/scans/<scan_ref>", method="POST")
    page(remove_scan, "/<ref>/people/<person_ref>/scans/<scan_ref>/remove", method="POST")


@form_on(application, Conflict)
def print_people(side: ApplicationSide, ref: str, document: str) -> Reply:
    """Send a form, filled with what is known of the chosen people, or of everybody."""
    return file_reply(
        FORMS,
        subject=f"unit_application:{ref}",
        application=ref,
        document=document,
        people=flask.request.form.getlist("people"),
    )


def add_annex_pages() -> None:
    page(print_people, "/<ref>/print/<document>", method="POST")
