"""Pages of panels for cut scores (划线专家组): the office's, and those of a judge, one item after another.

Source: R-62, R-100.
"""

from __future__ import annotations

from enum import StrEnum

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded
from cbt.accounts.approvals.views import ask_for
from cbt.accounts.store import held_roles
from cbt.errors import CbtError, Conflict, InvalidInput
from cbt.http.auth import access
from cbt.http.auth.login import acting, signed_in
from cbt.http.form_values import page_of, whole_number
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.partials import Reply
from cbt.jobs.answers import act_reply
from cbt.results.models import CutPanel
from cbt.results.panels import desk
from cbt.results.panels.jobs import CLOSE_ROUND
from cbt.results.panels.panel import (
    JUDGES,
    MOST_ROUNDS,
    DecisionWish,
    PanelDecision,
    PanelForm,
    PanelMethod,
    begin_round,
    decide,
    enter,
    open_panel,
    rounds_of,
    wish_for,
)
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading

READERS = (Role.OFFICER, Role.CHIEF_PROCTOR, Role.INSPECTOR)
DECIDING = (Role.OFFICER, Role.CHIEF_PROCTOR)
PANEL = "panels.panel"

pages = flask.Blueprint("panels", __name__, url_prefix="/results/panels")


@pages.get("")
@access.roles(*READERS, *JUDGES)
def index() -> Reply:
    """List the panels; to who only judges, theirs."""
    principal = signed_in()
    reads = principal.has(*READERS)
    with reading() as session:
        found = desk.panel_list(
            session, page=page_of(flask.request.args), judge=None if reads else principal.logged_as
        )
    return flask.render_template("results/panels/index.html", found=found, reads=reads)


@pages.get("/to/<sitting_ref>")
@access.roles(Role.OFFICER)
def new(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Choose of which form of a sitting the items are judged, how, and by whom."""
    with reading() as session:
        sitting, forms = desk.forms_of(session, sitting_ref)
        judges = {grant.ref: grant.name for grant in held_roles(session, JUDGES)}
    return form_page(
        "results/panels/new.html",
        refused,
        sitting=sitting,
        forms=[
            (one.ref, _("panel.form.choice", ref=one.ref, paper=one.paper, count=one.people)) for one in forms
        ],
        judges=judges,
        methods=_choices("panel.method", PanelMethod),
    )


def _choices(name: str, values: type[StrEnum]) -> list[tuple[str, str, str]]:
    """Return what may be chosen: each value with what it is called and what that means."""
    return [(one.value, _(f"{name}.{one.value}"), _(f"{name}.{one.value}.hint")) for one in values]


def _own(error: CbtError) -> bool:
    return error.code.startswith(("panel.", "text.")) and error.code != "panel.unknown"


@pages.post("/to/<sitting_ref>")
@access.roles(Role.OFFICER)
@form_on(new, only=_own)
def open_one(sitting_ref: str) -> Reply:
    """Open a panel."""
    form = flask.request.form
    method = form.get("method", "")
    if method not in set(PanelMethod):
        raise InvalidInput("panel.method", field="method")
    with reading() as session:
        _sitting, forms = desk.forms_of(session, sitting_ref)
    chosen = form.get("form", "")
    if chosen not in {one.ref for one in forms}:
        raise InvalidInput("panel.form", field="form")
    asked = PanelForm(chosen, form.getlist("judge"), form.get("reason", ""), PanelMethod(method))
    ref = open_panel(asked, now=flask.g.now, actor=acting())
    return see_other(_("panel.opened"), PANEL, ref=ref)


@pages.get("/<ref>")
@access.roles(*READERS)
def panel(ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show a panel: who has said how much, what each round came to, and what the body makes of it."""
    with reading() as session:
        found = desk.panel_page(session, ref)
    return form_page(
        "results/panels/panel.html",
        refused,
        found=found,
        decisions=_choices("panel.decision", PanelDecision),
        most_rounds=MOST_ROUNDS,
    )


@pages.post("/<ref>/close")
@access.roles(Role.OFFICER)
@form_on(panel, only=_own)
def close(ref: str) -> Reply:
    """Close the round that is open."""
    return act_reply(CLOSE_ROUND, subject=f"panel:{ref}", page=flask.url_for(PANEL, ref=ref), panel=ref)


@pages.post("/<ref>/begin")
@access.roles(Role.OFFICER)
@form_on(panel, only=_own)
def begin(ref: str) -> Reply:
    """Begin a further round."""
    number = begin_round(ref, now=flask.g.now, actor=acting())
    return see_other(_("panel.begun", number=number), PANEL, ref=ref)


@pages.post("/<ref>/decide")
@access.roles(*DECIDING)
@form_on(panel, only=lambda error: _own(error) or error.code.startswith("second."))
def decide_one(ref: str) -> Reply:
    """Ask a second person for the decision."""
    form = flask.request.form
    wish = DecisionWish(form.get("decision", ""), form.get("grounds", ""))
    try:
        decide(ref, wish, now=flask.g.now, actor=acting())
    except SecondNeeded as needed:
        with reading() as session:
            row = CutPanel.by_ref(session, ref, unknown="panel.unknown")
            asked = wish_for(row, wish, rounds_of(session, row)[-1][1])
        return ask_for(needed, lambda: asked)
    raise Conflict("panel.undecidable")


# A judge.


@pages.get("/<ref>/own")
@access.roles(*JUDGES)
def own(ref: str) -> Reply:
    """Lead a judge to the first item of which they have said nothing."""
    with reading() as session:
        place = desk.first_place(session, ref, acting())
    return flask.redirect(flask.url_for("panels.item", ref=ref, number=place + 1))


@pages.get("/<ref>/items/<int:number>")
@access.roles(*JUDGES)
def item(ref: str, number: int, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show one item to a judge."""
    with reading() as session:
        found = desk.judge_page(session, ref, number - 1, acting())
    return form_page("results/panels/item.html", refused, found=found)


@pages.post("/<ref>/items/<int:number>")
@access.roles(*JUDGES)
@form_on(item, only=_own)
def say(ref: str, number: int) -> Reply:
    """Keep what a judge says, and go on to the next item of which they said nothing."""
    said = whole_number(flask.request.form.get("said", "").strip(), most=9999)
    with reading() as session:
        found = desk.judge_page(session, ref, number - 1, acting())
    place = 0 if found.is_bookmark else number - 1
    enter(ref, place, -1 if said is None else said, now=flask.g.now, actor=acting())
    if found.is_bookmark:
        return see_other(_("panel.bookmark.put"), "panels.item", ref=ref, number=number)
    if found.following is None:
        return see_other(_("panel.all_said"), "panels.item", ref=ref, number=number)
    return flask.redirect(flask.url_for("panels.item", ref=ref, number=found.following + 1), 303)
