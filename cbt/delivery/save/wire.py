"""The shortest way of an answer: POST /attempts/<ref>/answers served at the WSGI door.

Nine of ten requests of an exam are saves that are simply taken. For those nothing of a page is needed (no
form token, no template; of the cookies only which machine sends it), so they are answered here, with the same
entries, the same journal and the same clock as the view. Whatever is not simply taken goes on to the view, which
says why: a save is idempotent (lease epoch and sequence number), so doing it there once more changes nothing.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import flask

from cbt.clock import Agreement
from cbt.delivery.clock_json import clock_text, receipts_text
from cbt.delivery.save.entries import read_entries, read_place
from cbt.delivery.save.exchange import Outcome, Save
from cbt.delivery.save.journal import Journal
from cbt.errors import CbtError, TooMany, Unavailable
from cbt.web.headers import SECURITY_HEADERS
from cbt.web.receiving.bodies import SMALL_BODY
from cbt.web.receiving.whole import RECEIVED_AT
from cbt.web.watching.requestlog import BEAT
from cbt.web.who.login import token_hash
from cbt.web.who.machine import tokens_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, SUFFIX = "/attempts/", "/answers"
MAX_BODY = SMALL_BODY
NOT_TAKEN = "cbt.not_taken"
"""Where a refusal that must not be tried again waits for the view."""
log = logging.getLogger(__name__)


class SavePath:
    """Wraps an app: takes the plain saves, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._journal: Journal = app.extensions["cbt_journal"]
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._machines = tokens_of(app)
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json")]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain save, or hand the request on."""
        path = environ["PATH_INFO"]
        if (
            environ["REQUEST_METHOD"] == "POST"
            and path.startswith(PREFIX)
            and path.endswith(SUFFIX)
            and self._agreement.agrees  # else the app says why not
        ):
            body = self._save(environ, path[len(PREFIX) : -len(SUFFIX)])
            if body is not None:
                start_response("200 OK", [*self._headers, ("Content-Length", str(len(body)))])
                return [body]
        return self._inner(environ, start_response)

    def _save(self, environ: WSGIEnvironment, ref: str) -> bytes | None:
        token = environ.get("HTTP_X_CBT_LEASE") or ""
        raw = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(raw)
        if not token or not raw or len(raw) > MAX_BODY:
            return None
        try:
            machine = self._machines.asking(environ)
            sent = json.loads(raw)
            if isinstance(sent, dict) and not sent.get("entries"):
                environ[BEAT] = True
            return self._answer(ref, token, sent, machine, environ[RECEIVED_AT])
        except (Unavailable, TooMany) as error:
            environ[NOT_TAKEN] = error  # said by the view; the journal is not asked a second time
            return None
        except (CbtError, ValueError, RecursionError):
            return None  # the view explains it
        except Exception:
            log.exception("a save was handed on to the view")
            return None

    def _answer(self, ref: str, token: str, sent: Any, machine: str, now: datetime) -> bytes | None:
        epoch = sent.get("epoch") if isinstance(sent, dict) else None
        if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 <= epoch < 2**31:
            return None
        info = self._journal.infos.get(ref)
        entries, place = read_entries(info, sent.get("entries", [])), read_place(info, sent.get("at"))
        lease_hash = token_hash(token)
        self._journal.rate.spend(lease_hash, now)
        saved = self._journal.save(Save(info.attempt_id, lease_hash, epoch, entries, now, machine, place))
        if saved.outcome is not Outcome.SAVED or saved.guard.has_message:
            return None
        clock = clock_text(info, saved.guard, now=now)
        return f'{{"receipts":{receipts_text(saved)},"clock":{clock}}}'.encode()


def init_save_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = SavePath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
