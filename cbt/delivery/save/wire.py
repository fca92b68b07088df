"""The shortest way of an answer: POST /attempts/<ref>/answers, and /submit, served at the WSGI door.

Nine of ten requests of an exam are saves that are simply taken, and towards its end everybody hands in. For those
nothing of a page is needed (no form token, no template; of the cookies only which machine sends it), so they are
answered here, with the same entries, the same journal and the same clock as the views. Whatever is not simply taken
goes on to the view, which says why: a save is idempotent (lease epoch and sequence number), and a second 交卷 gets
the receipt of the first, so doing it there once more changes nothing. A save is promised where that can be: it
waits for its commit in no thread (web/receiving/promises.py).
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from cbt.clock import Agreement
from cbt.db.writing.commits import Failed
from cbt.delivery.clock_json import clock_text, receipts_text
from cbt.delivery.close.exchange import TAKEN
from cbt.delivery.close.sent import handed_in_text, read_hand_in, read_save
from cbt.delivery.save.entries import read_place
from cbt.delivery.save.exchange import Outcome, Save, Saved
from cbt.delivery.save.guard import AttemptInfo
from cbt.delivery.save.journal import Journal
from cbt.errors import CbtError, Conflict, TooEarly, TooMany, Unavailable
from cbt.web.addresses import path_of
from cbt.web.headers import SECURITY_HEADERS
from cbt.web.receiving.bodies import SMALL_BODY
from cbt.web.receiving.promises import AT_ONCE, PROMISES, PromisedRequest, promise
from cbt.web.receiving.whole import RECEIVED_AT
from cbt.web.watching.requestlog import BEAT, ENDPOINT, STATUS
from cbt.web.who.login import token_hash
from cbt.web.who.machine import tokens_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX, ANSWERS, HAND_INS = "/attempts/", "answers", "submit"
MAX_BODY = SMALL_BODY
SHORT_BODY = 16_384
"""No longer body is read by the loop itself."""
NOT_TAKEN = "cbt.not_taken"
"""Where a refusal that must not be tried again waits for the view."""
FOR_VIEW = "cbt.for_view"
"""Says of a request that it is the view's to explain."""
log = logging.getLogger(__name__)


class _Sent(NamedTuple):
    """A request that could be read: of which attempt, by which lease and machine, what it says, when it came."""

    ref: str
    info: AttemptInfo
    body: dict[str, Any]
    lease_hash: str
    machine: str
    now: datetime


class SavePath:
    """Wraps an app: takes the plain saves and hand-ins, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._app = app
        self._journal: Journal = app.extensions["cbt_journal"]
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._machines = tokens_of(app)
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json")]
        self._ways: dict[str, Callable[[_Sent], str | None]] = {
            ANSWERS: self._save,
            HAND_INS: self._hand_in,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain request or promise it, or hand it on."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "POST" and path.startswith(PREFIX) and FOR_VIEW not in environ:
            ref, _, name = path[len(PREFIX) :].rpartition("/")
            if name in self._ways and self._agreement.agrees:  # else the app says why not
                answer = self._answer(environ, start_response, ref, name)
                if answer is not None:
                    return answer
        return self._inner(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, ref: str, name: str
    ) -> Iterable[bytes] | None:
        try:
            sent = self._sent(environ, ref)
            if sent is None:
                return None
            if name == ANSWERS:
                if not sent.body.get("entries"):
                    environ[BEAT] = True
                if PROMISES in environ:
                    save = self._read_save(sent)
                    return promise(environ, partial(self._ask, environ, sent.info, save))
            text = self._ways[name](sent)
        except (Conflict, TooEarly, TooMany, Unavailable) as error:
            environ[NOT_TAKEN] = error  # said by the view; the journal is not asked a second time
            text = None
        except (CbtError, ValueError, RecursionError):
            text = None  # the view explains it
        except Exception:
            log.exception("a request was handed on to the view")
            text = None
        if text is None:
            environ[FOR_VIEW] = True
            return None
        if name != ANSWERS:
            environ[ENDPOINT], environ[STATUS] = f"attempts.{name}", 200
        body = text.encode()
        start_response("200 OK", self._sized(body))
        return [body]

    def _sent(self, environ: WSGIEnvironment, ref: str) -> _Sent | None:
        """Return what was sent; None for what the loop has to leave to a thread, or anybody to the view."""
        token = environ.get("HTTP_X_CBT_LEASE") or ""
        raw = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(raw)
        if not token or not raw or len(raw) > MAX_BODY:
            return None
        if AT_ONCE in environ:
            info = self._journal.infos.known(ref) if len(raw) <= SHORT_BODY else None
        else:
            info = self._journal.infos.get(ref)
        if info is None:
            return None
        machine = self._machines.asking(environ)
        body = json.loads(raw)
        if not isinstance(body, dict):
            return None
        return _Sent(ref, info, body, token_hash(token), machine, environ[RECEIVED_AT])

    def _save(self, sent: _Sent) -> str | None:
        save = self._read_save(sent)
        return _saved_text(sent.info, save, self._journal.save(save))

    def _ask(self, environ: WSGIEnvironment, info: AttemptInfo, save: Save, held: PromisedRequest) -> None:
        self._journal.writer.ask(save, self._tell, (environ, info, save, held))

    def _tell(
        self, saves: Sequence[tuple[tuple[WSGIEnvironment, AttemptInfo, Save, PromisedRequest], Any]]
    ) -> None:
        """Answer what was promised, once it is on disk; the view explains what was not simply taken."""
        for (environ, info, save, held), outcome in saves:
            text = None
            try:
                if isinstance(outcome, Failed):
                    environ[NOT_TAKEN] = outcome.error
                else:
                    text = _saved_text(info, save, outcome)
            except Exception:
                log.exception("a save was handed on to the view")
            if text is None:
                environ[FOR_VIEW] = True
                held.hand_on()
            else:
                body = text.encode()
                held.answer(200, self._sized(body), body)

    def _hand_in(self, sent: _Sent) -> str | None:
        done = self._journal.hand_in(read_hand_in(self._read(sent), sent.body))
        if done.saved.outcome not in TAKEN:
            return None
        return handed_in_text(done, path_of(self._app, "delivery.done", ref=sent.ref))

    def _read_save(self, sent: _Sent) -> Save:
        save = self._read(sent)
        save.place = read_place(sent.info, sent.body.get("at"))
        return save

    def _read(self, sent: _Sent) -> Save:
        save = read_save(sent.info, sent.body, lease_hash=sent.lease_hash, machine=sent.machine, now=sent.now)
        self._journal.rate.spend(sent.lease_hash, sent.now)
        return save

    def _sized(self, body: bytes) -> list[tuple[str, str]]:
        return [*self._headers, ("Content-Length", str(len(body)))]


def _saved_text(info: AttemptInfo, save: Save, saved: Saved) -> str | None:
    """Return, as JSON, what a save is answered that was simply taken; None for any other."""
    if saved.outcome is not Outcome.SAVED or saved.guard.has_message:
        return None
    clock = clock_text(info, saved.guard, now=save.now)
    return f'{{"receipts":{receipts_text(saved)},"clock":{clock}}}'


def init_save_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = SavePath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
