"""Views of applications and their people from two sides: the office, and the unit's own, who see theirs alone.

Both have the same pages under another address. What a clerk is shown or does begins at `own_unit` (R-70).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial, update_wrapper
from typing import Any

import flask
import flask_babel

from cbt.blueprints.store import blueprint_of, blueprints_of, current_versions
from cbt.enrolment.applications import application as application_service
from cbt.enrolment.applications import application as applying
from cbt.enrolment.applications import attachments, people, store
from cbt.enrolment.applications.application import ApplicantVerdict, ApplicationForm, Applying, check_proofs
from cbt.enrolment.applications.attachments import may_attach, photo_of_applicant
from cbt.enrolment.applications.pages import applicant_details, application_details
from cbt.enrolment.applications.person import CHOICES, FACTS, LEVELS, answer_of, judged, read_facts
from cbt.enrolment.jobs import DECIDE, FORMS, TAKE_STEP
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.office_decisions import holidays_of, level_of
from cbt.enrolment.units import own_unit, unit_by_ref
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting, signed_in
from cbt.http.downloads import attachment, picture
from cbt.http.form_values import asked_text, page_of, whole_number
from cbt.http.forms import (
    NOTHING_REFUSED,
    Refusal,
    form_on,
    form_page,
    refusal,
    see_other,
    typed_form,
    uploaded,
    uploaded_files,
)
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply, file_reply
from cbt.media.intake import JPEG, MOST_LARGE
from cbt.rules.door import DOCUMENT_TYPES
from cbt.rules.roles import Role
from cbt.rules.states import BY_UNIT, ApplicationEvent, ApplicationState
from cbt.storage.unit_of_work import reading


@dataclass(frozen=True, slots=True)
class ApplicationSide:
    """A side: the blueprint of its pages, who may act and who may look."""

    pages: flask.Blueprint
    writers: tuple[Role, ...]
    readers: tuple[Role, ...]

    @property
    def by_unit(self) -> bool:
        return self is OWN

    def url(self, page: str, /, **values: Any) -> str:
        return flask.url_for(self._endpoint(page), **values)

    def see_other(self, message: str, page: str, /, **values: Any) -> Reply:
        """Lead on from a form that was taken, to one of its pages."""
        return see_other(message, self._endpoint(page), **values)

    def _endpoint(self, page: str) -> str:
        return f"enrolment.{self.pages.name}.{page}"

    def may_write(self) -> bool:
        return signed_in().has(*self.writers)

    def applying(self) -> Applying:
        """Return who acts; raise NotFound("unit.none_of_yours") for a clerk without a unit."""
        return Applying(acting(), flask.g.now, local_day(flask.g.now), self.unit_id())

    def unit_id(self) -> int | None:
        """Return whose applications are seen: a clerk's own unit's, None for everybody's."""
        if not self.by_unit:
            return None
        with reading() as session:
            return own_unit(session, signed_in().subject_id).id

    def unit(self, unit_ref: str) -> MemberUnit:
        """Return the unit that a new application is of: a clerk's own, else the one that is asked for."""
        with reading() as session:
            if self.by_unit:
                return own_unit(session, signed_in().subject_id)
            return unit_by_ref(session, unit_ref)


OFFICE = ApplicationSide(
    flask.Blueprint("applications", __name__, url_prefix="/office/applications"),
    (Role.OFFICER,),
    (Role.OFFICER, Role.INSPECTOR, Role.ADMIN),
)
OWN = ApplicationSide(
    flask.Blueprint("own_applications", __name__, url_prefix="/unit/applications"),
    (Role.UNIT_CLERK,),
    (Role.UNIT_CLERK,),
)
BOTH = (OFFICE, OWN)


def page(
    view: Callable[..., Reply],
    rule: str,
    *,
    method: str = "GET",
    to_read: bool = False,
    sides: tuple[ApplicationSide, ...] = BOTH,
) -> None:
    """Have a view, which is told the side, answer at an address of each side, to who may look or may act there."""
    for side in sides:
        bound = partial(view, side)
        update_wrapper(bound, view)
        admitted = access.roles(*(side.readers if to_read else side.writers))(bound)
        side.pages.add_url_rule(rule, view.__name__, admitted, methods=[method])


WAITING = {True: ("draft", "returned"), False: ("submitted", "accepted")}
"""In which states it is the turn of a unit's own people, and of the office."""


def applications(side: ApplicationSide) -> Reply:
    """List the applications of a state."""
    args = flask.request.args
    with reading() as session:
        listing = store.application_page(
            session,
            unit_id=side.unit_id(),
            state=args.get("state", ""),
            text=asked_text(args),
            page=page_of(args),
        )
        levels = blueprints_of(session, [one.application.blueprint_version_id for one in listing.lines])

    def title(state: str, count: int) -> str:
        if (
            state == ApplicationState.SCHEDULED
        ):  # not all of these need be 已安排: their people may lack a roster
            label = "enrolment.applications.tab.scheduled"
        else:
            label = f"rules.application.state.{state}" if state else "enrolment.applications.all"
        name = flask_babel.gettext(label)
        return str(flask_babel.gettext("enrolment.applications.tab", state=name, count=count))

    kinds = listing.tabs(
        lambda state: side.url("applications", state=state or None, q=listing.text or None), title
    )
    return flask.render_template(
        "enrolment/applications/applications.html", side=side, found=listing, levels=levels, kinds=kinds
    )


