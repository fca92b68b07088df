"""Views of applications from two sides: the office, and the unit's own people, who see theirs alone.

Both have the same pages under another address. What a clerk is shown or does begins at `own_unit` (R-70).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Any

import flask
import flask_babel

from cbt.blueprints.store import blueprint_of, blueprints_of, current_versions
from cbt.enrolment.applications import application as applying
from cbt.enrolment.applications import store
from cbt.enrolment.applications.application import ApplicationForm, Applying
from cbt.enrolment.applications.pages import application_details
from cbt.enrolment.jobs import TAKE_STEP
from cbt.enrolment.models import MemberUnit
from cbt.enrolment.office_decisions import holidays_of
from cbt.enrolment.units import own_unit, unit_by_ref
from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import Principal, acting, signed_in
from cbt.http.form_values import asked_text, page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, see_other, typed_form
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply
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
