"""Pages of the second person (待我批准), and how the form of a starred act gets one.

A second person comes by the credential that was typed, else by a request that waits; every view of a starred
act goes through here, so that there is one way (R-62). A POST works without a script.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import flask
import flask_babel

from cbt.accounts.approvals import decisions
from cbt.accounts.approvals.decisions import ASKERS, ApprovalView, listed, request_for, waiting_for
from cbt.accounts.approvals.requests import (
    ApprovalWish,
    Second,
    SecondNeeded,
    SecondPersonTerms,
    ask,
    confirm_second,
)
from cbt.errors import CbtError, NotFound
from cbt.http.auth import access
from cbt.http.auth.login import Principal, current_principal, machine_id, signed_in
from cbt.http.form_posts.idempotency import CARRIED
from cbt.http.forms import NOTHING_REFUSED, Refusal, form_page, is_filled, refusal
from cbt.http.i18n import word
from cbt.http.partials import Reply, unless_seen, wants_partial
from cbt.http.problems import wants_json

pages = flask.Blueprint("approvals", __name__)
may_sign = access.roles(*ASKERS)


@pages.app_context_processor
def strip_frame() -> dict[str, object]:
    """Tell base.html whether this person may be asked; then it shows what waits for them."""
    principal = current_principal()
    may_ask = (
        principal is not None
        and principal.kind == "staff"
        and principal.has(*ASKERS)
        and not principal.must_change_password
    )
    return {"asks_of": (lambda: waiting_for(signed_in(), now=flask.g.now)) if may_ask else None}


@pages.get("/approvals")
@may_sign
def index() -> Reply:
    """List what waits for this person, and the requests of the last day they had a part in."""
    approvals = listed(signed_in(), now=flask.g.now)
    return flask.render_template(
        "accounts/approvals/approvals.html",
        waiting=waiting_for(signed_in(), now=flask.g.now),
        others=[one for one in approvals if not one.may_approve],
    )


@pages.get("/approvals/strip")
@may_sign
def strip() -> Reply:
    """What every page asks for every 2 s: the strip, or 304 while nothing shown has changed.

    待我批准 asks for its list the same way: it never says less than the strip above it.
    """
    waiting = waiting_for(signed_in(), now=flask.g.now)
    template = "accounts/approvals/_asks.html"
    if "list" in flask.request.args:
        template = "accounts/approvals/_waiting.html"
    return unless_seen(waiting.tag, lambda: flask.render_template(template, waiting=waiting))


@pages.get("/approvals/<ref>")
@may_sign
def approval(ref: str) -> Reply:
    return _page(request_for(ref, signed_in(), now=flask.g.now), NOTHING_REFUSED)


@pages.get("/approvals/<ref>/live")
@may_sign
def live(ref: str) -> Reply:
    """What an open request asks for every 2 s: itself, or 304."""
    shown = request_for(ref, signed_in(), now=flask.g.now)
    return unless_seen(shown.tag, lambda: _panel(shown, NOTHING_REFUSED))


def panel_of(ref: str) -> Reply:
    """Return the panel of a request that was just made, for the dialog it was asked in."""
    return _panel(request_for(ref, signed_in(), now=flask.g.now), NOTHING_REFUSED)


def _panel(shown: ApprovalView, refused: Refusal, code: str = "") -> str:
    return flask.render_template("accounts/approvals/_approval.html", shown=shown, refused=refused, code=code)


def _page(shown: ApprovalView, refused: Refusal, code: str = "") -> Reply:
    if wants_partial():
        return _panel(shown, refused, code)  # 200: it is the page's own panel that says what was refused
    return form_page("accounts/approvals/approval.html", refused, shown=shown, code=code)


@pages.post("/approvals/<ref>/<step>")
@may_sign
def answer(ref: str, step: str) -> Reply:
    """Approve, refuse, withdraw, show a code, or type the code one was told."""
    form, now = flask.request.form, flask.g.now
    try:
        if step == "approve":
            digest = form.get("digest", "")
            decisions.approve(ref, signed_in(), digest=digest, machine=machine_id(), now=now)
        elif step == "refuse":
            decisions.refuse(ref, signed_in(), reason=form.get("reason", ""), machine=machine_id(), now=now)
        elif step == "withdraw":
            decisions.withdraw(ref, signed_in(), machine=machine_id(), now=now)
        elif step == "code":
            rng = random.SystemRandom()
            code, _until = decisions.show_code(ref, signed_in(), machine=machine_id(), rng=rng, now=now)
            return _page(request_for(ref, signed_in(), now=now), NOTHING_REFUSED, code)
        elif step == "enter":
            decisions.enter_code(ref, form.get("code", "")[:20], signed_in(), now=now)
        else:
            raise NotFound("web.no_page")
    except NotFound:
        raise
    except CbtError as error:
        if wants_json():
            raise
        return _page(request_for(ref, signed_in(), now=now), refusal(error))
    if wants_partial():
        return _panel(request_for(ref, signed_in(), now=now), NOTHING_REFUSED)
    return flask.redirect(flask.url_for("accounts.approvals.approval", ref=ref), 303)


@pages.app_template_filter("preview_value")
def preview_value(line: tuple[str, str, str]) -> str:
    """Say the value of one line of a preview in the reader's language."""
    _label, kind, value = line
    if kind == "word":
        return word(value)
    if kind == "span":
        total = int(value)
        return str(flask_babel.gettext("approval.span", minutes=f"{total // 60}:{total % 60:02d}"))
    if kind == "count":
        return str(flask_babel.gettext("approval.people", count=int(value)))
    return value


FIELDS = frozenset({*CARRIED, "ask", "second_login", "second_password"})
"""What a form carries about itself and the second person; everything else is the act."""


def typed_second(first: Principal, wanted: SecondPersonTerms, *, allowed: bool) -> Second | None:
    """Return the second person whose credential this form holds; None when it holds none.

    Raise like `confirm_second`.
    """
    if not is_filled("second_login"):
        return None
    form = flask.request.form
    return confirm_second(
        login=form["second_login"],
        password=form.get("second_password", ""),
        first=first,
        wanted=wanted,
        allowed=allowed,
        machine=machine_id(),
        now=flask.g.now,
    )


def ask_for(needed: SecondNeeded, wish: Callable[[], ApprovalWish]) -> Reply:
    """Store the request and lead to it: into the dialog it was asked in, or to its page (303).

    Raise `needed` where the form does not ask for a second person, as those of the pages do.
    """
    if flask.request.form.get("ask") != "1":
        raise needed
    ref = ask(wish(), needed, first=signed_in(), machine=machine_id(), now=flask.g.now)
    if not wants_partial():
        return flask.redirect(flask.url_for("accounts.approvals.approval", ref=ref), 303)
    response = flask.make_response(panel_of(ref))
    response.headers["HX-Retarget"] = "#act"
    response.headers["HX-Reswap"] = "innerHTML"
    return response
