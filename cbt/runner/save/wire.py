"""The shortest way of an answer: POST /attempts/<ref>/answers, and /submit, served at the WSGI door.

Nine of ten requests of an exam are saves that are simply taken, and towards its end everybody hands in. For those
nothing of a page is needed (no form token, no template; of the cookies only which machine sends it), so they are
answered here, with the same entries, the same journal and the same clock as the views. Whatever is not simply taken
goes on to the view, which says why: a save is idempotent (lease epoch and sequence number), and a second 交卷 gets
the receipt of the first, so doing it there once more changes nothing. Both are promised where that can be: they
wait for their commit in no thread (http/server/deferred.py).
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from cbt.clock import Agreement
from cbt.errors import CbtError, Conflict, TooEarly, TooMany, Unavailable
from cbt.http.app_context import path_of
from cbt.http.auth.access import addresses_of
from cbt.http.auth.login import token_hash
from cbt.http.auth.machine import tokens_of
from cbt.http.request_log import BEAT, ENDPOINT, STATUS
from cbt.http.responses import SECURITY_HEADERS, PlainRefusals
from cbt.http.server.body_limits import SMALL_BODY
from cbt.http.server.deferred import AT_ONCE, PROMISES, Headers, PromisedRequest, promise
from cbt.http.server.request_body import RECEIVED_AT
from cbt.runner.protocol import (
    REFUSALS,
    TAKEN,
    HandedIn,
    HandIn,
    Outcome,
    Save,
    Saved,
    clock_text,
    handed_in_text,
    read_hand_in,
    read_place,
    read_save,
    receipts_text,
)
from cbt.runner.save.guard import AttemptInfo
from cbt.runner.save.journal import Journal
from cbt.storage.write_queue.batch import Failed

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
HANDED_IN = "cbt.handed_in"
"""Where a paper that was handed in waits for the thread that sees to what follows."""
FINAL = (Conflict, TooEarly, TooMany, Unavailable)
"""Refusals that the journal is not asked for a second time."""
log = logging.getLogger(__name__)


class _Sent(NamedTuple):
    """A request that could be read: of which attempt, by which lease and machine, what it says, when it came."""

    ref: str
    info: AttemptInfo
    body: dict[str, Any]
    lease_hash: str
    machine: str
    now: datetime


class _PendingSave(NamedTuple):
    """What such a request asks of the journal."""

    sent: _Sent
    request: Save | HandIn


class SavePath:
    """Wraps an app: takes the plain saves and hand-ins, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._app = app
        self._journal: Journal = app.extensions["cbt_journal"]
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._machines = tokens_of(app)
        self._refusals = PlainRefusals(app, self._journal.come_again)
        self._addresses = addresses_of(app)
        self._headers = [*SECURITY_HEADERS.items(), ("Content-Type", "application/json")]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a plain request or promise it, or hand it on."""
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "POST" and path.startswith(PREFIX) and FOR_VIEW not in environ:
            ref, _, name = path[len(PREFIX) :].rpartition("/")
            if name in (ANSWERS, HAND_INS) and self._agreement.agrees:  # else the app says why not
                answer = self._answer(environ, start_response, ref, name)
                if answer is not None:
                    return answer
        return self._inner(environ, start_response)

    def _answer(
        self, environ: WSGIEnvironment, start_response: StartResponse, ref: str, name: str
    ) -> Iterable[bytes] | None:
        try:
            handed_in: tuple[_PendingSave, HandedIn] | None = environ.pop(HANDED_IN, None)
            if handed_in is not None:
                asked, done = handed_in
                self._journal.follow(done)
                text = self._text(asked, done)
            else:
                sent = self._sent(environ, ref)
                if sent is None:
                    return None
                if name == ANSWERS and not sent.body.get("entries"):
                    environ[BEAT] = True
                asked = _PendingSave(
                    sent, self._read_save(sent) if name == ANSWERS else self._read_hand_in(sent)
                )
                if PROMISES in environ:
                    return promise(environ, partial(self._ask, environ, asked))
                text = self._carry_out(asked)
        except FINAL as error:
            environ[NOT_TAKEN] = error  # said by the view
            text = None
        except (CbtError, ValueError, RecursionError):
            text = None  # the view explains it
        except Exception:
            log.exception("a request was handed on to the view")
            text = None
        if text is None:
            environ[FOR_VIEW] = True
            return None
        headers, body = self._reply(environ, asked, text)
        start_response("200 OK", headers)
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

    def _carry_out(self, asked: _PendingSave) -> str | None:
        """Wait for the commit and return what the request is answered; None for what the view explains."""
        request, journal = asked.request, self._journal
        done = journal.hand_in(request) if isinstance(request, HandIn) else journal.save(request)
        return self._text(asked, done)

    def _ask(self, environ: WSGIEnvironment, asked: _PendingSave, held: PromisedRequest) -> None:
        self._journal.ask(asked.request, self._tell, (environ, asked, held))

    def _tell(
        self, told: Sequence[tuple[tuple[WSGIEnvironment, _PendingSave, PromisedRequest], Any]]
    ) -> None:
        """Answer what was promised, once it is on disk, and whoever came too early to be answered in time.

        What more has to be seen to on a disk goes to a thread, and what was not simply taken to the view.
        """
        for (environ, asked, held), outcome in told:
            text = None
            try:
                refusal = _refusal_of(outcome)
                if isinstance(refusal, CbtError) and (
                    said := self._refusals.said(environ, refusal, endpoint=_endpoint(asked))
                ):
                    held.answer(*said)
                    continue
                if isinstance(refusal, FINAL):
                    environ[NOT_TAKEN] = refusal
                elif isinstance(outcome, HandedIn) and self._journal.has_to_follow(outcome):
                    environ[HANDED_IN] = (asked, outcome)
                    held.hand_on()
                    continue
                elif not isinstance(refusal, CbtError):
                    text = self._text(asked, outcome)
            except Exception:
                log.exception("a request was handed on to the view")
            if text is None:
                environ[FOR_VIEW] = True
                held.hand_on()
            else:
                held.answer(200, *self._reply(environ, asked, text))

    def _text(self, asked: _PendingSave, done: Saved | HandedIn) -> str | None:
        """Return, as JSON, what a request is answered that was simply taken; None for any other."""
        if isinstance(done, HandedIn):
            if done.saved.outcome not in TAKEN:
                return None
            return handed_in_text(done, path_of(self._app, "delivery.done", ref=asked.sent.ref))
        return _saved_text(asked.sent, done)

    def _reply(self, environ: WSGIEnvironment, asked: _PendingSave, text: str) -> tuple[Headers, bytes]:
        if isinstance(asked.request, HandIn):
            environ[ENDPOINT], environ[STATUS] = _endpoint(asked), 200
        self._addresses.note(asked.sent.info.registration_ref, environ.get("REMOTE_ADDR"))
        body = text.encode()
        return [*self._headers, ("Content-Length", str(len(body)))], body

    def _read_hand_in(self, sent: _Sent) -> HandIn:
        return read_hand_in(self._read(sent), sent.body)

    def _read_save(self, sent: _Sent) -> Save:
        save = self._read(sent)
        save.place = read_place(sent.info, sent.body.get("at"))
        return save

    def _read(self, sent: _Sent) -> Save:
        save = read_save(sent.info, sent.body, lease_hash=sent.lease_hash, machine=sent.machine, now=sent.now)
        self._journal.rate.spend(sent.lease_hash, sent.now)
        return save


def _refusal_of(outcome: Any) -> Any:
    """Return why a request was not carried out, or else its outcome."""
    if isinstance(outcome, Failed):
        return outcome.error
    saved = outcome.saved if isinstance(outcome, HandedIn) else outcome
    stale = isinstance(saved, Saved) and saved.outcome is Outcome.STALE
    return REFUSALS[Outcome.STALE] if stale else outcome


def _endpoint(asked: _PendingSave) -> str:
    return f"attempts.{HAND_INS if isinstance(asked.request, HandIn) else ANSWERS}"


def _saved_text(sent: _Sent, saved: Saved) -> str | None:
    if saved.outcome is not Outcome.SAVED or saved.guard.has_message:
        return None
    clock = clock_text(sent.info, saved.guard, now=sent.now)
    return f'{{"receipts":{receipts_text(saved)},"clock":{clock}}}'


def init_save_path(app: flask.Flask) -> None:
    """Put the short way in front of `app`."""
    app.wsgi_app = SavePath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
