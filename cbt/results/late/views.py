"""Pages of 迟到作答: the evidence by room, and the ruling of two people."""

from __future__ import annotations

from datetime import datetime, timedelta

import flask
from flask_babel import gettext as _

from cbt.accounts.approvals.asking import ask_for, typed_second, wants_asking
from cbt.accounts.approvals.second import SecondNeeded, Wanted
from cbt.errors import Conflict, InvalidInput, NotAllowed
from cbt.exams.reasons.words import table_now, words_of
from cbt.results.approving import late_request
from cbt.results.late.service import DECIDERS, RulingWish, late_page, rule_late, second_roles
from cbt.results.late.sheet import LateAnswer, LateCase
from cbt.results.service import password_allowed
from cbt.rules.roles import Role
from cbt.scoring.approved import APPROVED
from cbt.web.forms import NOTHING_REFUSED, Refusal, refusal
from cbt.web.i18n import local_zone
from cbt.web.partials import Reply
from cbt.web.who import access
from cbt.web.who.login import signed_in

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
        "results/late/late.html",
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
