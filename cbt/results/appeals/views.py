"""Pages of appeals (成绩复核): the office's desk, and those of the candidate who asks.

Source: R-91.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import flask
from flask_babel import gettext as _

from cbt.candidates.models import Registration
from cbt.errors import CbtError, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import acting, current_principal, signed_in
from cbt.http.auth.machine import current_machine
from cbt.http.downloads import attachment
from cbt.http.form_values import page_of
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, refusal, see_other
from cbt.http.i18n import local_day
from cbt.http.partials import Reply
from cbt.jobs.answers import file_reply
from cbt.printing.pdf import PDF
from cbt.results.appeals.decision import DECIDERS
from cbt.results.appeals.decision import decide as decide_appeal
from cbt.results.appeals.desk import STATES, appeal_list, appeal_page
from cbt.results.appeals.fresh_mark import ask_marks, call_off_marks
from cbt.results.appeals.letter import appeal_letter
from cbt.results.appeals.request import AppealForm, appealable, ask, own_paper, withdraw
from cbt.results.jobs import APPEAL_LETTER
from cbt.results.my_results import identified
from cbt.results.retake_ledger import candidate_of
from cbt.rules.appeals import AppealScope, AppealState
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
SCOPES = tuple(scope.value for scope in AppealScope)
ONE = "results.appeals.appeal"

pages = flask.Blueprint("appeals", __name__, url_prefix="/results/appeals")


@pages.get("")
@access.roles(*READERS)
def index() -> Reply:
    """List the appeals in a state."""
    state = flask.request.args.get("state", AppealState.OPEN.value)
    if state not in STATES:
        raise NotFound("web.no_page")
    with reading() as session:
        found = appeal_list(session, state=state, page=page_of(flask.request.args), on=local_day(flask.g.now))
    links = [
        (
            flask.url_for("results.appeals.index", state=one),
            _("appeal.tab", state=_(f"appeal.state.{one}"), count=found.counts[one]),
            one == state,
        )
        for one in STATES
    ]
    return flask.render_template("results/appeals/index.html", found=found, links=links)


@pages.get("/to/<registration_ref>")
@access.roles(Role.OFFICER)
def new(registration_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Ask for somebody at the office; where nothing can be asked, say why."""
    with reading() as session:
        registration = Registration.by_ref(session, registration_ref, unknown="registration.unknown")
        of = appealable(session, registration, on=local_day(flask.g.now))
    barred = of.refusal()
    if barred is not None and not refused.what:
        refused = replace(refusal(barred, on_record=False), code=200)
    return form_page(
        "results/appeals/new.html",
        refused,
        of=of,
        scopes=SCOPES,
        sent=_typed_form() if refused.sent else None,
    )


@pages.post("/to/<registration_ref>")
@access.roles(Role.OFFICER)
@form_on(new, only=lambda error: error.code.startswith(("appeal.", "text.")))
def take_down(registration_ref: str) -> Reply:
    """Take an appeal down."""
    ref = ask(registration_ref, _typed_form(), now=flask.g.now, actor=acting())
    return see_other(_("appeal.taken"), ONE, ref=ref)


