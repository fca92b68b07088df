"""A candidate's own results: GET /my/results, which everybody asks for on the day of the results.

What is drawn of results is kept as of their change number: that of the log's last entry by which anything told of
results may have changed. Whatever changes an examination is an entry, written in the transaction of the change, and
one look a process reads the entries for everybody (runner/news/watcher.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import flask

from cbt.audit.store import GROUPS
from cbt.http.auth.login import current_principal
from cbt.http.auth.machine import addresses_of
from cbt.http.auth.wsgi_login import LOGIN_SESSIONS, BrowserLogin, login_holds
from cbt.http.forms import NOTHING_REFUSED, Refusal
from cbt.http.i18n import local_day
from cbt.http.page_cache import kept_own, own_page, page_for_all
from cbt.http.partials import Reply
from cbt.http.server.deferred import PROMISES
from cbt.http.server.hot_addresses import HTML, HandOn, HotHandler, HotRequest, HotResponse, OnPage, Result
from cbt.results import my_results
from cbt.runner.news.watcher import Watcher
from cbt.runner.waiting.hall import Entry
from cbt.storage.engine import Dialect
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

_EXTENSION, _WATCHER = "cbt_results_changed", "cbt_news"
CHANGES_NO_RESULT = frozenset(
    act
    for group, acts in GROUPS.items()
    for act in acts
    if group in {"door", "bank", "staff", "guessing", "marking"}
    or (group == "running" and act.startswith("attempt."))
)
"""What a hall's day is full of and nothing that is told of results hangs on; any other act may change it.

A candidate is told of results once they are shown or released, and those are rows of their own.
"""


class ResultChanges:
    """How far the log told of results, as this process knows."""

    def __init__(self) -> None:
        self.number = -1

    def look(self, entries: Sequence[Entry], *, upto: int, whole: bool) -> None:
        """Take what the log says until `upto`; not `whole`: what lies between is not known."""
        if not whole:
            self.number = upto
            return
        for number, act, _subject in entries:
            if act not in CHANGES_NO_RESULT:
                self.number = number


def result_number(environ: Mapping[str, object]) -> int:
    """Return the change number of results: at most a look old, and of this moment where no front serves."""
    extensions = flask.current_app.extensions
    watcher: Watcher = extensions[_WATCHER]
    if PROMISES in environ:
        watcher.keep_up()
    else:
        watcher.look()
    changes: ResultChanges = extensions[_EXTENSION]
    return changes.number


def init_result_changes(app: flask.Flask) -> None:
    """Have the change number of results follow the log of `app`."""
    changes = app.extensions[_EXTENSION] = ResultChanges()
    watcher: Watcher = app.extensions[_WATCHER]
    watcher.followers.append(changes.look)


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