def new(side: ApplicationSide) -> Reply:
    args = flask.request.args
    fields = {"preferred_on": args.get("day", ""), "blueprint": args.get("level", "")}
    return _form_page(side, side.unit(args.get("unit", "")).ref, NOTHING_REFUSED, fields=fields)


def make(side: ApplicationSide) -> Reply:
    """Draft an application and go to it."""
    unit = side.unit(flask.request.form.get("unit", "")).ref
    try:
        ref = applying.make_application(unit, typed_form(ApplicationForm), side.applying())
    except CbtError as error:
        return _form_page(side, unit, refusal(error))
    return side.see_other(flask_babel.gettext("enrolment.application.made"), "application", ref=ref)


def edit(side: ApplicationSide, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the form of an application that may be written in."""
    with reading() as session:
        unit_application = applying.editable(session, ref, side.applying(), changing=False)
        unit = unit_application.unit_id
        fields = {
            "blueprint": store.version_ref(session, unit_application),
            "preferred_on": flask.request.args.get("day", "") or unit_application.preferred_on.isoformat(),
            "note": unit_application.note,
        }
        unit_ref = store.unit_of(session, unit).ref
    return _form_page(side, unit_ref, refused, fields=fields, ref=ref)


@form_on(edit)
def save(side: ApplicationSide, ref: str) -> Reply:
    applying.change_application(ref, typed_form(ApplicationForm), side.applying())
    return side.see_other(flask_babel.gettext("enrolment.application.saved"), "application", ref=ref)


def _form_page(
    side: ApplicationSide,
    unit_ref: str,
    refused: Refusal,
    *,
    fields: Mapping[str, str] | None = None,
    ref: str = "",
) -> Reply:
    today = local_day(flask.g.now)
    with reading() as session:
        levels = [blueprint_of(session, row.id) for row in current_versions(session)]
        holidays = holidays_of(session)
    return form_page(
        "enrolment/applications/form.html",
        refused,
        side=side,
        unit=side.unit(unit_ref),
        ref=ref,
        levels=levels,
        earliest=[applying.earliest_day(one, today, holidays) for one in levels],
        told=refused.sent or fields or {},
    )


def application(side: ApplicationSide, ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show an application: who it is for, what may be done next, who did what."""
    with reading() as session:
        details = application_details(
            session, ref, unit_id=side.unit_id(), by_unit=side.by_unit, today=local_day(flask.g.now)
        )
    return form_page(
        "enrolment/applications/application.html", refused, side=side, found=details, may=side.may_write()
    )


@form_on(application)
def step(side: ApplicationSide, ref: str, event: str) -> Reply:
    """Take an application one step on."""
    form, by = flask.request.form, side.applying()
    application_event = _event(side, event)
    if application_event is ApplicationEvent.SUBMIT:
        applying.submit(ref, late_reason=form.get("late_reason", ""), by=by)
    elif application_event is ApplicationEvent.WITHDRAW:
        applying.withdraw(ref, words=form.get("words", ""), by=by)
    else:
        return act_reply(
            TAKE_STEP,
            subject=f"unit_application:{ref}",
            page=side.url("application", ref=ref),
            application=ref,
            event=event,
            words=form.get("words", ""),
        )
    return side.see_other(flask_babel.gettext(f"enrolment.done.{event}"), "application", ref=ref)


def _event(side: ApplicationSide, event: str) -> ApplicationEvent:
    """Return what is asked for; raise InvalidInput("web.bad_request") for what nobody, or no clerk, may do."""
    if event not in set(ApplicationEvent) or (side.by_unit and event not in BY_UNIT):
        raise InvalidInput("web.bad_request")
    return ApplicationEvent(event)


def applications_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page about applications in which it is this person's turn; None for others."""
    side = OWN if Role.UNIT_CLERK in principal.roles else OFFICE
    if not principal.has(*side.writers):
        return None
    try:
        unit_id = side.unit_id()
    except NotFound:
        return None  # a clerk of no unit
    with reading() as session:
        lines = store.waiting(session, unit_id=unit_id, states=WAITING[side.by_unit])
    if not lines and not side.by_unit:
        return None
    return "enrolment/applications/_home.html", {"side": side, "lines": lines}


def add_pages() -> None:
    """Have these views answer at their addresses."""
    page(applications, "", to_read=True)
    page(new, "/new")
    page(make, "/new", method="POST")
    page(application, "/<ref>", to_read=True)
    page(edit, "/<ref>/edit")
    page(save, "/<ref>/edit", method="POST")
    page(step, "/<ref>/steps/<event>", method="POST")


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


def add_people_pages() -> None:
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
