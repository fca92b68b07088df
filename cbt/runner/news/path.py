"""The shortest way of a page that goes on waiting: GET /attempts/<ref>/news?since=… taken at the WSGI door.

Nearly every such request hears nothing and waits. For those the lease is checked and nothing else is asked: whether
something happened since, the parking knows. Whatever is not plainly that goes on to the view, which says why.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import flask

from cbt.clock import Agreement
from cbt.errors import CbtError
from cbt.http.auth.access import addresses_of
from cbt.http.auth.login import token_hash
from cbt.http.auth.machine import is_elsewhere, tokens_of
from cbt.http.request_log import BEAT
from cbt.http.responses import SECURITY_HEADERS
from cbt.http.server.deferred import AGAIN, MAY_WAIT, WAIT, Parking, Wait
from cbt.http.server.request_body import RECEIVED_AT
from cbt.runner.news.entries import number_asked
from cbt.runner.news.watcher import Watcher
from cbt.runner.save.guard import Dialect
from cbt.runner.save.journal import Journal
from cbt.storage.types import db
from cbt.storage.unit_of_work import raw_reading

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, SUFFIX = "/attempts/", "/news"
QUERY = "since="
_SELECT = (
    "SELECT a.lease_hash, a.lease_machine, r.ref FROM attempt a "
    "JOIN sitting_room r ON r.id = a.sitting_room_id WHERE a.id = ?"
)
log = logging.getLogger(__name__)


class NewsPath:
    """Wraps an app: lets the pages wait that plainly may, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._journal = cast(Journal, app.extensions["cbt_journal"])
        self._parking = cast(Parking, app.extensions["cbt_parking"])
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._machines = tokens_of(app)
        self._addresses = addresses_of(app)
        with app.app_context():
            self._engine = db.engine
        self._select = Dialect(self._engine.dialect.name).sql(_SELECT)
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json")]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let a page wait, or hand the request on."""
        path = environ["PATH_INFO"]
        if (
            path.endswith(SUFFIX)
            and path.startswith(PREFIX)
            and environ["REQUEST_METHOD"] == "GET"
            and MAY_WAIT in environ
            and AGAIN not in environ
            and self._agreement.agrees  # else the app says why not
        ):
            wait = self._wait(environ, path[len(PREFIX) : -len(SUFFIX)])
            if wait is not None:
                environ[WAIT] = wait
                environ[BEAT] = True
                body = f'{{"news":[],"number":{wait.seen}}}\n'.encode()
                start_response("200 OK", [*self._headers, ("Content-Length", str(len(body)))])
                return [body]
        return self._inner(environ, start_response)

    def _wait(self, environ: WSGIEnvironment, ref: str) -> Wait | None:
        token, query = environ.get("HTTP_X_CBT_LEASE"), environ.get("QUERY_STRING", "")
        asked = number_asked(query.removeprefix(QUERY)) if query.startswith(QUERY) else None
        if not token or asked is None:
            return None
        try:
            if not self._parking.knows(asked):
                self._watcher.keep_up()  # a process that has just begun looks back
                if not self._parking.knows(asked):
                    return None
            info = self._journal.infos.get(ref)
            lease_hash = token_hash(token)
            with raw_reading(self._engine) as cursor:
                cursor.execute(self._select, (info.attempt_id,))
                lease, machine, room = cursor.fetchone()
            if lease != lease_hash or is_elsewhere(machine, self._machines.asking(environ)):
                return None
            self._journal.rate.spend(lease_hash, environ[RECEIVED_AT])
            self._addresses.note(info.registration_ref, environ.get("REMOTE_ADDR"))
        except CbtError:
            return None  # the view explains it
        except Exception:
            log.exception("a page that waits was handed on to the view")
            return None
        paper = f"attempt:{ref}"
        topics = (paper, f"registration:{info.registration_ref}", f"sitting_room:{room}")
        return Wait(paper, frozenset(topics), asked)


def init_news_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = NewsPath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
