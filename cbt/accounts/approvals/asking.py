"""How a form gets its second person: by credential where it was typed, else by a request that waits.

Every view of a starred act goes through here, so that there is one way (R-62).
"""

from __future__ import annotations

import flask

from cbt.accounts.approvals.requests import ApprovalWish, ask
from cbt.accounts.approvals.second import Second, SecondNeeded, Wanted, confirm_second
from cbt.accounts.approvals.views import panel_of
from cbt.web.partials import Reply, wants_partial
from cbt.web.sent.once import CARRIED
from cbt.web.who.login import Principal, machine_id

FIELDS = frozenset({*CARRIED, "ask", "second_login", "second_password"})
"""What a form carries about itself and the second person; everything else is the act."""


def credential_typed() -> bool:
    """Return whether this form holds a second person's credential."""
    return bool(flask.request.form.get("second_login", "").strip())


def typed_second(first: Principal, wanted: Wanted, *, allowed: bool) -> Second | None:
    """Return the second person whose credential this form holds; None when it holds none.

    Raise like `confirm_second`.
    """
    if not credential_typed():
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


def ask_for(wish: ApprovalWish, needed: SecondNeeded, first: Principal) -> Reply:
    """Store the request and lead to it: into the dialog it was asked in, or to its page (303)."""
    ref = ask(wish, needed, first=first, machine=machine_id(), now=flask.g.now)
    if not wants_partial():
        return flask.redirect(flask.url_for("accounts.approvals.approval", ref=ref), 303)
    response = flask.make_response(panel_of(ref))
    response.headers["HX-Retarget"] = "#act"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def wants_asking() -> bool:
    """Return whether this form asks for a second person, as those of the pages do."""
    return flask.request.form.get("ask") == "1"
