"""The answer page and the one after it: ready bytes with the person put in, and the shortest way to them.

GET /exam/<ref> and /exam/<ref>/done: whoever is plainly a signed-in candidate whose paper is open, or over, gets
the page at the WSGI door, by the same rules as from the view; everybody else goes on to the view, which leads on or
says why not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import flask
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import escape

from cbt.clock import Agreement
from cbt.config import Settings
from cbt.http.app_context import path_of
from cbt.http.auth.wsgi_login import Visit, door_of, login_holds
from cbt.http.request_log import ENDPOINT, STATUS
from cbt.http.responses import SECURITY_HEADERS, STRICT_TRANSPORT, unpacks
from cbt.http.server.coalescence import AskedTogether
from cbt.http.server.deferred import PROMISES, Headers, PromisedRequest, promise
from cbt.http.server.request_body import RECEIVED_AT, REFUSED
from cbt.runner.paper.examinee import Examinee, ExamineeReader, SignedIn
from cbt.runner.paper.page import (
    FOLDER,
    DoneFacts,
    DoneKind,
    DonePages,
    ShellKind,
    Shells,
    told_by,
    tools_of_page,
)
from cbt.runner.save.guard import Dialect
from cbt.runner.save.journal import Journal
from cbt.runner.save.wire import FOR_VIEW
from cbt.storage.types import db, read_instant
from cbt.storage.unit_of_work import raw_reading

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)
_TOKEN, _THEIRS = "token-is-here", "person-is-here"


class AnswerPages:
    """Writes the answer pages of one process, and those after them."""

    def __init__(self, app: flask.Flask) -> None:
        self._infos = cast(Journal, app.extensions["cbt_journal"]).infos
        person = app.jinja_env.get_template("runner/paper/_person.html").render(attempt=_THEIRS, csrf=_TOKEN)
        self._before, self._between, self._after = re.split(f'{_TOKEN}|"{_THEIRS}"', person)
        self._dumps = app.json.dumps
        self._photo_url = path_of(app, "door.photo")
        self.shells, self._after_paper = Shells(app), DonePages(app)
        self._zone = app.extensions["cbt_zone"]
        with app.app_context():
            self.engine = db.engine
        self.examinees = ExamineeReader(Dialect(self.engine.dialect.name))
        app.extensions["cbt_assets"].made_by(FOLDER, self.shells.file)

    def find(self, registration_ref: str) -> Examinee | None:
        """Return whose registration this is; None while its form is not drawn."""
        with raw_reading(self.engine) as cursor:
            return self.examinees.find(cursor, registration_ref)

    def told(self, one: Examinee) -> dict[str, Any]:
        """Return what the page is told of the person."""
        known = self._infos.known_paper(one.paper_key)
        return one.told(known.paper, known.title, photo_url=self._photo_url)

    def kind(self, one: Examinee, *, locale: str, theme: str) -> ShellKind:
        """Return which shell the page of somebody has."""
        tools = tools_of_page(self._infos.paper(one.paper_key), one.tools)
        return ShellKind(locale, theme, one.purpose, bool(tools))

    def page(self, one: Examinee, kind: ShellKind, *, form_token: str, packs: bool) -> bytes:
        """Return the page of somebody, packed where their browser unpacks."""
        theirs = htmlsafe_json_dumps(self.told(one), dumps=self._dumps, ensure_ascii=False)
        person = f"{self._before}{escape(form_token)}{self._between}{theirs}{self._after}".encode()
        shell = self.shells.of(kind)
        return shell.gzipped(person) if packs else shell.plain(person)

    def done(self, one: Examinee, *, locale: str, theme: str) -> bytes:
        """Return what somebody sees after the paper: how it was closed, and the receipt. Source: R-28."""
        kind = DoneKind(locale, theme, one.purpose, told_by(one.closed_by), bool(one.receipt))
        theirs = DoneFacts(
            receipt=one.receipt or "",
            closed_at=read_instant(one.closed_at).astimezone(self._zone).strftime("%H:%M:%S"),
            name=one.name,
            ticket=one.ticket,
            seat=f"{one.seat:02d}",
            title=self._infos.known_paper(one.paper_key).title,
        )
        return self._after_paper.page(kind, theirs)


def current_pages() -> AnswerPages:
    """Return the answer pages of this process."""
    return cast(AnswerPages, flask.current_app.extensions["cbt_answer_pages"])


DONE = "/done"
"""What the address of the page after the paper ends with."""


class AskedPage(NamedTuple):
    """Somebody asks for the page of a paper, or for the one after it."""

    environ: WSGIEnvironment
    ref: str
    over: bool
    visit: Visit


class PagePath:
    """Wraps an app: answers who plainly opens their paper or has ended it, hands on everything else."""

    def __init__(self, app: flask.Flask, inner: WSGIApplication) -> None:
        self._inner = inner
        self._app = app
        self._door = door_of(app)
        self._pages = cast(AnswerPages, app.extensions["cbt_answer_pages"])
        self._agreement: Agreement = app.extensions["cbt_agreement"]
        self._together = AskedTogether[tuple[AskedPage, PromisedRequest]](self._tell)
        settings: Settings = app.extensions["cbt_settings"]
        self._prefix = path_of(app, "delivery.runner", ref="")
        self._headers = [
            *(SECURITY_HEADERS | (STRICT_TRANSPORT if settings.https else {})).items(),
            ("Content-Type", "text/html; charset=utf-8"),
        ]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer who opens their paper, or hand the request on."""
        before, prefix, rest = environ["PATH_INFO"].rpartition(self._prefix)
        ref = rest.removesuffix(DONE)
        if (
            environ["REQUEST_METHOD"] == "GET"
            and prefix
            and not before
            and "/" not in ref
            and rest not in self._before_the_paper
            and FOR_VIEW not in environ
            and self._agreement.agrees  # else the app says why not
        ):
            asked = self._asked(environ, ref, over=ref != rest)
            if asked is not None and PROMISES in environ:
                return promise(environ, partial(self._promise, asked))
            answer = None if asked is None else self._answer([asked])[0]
            if answer is not None:
                headers, body = answer
                start_response("200 OK", headers)
                return [body]
        return self._inner(environ, start_response)

    @cached_property
    def _before_the_paper(self) -> frozenset[str]:
        """The pages whose addresses begin as that of a paper does: nobody's paper is looked for to open them."""
        rules = [rule for rule in self._app.url_map.iter_rules() if rule.rule.startswith(self._prefix)]
        return frozenset(rule.rule.removeprefix(self._prefix) for rule in rules if not rule.arguments)

    def _asked(self, environ: WSGIEnvironment, ref: str, *, over: bool) -> AskedPage | None:
        if environ.get("QUERY_STRING") or REFUSED in environ:
            return None
        try:
            visit = self._door.visit(environ)
        except Exception:
            log.exception("an answer page was handed on to the view")
            return None
        return None if visit is None else AskedPage(environ, ref, over, visit)

    def _promise(self, asked: AskedPage, held: PromisedRequest) -> None:
        self._together.ask((asked, held))

    def _tell(self, promised: Sequence[tuple[AskedPage, PromisedRequest]]) -> None:
        """Answer what was promised; what is not plainly somebody's page goes to the view."""
        answers = self._answer([asked for asked, _ in promised])
        for (asked, held), answer in zip(promised, answers, strict=True):
            if answer is None:
                asked.environ[FOR_VIEW] = True
                held.hand_on()
            else:
                held.answer(200, *answer)

    def _answer(self, asked: Sequence[AskedPage]) -> list[tuple[Headers, bytes] | None]:
        """Return what is sent to each; None for whom the view has to answer."""
        try:
            with raw_reading(self._pages.engine) as cursor:
                tokens = sorted({one.visit.token_hash for one in asked})
                found = self._pages.examinees.signed_in(cursor, tokens)
        except Exception:
            log.exception("%d answer pages were handed on to the view", len(asked))
            return [None] * len(asked)
        return [self._page(one, found.get(one.visit.token_hash)) for one in asked]

    def _page(self, asked: AskedPage, found: SignedIn | None) -> tuple[Headers, bytes] | None:
        environ, over = asked.environ, asked.over
        try:
            one = None if found is None else _examinee(found, asked.visit, now=environ[RECEIVED_AT])
            if one is None or one.attempt_ref != asked.ref:
                return None
            if one.belongs_at() != ("delivery.done" if over else None) or (one.by_kiosk and not over):
                return None
            headers, body = self._ended(asked, one) if over else self._opened(asked, one)
        except Exception:
            log.exception("an answer page was handed on to the view")
            return None
        environ[ENDPOINT], environ[STATUS] = "delivery.done" if over else "delivery.runner", 200
        return [*self._headers, *headers, ("Content-Length", str(len(body)))], body

    def _opened(self, asked: AskedPage, one: Examinee) -> tuple[Headers, bytes]:
        visit = asked.visit
        kind = self._pages.kind(one, locale=visit.locale, theme=visit.theme)
        packs = unpacks(asked.environ.get("HTTP_ACCEPT_ENCODING"))
        body = self._pages.page(one, kind, form_token=visit.form_token, packs=packs)
        encoding = [("Content-Encoding", "gzip")] if packs else []
        return [("Vary", "Accept-Encoding, Cookie"), *encoding], body

    def _ended(self, asked: AskedPage, one: Examinee) -> tuple[Headers, bytes]:
        visit = asked.visit
        return [("Vary", "Cookie")], self._pages.done(one, locale=visit.locale, theme=visit.theme)


def _examinee(found: SignedIn, visit: Visit, *, now: datetime) -> Examinee | None:
    """Return whose page it is, where their login session holds."""
    kind, revoked_at, expires_at, kept, examinee = found
    holds = login_holds(kind, revoked_at, expires_at, kept, machine=visit.machine, now=now)
    return examinee if holds else None


def init_answer_pages(app: flask.Flask) -> None:
    """Give `app` its answer pages, and put the short way of them in front of it."""
    app.extensions["cbt_answer_pages"] = AnswerPages(app)
    app.wsgi_app = PagePath(app, app.wsgi_app)  # type: ignore[method-assign]  # how Flask takes middleware