@pages.get("/<ref>")
@access.roles(*READERS)
def appeal(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show an appeal with its evidence, and the form of its decision."""
    with reading() as session:
        found = appeal_page(session, ref, actor=acting(), now=flask.g.now)
    return form_page(
        "results/appeals/appeal.html", refused, found=found, may_decide=signed_in().has(*DECIDERS)
    )


def _on_its_page(error: CbtError) -> bool:
    own = ("appeal.", "second.", "text.", "marking.no_fresh")
    return error.code.startswith(own) and error.code != "appeal.unknown"


@pages.post("/<ref>")
@access.roles(*DECIDERS)
@form_on(appeal, only=_on_its_page)
def decide(ref: str) -> Reply:
    """Decide an appeal."""
    form = flask.request.form
    verdict, take = form.get("verdict", ""), form.getlist("take")
    decide_appeal(ref, verdict, form.get("grounds", ""), take=take, now=flask.g.now, actor=acting())
    return see_other(_(f"appeal.decided.{verdict}"), ONE, ref=ref)


@pages.post("/<ref>/fresh")
@access.roles(*DECIDERS)
@form_on(appeal, only=_on_its_page)
def ask_fresh(ref: str) -> Reply:
    """Have answers that people marked be marked by a marker who never had them."""
    ask_marks(ref, flask.request.form.getlist("answer"), now=flask.g.now, actor=acting())
    return see_other(_("appeal.fresh.asked"), ONE, ref=ref)


@pages.post("/<ref>/fresh/off")
@access.roles(*DECIDERS)
@form_on(appeal, only=_on_its_page)
def call_off_fresh(ref: str) -> Reply:
    """Wait for no fresh mark any more."""
    call_off_marks(ref, now=flask.g.now, actor=acting())
    return see_other(_("appeal.fresh.called_off"), ONE, ref=ref)


@pages.post("/<ref>/withdraw")
@access.roles(Role.OFFICER)
@form_on(appeal, only=_on_its_page)
def withdraw_for(ref: str) -> Reply:
    """Take an appeal back for the candidate."""
    withdraw(ref, reason=flask.request.form.get("reason", ""), now=flask.g.now, actor=acting())
    return see_other(_("appeal.withdrawn"), ONE, ref=ref)


@pages.get("/<ref>/letter.pdf")
@access.roles(*READERS)
def letter(ref: str) -> Reply:
    """Send the letter that tells the candidate of the outcome."""
    return file_reply(APPEAL_LETTER, subject=f"appeal:{ref}", appeal=ref)


# The candidate's own pages: signed in, or with the ticket and document that go with each form. Nothing of these is
# remembered in the browser, so a page is the answer to each form.

own_pages = flask.Blueprint("own_appeals", __name__, url_prefix="/my/results/appeal")


@dataclass(frozen=True, slots=True)
class Asker:
    """Which candidate asks, and with what typed, where they are not signed in."""

    candidate_id: int
    typed: tuple[str, str] | None


def _asker() -> Asker:
    principal = current_principal()
    if principal is not None and principal.kind == "candidate":
        return Asker(candidate_of(principal.subject_id)[0].id, None)
    form = flask.request.form
    ticket, document = form.get("ticket", "")[:40], form.get("document", "")[:40]
    candidate, _number = identified(
        ticket=ticket, document=document, machine=current_machine(), now=flask.g.now
    )
    return Asker(candidate.id, (ticket, document))


def _registration_ref() -> str:
    return flask.request.form.get("registration", "")[:40]


def _own_page(asker: Asker, refused: Refusal = NOTHING_REFUSED, done: str = "") -> Reply:
    with reading() as session:
        of = own_paper(session, _registration_ref(), asker.candidate_id, on=local_day(flask.g.now))
    return form_page(
        "results/appeals/own.html",
        refused,
        of=of,
        typed=asker.typed,
        scopes=SCOPES,
        sent=_typed_form() if refused.sent else None,
        done=done,
    )


def _of_asker(view: Callable[[Asker], Reply]) -> Callable[[], Reply]:
    """Have a view know who asks; what it refuses of the appeal is told on the appeal's page."""

    @wraps(view)
    def answer(**_none: Any) -> Reply:
        asker = _asker()
        try:
            return view(asker)
        except CbtError as error:
            if not error.code.startswith(("appeal.", "text.")) or error.code in {
                "appeal.unknown",
                "appeal.withheld",
            }:
                raise
            return _own_page(asker, refusal(error))

    return answer


@own_pages.post("")
@access.public
@_of_asker
def own(asker: Asker) -> Reply:
    """Show whether an own result can be appealed against, or what became of the appeal."""
    return _own_page(asker)


@own_pages.post("/ask")
@access.public
@_of_asker
def ask_own(asker: Asker) -> Reply:
    """Ask for the recount of an own paper."""
    ref = _registration_ref()
    ask(ref, _typed_form(), now=flask.g.now, actor=f"candidate:{ref}", whose=asker.candidate_id)
    return _own_page(asker, done=_("appeal.own.asked"))


@own_pages.post("/withdraw")
@access.public
@_of_asker
def withdraw_own(asker: Asker) -> Reply:
    """Take an own appeal back."""
    with reading() as session:
        of = own_paper(session, _registration_ref(), asker.candidate_id, on=local_day(flask.g.now))
    if of.appeal is None:
        raise NotFound("appeal.unknown")
    withdraw(of.appeal.ref, now=flask.g.now, actor=f"candidate:{of.registration.ref}")
    return _own_page(asker, done=_("appeal.withdrawn"))


@own_pages.post("/letter")
@access.public
@_of_asker
def own_letter(asker: Asker) -> Reply:
    """Send the letter of an own appeal."""
    with reading() as session:
        of = own_paper(session, _registration_ref(), asker.candidate_id, on=local_day(flask.g.now))
        made = appeal_letter(session, of)
    return attachment(made, PDF, f"{_('appeal.letter.title')}-{of.candidate.name}.pdf")


def _typed_form() -> AppealForm:
    form = flask.request.form
    return AppealForm(tuple(form.getlist("scope")), form.get("words", ""))
