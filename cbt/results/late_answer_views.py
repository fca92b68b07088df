"""Pages of 迟到作答: the evidence by room, and the ruling of two people."""

from __future__ import annotations

from datetime import datetime, timedelta

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, Wanted
from cbt.accounts.approvals.views import ask_for, typed_second
from cbt.blueprints.reasons import table_now, words_of
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_on, form_page, see_other
from cbt.http.i18n import local_zone
from cbt.http.partials import Reply
from cbt.results.approval import late_request
from cbt.results.late_answers import (
    DECIDERS,
    LateAnswer,
    LateCase,
    RulingWish,
    late_page,
    rule_late,
    second_roles,
)
from cbt.results.service import password_allowed
from cbt.rules.roles import Role
from cbt.scoring.late_answers import APPROVED

pages = flask.Blueprint("late", __name__)


@pages.get("/results/<sitting_ref>/late", endpoint="page")
@access.roles(*DECIDERS, Role.INSPECTOR)
def page(sitting_ref: str, refused: Refusal = NOTHING_REFUSED) -> Reply:
    """Show the late answers of a sitting and what was ruled on them."""
    return form_page(
        "results/late_answers/late.html",
        refused,
        late=late_page(sitting_ref),
        may_rule=signed_in().has(*DECIDERS),
        faults=[(one.code, words_of(one)) for one in table_now().offered_reasons],
        source=source_text,
        wish=_wish() if refused.sent else None,
        by_password=password_allowed(sitting_ref),
    )


@pages.post("/results/<sitting_ref>/late")
@access.roles(*DECIDERS)
@form_on(
    page,
    InvalidInput,
    Conflict,
    NotAllowed,
    only=lambda error: not isinstance(error, Conflict) or error.code.startswith("late."),
)
def rule(sitting_ref: str) -> Reply:
    """Approve or reject the ticked candidates of one room."""
    wish, me = _wish(), signed_in()
    try:
        second = typed_second(me, Wanted(second_roles(me)), allowed=password_allowed(sitting_ref))
        count, changed = rule_late(sitting_ref, wish, first=me, second=second, now=flask.g.now)
    except SecondNeeded as needed:
        return ask_for(needed, lambda: late_request(late_page(sitting_ref), wish))
    approved = _("late.approved", count=count, changed=changed)
    done = approved if wish.verdict == APPROVED else _("late.rejected", count=count)
    return see_other(done, "late.page", sitting_ref=sitting_ref)


def _wish() -> RulingWish:
    form = flask.request.form
    return RulingWish(
        room_ref=form.get("room", ""),
        attempt_refs=frozenset(form.getlist("attempt")),
        seen=form.get("seen", ""),
        verdict=form.get("verdict", ""),
        fault=form.get("fault", ""),
        reason=form.get("reason", "")[:500],
    )


def source_text(case: LateCase, late: LateAnswer) -> str:
    """Say where a late answer came from, and how late it was."""
    if late.typed_at is not None:
        return str(_("late.answer.file", at=_clock(late.typed_at)))
    end_at = case.attempt.closed_at
    if end_at is None or late.entry.received_at < end_at:
        return str(_("late.answer.unit", at=_clock(late.entry.received_at)))
    seconds = -(-(late.entry.received_at - end_at) // timedelta(seconds=1))
    return str(_("late.answer.wire", after=f"{seconds // 60:02d}:{seconds % 60:02d}"))


def _clock(instant: datetime) -> str:
    return instant.astimezone(local_zone()).strftime("%H:%M:%S")
