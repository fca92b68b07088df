"""A candidate's own results: GET /my/results, which everybody asks for on the day of the results."""

from __future__ import annotations

from functools import partial
from typing import cast

import flask

from cbt.http.auth.login import current_principal
from cbt.http.auth.machine import addresses_of
from cbt.http.auth.wsgi_login import LOGIN_SESSIONS, BrowserLogin, login_holds
from cbt.http.forms import NOTHING_REFUSED, Refusal
from cbt.http.i18n import local_day
from cbt.http.page_cache import kept_own, own_page, page_for_all
from cbt.http.partials import Reply
from cbt.http.server.hot_addresses import HTML, HandOn, HotHandler, HotRequest, HotResponse, OnPage, Result
from cbt.results import my_results
from cbt.results.change_number import result_number
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading


class OwnResultsHandler(HotHandler[None]):
    """Shows a signed-in candidate their results; asks anybody else for ticket and document.

    What the door shows is what was drawn for this login and still holds; the view draws.
    """

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._addresses = addresses_of(app)
        with app.app_context():
            self._engine = db.engine
        self._select = Dialect(self._engine.dialect.name).sql(f"{LOGIN_SESSIONS} = ?")

    def read(self, request: HotRequest) -> Result:
        """Return the page that is kept of whoever asks, else leave it to the view."""
        if request.by_view:
            return OnPage(_mine)
        browser = request.sender
        page = self._kept(request, browser) if browser is not None and browser.token_hash else None
        return HandOn.TO_THE_VIEW if page is None else HotResponse([HTML, ("Vary", "Cookie")], page.encode())

    def _kept(self, request: HotRequest, browser: BrowserLogin) -> str | None:
        if not browser.has_machine:
            return None
        with raw_reading(self._engine) as cursor:
            cursor.execute(self._select, (browser.token_hash,))
            row = cursor.fetchone()
        if row is None:
            return None
        _, login, kind, registration_ref, revoked_at, expires_at, machine, _ = row
        if not login_holds(kind, revoked_at, expires_at, machine, machine=request.machine, now=request.now):
            return None
        self._addresses.note(registration_ref, request.environ.get("REMOTE_ADDR"))
        with self._app.app_context():
            version = result_number(request.environ), local_day(request.now)
        path = cast(str, request.environ["PATH_INFO"])
        return kept_own(self._app, login, path, browser, version=version)


def _mine() -> Reply:
    principal, now = current_principal(), flask.g.now
    if principal is None or principal.kind != "candidate":
        return page_for_all(flask.request.path, lambda: ask_page()[0])
    results = partial(my_results.results_of, principal.subject_id, now=now)
    version = result_number(flask.request.environ), local_day(now)
    return own_page(principal.login_session_id, lambda: results_page(results()), version=version)


def ask_page(refused: Refusal = NOTHING_REFUSED) -> tuple[str, int]:
    """Draw the form that asks for ticket and document, with what was refused of it."""
    fields = {"errors": refused.by_field(otherwise="ticket"), "ticket": refused.sent.get("ticket", "")[:40]}
    return flask.render_template("results/ask.html", **fields), refused.code


def results_page(results: my_results.CandidateResults, typed: tuple[str, str] | None = None) -> str:
    """Draw somebody's results; what was `typed` goes with the form that prints the slip."""
    return flask.render_template("results/mine.html", mine=results, asked=typed)
