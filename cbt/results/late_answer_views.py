"""Pages of 迟到作答: the evidence by room, and the ruling of two people."""

from __future__ import annotations

from datetime import datetime, timedelta

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.requests import SecondNeeded, Wanted
from cbt.accounts.approvals.views import ask_for, typed_second, wants_asking
from cbt.blueprints.reasons import table_now, words_of
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.http.auth import access
from cbt.http.auth.login import signed_in
from cbt.http.forms import NOTHING_REFUSED, Refusal, refusal
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


@pages.get("/results/<sitting_ref>/late")
@access.roles(*DECIDERS, Role.INSPECTOR)
def page(sitting_ref: str) -> Reply:
    """Show the late answers of a sitting and what was ruled on them."""
    return _page(sitting_ref)


@pages.post("/results/<sitting_ref>/late")
@access.roles(*DECIDERS)
def rule(sitting_ref: str) -> Reply:
    """Approve or reject the ticked candidates of one room."""
    form = flask.request.form
    wish = RulingWish(
        room_ref=form.get("room", ""),
        attempt_refs=frozenset(form.getlist("attempt")),
        seen=form.get("seen", ""),
        verdict=form.get("verdict", ""),
        fault=form.get("fault", ""),
        reason=form.get("reason", "")[:500],
    )
    try:
        wanted, allowed = Wanted(second_roles(signed_in())), password_allowed(sitting_ref)
        second = typed_second(signed_in(), wanted, allowed=allowed)
        count, changed = rule_late(sitting_ref, wish, first=signed_in(), second=second, now=flask.g.now)
    except SecondNeeded as needed:
        if wants_asking():
            return ask_for(late_request(late_page(sitting_ref), wish), needed, signed_in())
        return _page(sitting_ref, refused=refusal(needed), wish=wish)
    except (InvalidInput, Conflict, NotAllowed) as error:
        if isinstance(error, Conflict) and not error.code.startswith("late."):
            raise
        return _page(sitting_ref, refused=refusal(error), wish=wish)
    said = _("late.approved", count=count, changed=changed)
    flask.flash(said if wish.verdict == APPROVED else _("late.rejected", count=count), "ok")
    return flask.redirect(flask.url_for("late.page", sitting_ref=sitting_ref), 303)


def _page(sitting_ref: str, *, refused: Refusal = NOTHING_REFUSED, wish: RulingWish | None = None) -> Reply:
    shown = flask.render_template(
        "results/late_answers/late.html",
        late=late_page(sitting_ref),
        may_rule=signed_in().has(*DECIDERS),
        faults=[(one.code, words_of(one)) for one in table_now().offered_reasons],
        source=source_text,
        wish=wish,
        by_password=password_allowed(sitting_ref),
        refused=refused,
    )
    return shown, refused.code


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
