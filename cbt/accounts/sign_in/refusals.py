"""Refusals of signed-in people are put on record: a role they have not, a second person who was none, a budget.

A request without a login is no entry (whoever stands at the door could fill the log with them), and what was
told once is counted for the rest of its window. A candidate's login is not read at the addresses of staff; that a
page of staff was asked for in the browser of a candidate is an entry all the same, though it leads to the sign-in
like anybody's. A record that cannot be written changes no answer: nothing was done, and the page says so.

Source: R-62, R-64.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import flask

from cbt.audit import flood_limit
from cbt.errors import CbtError, NotAllowed, TooMany
from cbt.http.auth.access import access_of, asked_of_staff
from cbt.http.auth.login import Principal, at_the_others, current_principal
from cbt.http.problems import shown_error
from cbt.storage.unit_of_work import unit_of_work

log = logging.getLogger(__name__)
ACT = "refused"
SECOND_PERSON = "second."
NOT_ALLOWED = "web.not_allowed"
_LONGEST = 120


def init_refusals(app: flask.Flask) -> None:
    """Have `app` put on record what it refused to whom."""

    @app.after_request
    def put_on_record(response: flask.Response) -> flask.Response:
        error = shown_error()
        if asked_of_staff():
            _count(at_the_others, NOT_ALLOWED)
        elif error is not None and _tells(error):
            _count(current_principal, error.code)
        return response


def _tells(error: CbtError) -> bool:
    return isinstance(error, (NotAllowed, TooMany)) or error.code.startswith(SECOND_PERSON)


def _count(who: Callable[[], Principal | None], code: str) -> None:
    endpoint = flask.request.endpoint or ""
    access = access_of(flask.current_app, endpoint)
    if access is not None and access.kind == "lease":
        return  # no login is read there
    try:
        principal = who()
        if principal is None:
            return
        with unit_of_work() as session:
            flood_limit.count(
                session,
                at=flask.g.now,
                actor=principal.logged_as,
                act=ACT,
                subject=f"view:{endpoint}:{code}"[:_LONGEST],
            )
    except Exception as failure:
        log.warning("a refusal could not be put on record: %s", type(failure).__name__)
