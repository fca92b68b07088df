"""Pages of the people of an application: their form, what the conditions say, evidence, decisions."""

from __future__ import annotations

from collections.abc import Mapping

import flask
import flask_babel

from cbt.enrolment.applications import application as applying
from cbt.enrolment.applications import decision, people, store
from cbt.enrolment.applications.attachments import may_attach
from cbt.enrolment.applications.decision import check_proofs
from cbt.enrolment.applications.pages import applicant_details
from cbt.enrolment.applications.person import CHOICES, FACTS, LEVELS, answer_of, judged, read_facts
from cbt.enrolment.applications.views import OFFICE, ApplicationSide, application, page
from cbt.enrolment.office_decisions import level_of
from cbt.errors import CbtError, InvalidInput
from cbt.http.form_values import whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.rules.door.admission import DOCUMENT_TYPES
from cbt.storage.unit_of_work import reading

_WORDS = {"documents": DOCUMENT_TYPES, "choices": CHOICES, "levels": LEVELS, "facts": FACTS}


def new_person(side: ApplicationSide, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the empty form of somebody."""
    today = local_day(flask.g.now)
    with reading() as session:
        application = applying.editable(session, ref, side.applying(), changing=False)
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
        answer = answer_of(_readable(flask.request.args), application, blueprint, today=today)
    return flask.render_template(
        "enrolment/applications/_answer.html", answer=answer, conditions=judged(answer, blueprint)
    )


def person(side: ApplicationSide, ref: str, person_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show somebody: the form while it may be written in, else what it says, evidence and decision."""
    with reading() as session:
        found = applicant_details(
            session, ref, person_ref, unit_id=side.unit_id(), today=local_day(flask.g.now)
        )
    known = {"name": found.person.name, "document_type": found.person.document_type}
    known |= {"gender": found.person.gender, "kind": found.person.kind, "phone": found.phone or ""}
    return form_page(
        "enrolment/applications/person.html",
        refused,
        side=side,
        found=found,
        may=side.may_write(),
        attaching=side.may_write() and may_attach(found.application, by_unit=side.by_unit),
        told=refused.sent if "kind" in refused.sent else known | (found.told or {}),
        chosen=refused.sent.getlist("papers") if "kind" in refused.sent else found.person.papers.split(","),
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
    """Take somebody out of an application."""
    people.remove_person(ref, person_ref, side.applying())
    return side.see_other(flask_babel.gettext("enrolment.person.removed"), "application", ref=ref)


def decide(side: ApplicationSide, ref: str) -> Reply:
    """Accept or refuse the people who are chosen."""
    form = flask.request.form
    back = form.get("person", "")
    try:
        count = decision.decide(
            ref,
            form.getlist("people"),
            verdict=form.get("verdict", ""),
            condition=whole_number(form.get("condition", ""), most=99),
            reason=form.get("reason", ""),
            who=side.applying(),
        )
    except CbtError as error:
        refused = refusal(error)
        return person(side, ref, back, refused) if back else application(side, ref, refused)
    flask.flash(flask_babel.gettext("enrolment.decided", count=count), "ok")
    if back:
        return flask.redirect(side.url("person", ref=ref, person_ref=back), 303)
    return flask.redirect(side.url("application", ref=ref), 303)


@form_on(person)
def proofs(side: ApplicationSide, ref: str, person_ref: str) -> Reply:
    """Note which evidence of somebody is there, and which was checked."""
    form = flask.request.form
    check_proofs(
        ref,
        person_ref,
        received=form.getlist("received"),
        checked=form.getlist("checked"),
        who=side.applying(),
    )
    return side.see_other(
        flask_babel.gettext("enrolment.proofs.saved"), "person", ref=ref, person_ref=person_ref
    )


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(new_person, "/<ref>/people/new")
    page(enter, "/<ref>/people/new", method="POST")
    page(assess, "/<ref>/assess")
    page(person, "/<ref>/people/<person_ref>", to_read=True)
    page(change, "/<ref>/people/<person_ref>", method="POST")
    page(remove, "/<ref>/people/<person_ref>/remove", method="POST")
    page(decide, "/<ref>/decide", method="POST", sides=(OFFICE,))
    page(proofs, "/<ref>/people/<person_ref>/proofs", method="POST", sides=(OFFICE,))
