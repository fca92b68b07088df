"""The answer page and the one after it: ready bytes with the person put in, and their addresses.

GET /exam/<ref> and /exam/<ref>/done: pages that are asked for in one moment are read together.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

import flask
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import escape

from cbt.door import views as kiosk
from cbt.errors import NotFound
from cbt.http.app_context import path_of
from cbt.http.auth.wsgi_login import BrowserLogin, login_holds
from cbt.http.partials import Reply
from cbt.http.responses import unpacks
from cbt.http.server.coalescence import Coalescer
from cbt.http.server.hot_addresses import HTML, HandOn, HotHandler, HotRequest, HotResponse, OnPage, Result
from cbt.rules.exam import Paper
from cbt.runner.attempt_states import OVER
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
from cbt.runner.save.attempt_row import PaperKey
from cbt.runner.save.journal import Journal
from cbt.storage.engine import Dialect
from cbt.storage.types import db, read_instant
from cbt.storage.unit_of_work import raw_reading
from cbt.storage.write_queue.group_commit import Told

_COLUMNS = (
    "a.ref, a.state, r.confirmed_at, r.query_at, r.pledged_at, o.started_at, r.blueprint_version_id, "
    "r.paper, r.tools, c.name, t.number, s.number, g.purpose, a.receipt, a.closed_by, a.closed_at, "
    "p.candidate_id IS NOT NULL, "
    "EXISTS (SELECT 1 FROM centre WHERE kiosk_origin <> '')"
)
_JOINED = (
    "JOIN attempt a ON a.registration_id = r.id JOIN candidate c ON c.id = r.candidate_id "
    "JOIN admission_ticket t ON t.id = r.ticket_id JOIN seat s ON s.id = r.seat_id "
    "JOIN sitting_room o ON o.id = r.sitting_room_id JOIN sitting g ON g.id = r.sitting_id "
    "LEFT JOIN candidate_photo p ON p.candidate_id = c.id"
)
_BY_REF = f"SELECT {_COLUMNS} FROM registration r {_JOINED} WHERE r.ref = ?"
_BY_LOGIN = (
    f"SELECT l.token_hash, l.kind, l.revoked_at, l.expires_at, l.machine, {_COLUMNS} "
    f"FROM login_session l JOIN registration r ON r.ref = l.subject_ref {_JOINED} WHERE l.token_hash"
)


@dataclass(frozen=True, slots=True)
class Examinee:
    """One registration with its paper and its seat, as the database has it."""

    attempt_ref: str
    attempt_state: str
    confirmed_at: Any
    query_at: Any
    pledged_at: Any
    room_started_at: Any
    version_id: int
    paper: str
    tools: str
    name: str
    ticket: str
    seat: int
    purpose: str
    receipt: str | None
    closed_by: str | None
    closed_at: Any
    has_photo: bool
    by_kiosk: bool
    """Whether any centre asks for its kiosk browser, so that this one is to be looked at."""

    @property
    def paper_key(self) -> PaperKey:
        return self.version_id, self.paper

    def belongs_at(self) -> str | None:
        """Return the page this candidate is led to; None where it is the paper. Source: R-14."""
        if self.attempt_state in OVER:
            return "delivery.done"
        if self.confirmed_at is None or self.query_at is not None:
            return "door.confirm"
        if self.pledged_at is None:
            return "door.notice"
        return "door.wait" if self.room_started_at is None else None

    def told(self, paper: Paper, title: str, *, photo_url: str) -> dict[str, Any]:
        """Return what the page is told of the person."""
        return {
            "ref": self.attempt_ref,
            "paper_title": title,
            "candidate_name": self.name,
            "ticket_number": self.ticket,
            "seat_number": f"{self.seat:02d}",
            "photo_url": photo_url if self.has_photo else None,
            "watermark": f"{self.name} {self.ticket}" if paper.lock_down else None,
            "lock_down": paper.lock_down,
        }


class SignedIn(NamedTuple):
    """An examinee with the login session of a browser, which may be over."""

    kind: str
    revoked_at: Any
    expires_at: Any
    machine: str | None
    examinee: Examinee


class ExamineeReader:
    """Finds them on a cursor of the database."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._by_ref = dialect.sql(_BY_REF)

    def find(self, cursor: Any, registration_ref: str) -> Examinee | None:
        """Return whose registration this is; None while its form is not drawn."""
        cursor.execute(self._by_ref, (registration_ref,))
        row = cursor.fetchone()
        return None if row is None else Examinee(*row)

    def signed_in(self, cursor: Any, token_hashes: Sequence[str]) -> dict[str, SignedIn]:
        """Return who is signed in by tokens, by their hashes; without those nobody has whose form is drawn."""
        among, values = self._dialect.among(token_hashes)
        cursor.execute(f"{_BY_LOGIN} {among}", values)
        return {
            found: SignedIn(kind, revoked_at, expires_at, machine, Examinee(*theirs))
            for found, kind, revoked_at, expires_at, machine, *theirs in cursor.fetchall()
        }


log = logging.getLogger(__name__)
PAPER, DONE = "delivery.runner", "delivery.done"
_TOKEN, _THEIRS = "token-is-here", "person-is-here"


class PendingPage(NamedTuple):
    """Somebody asks for the page of a paper, or for the one after it."""

    ref: str
    login: BrowserLogin
    machine: str
    now: datetime
    packs: bool


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
        self.together = Coalescer[tuple[PendingPage, Told, Any]](self._tell)

    def find(self, registration_ref: str) -> Examinee | None:
        """Return whose registration this is; None while its form is not drawn."""
        with raw_reading(self.engine) as cursor:
            return self.examinees.find(cursor, registration_ref)

    def signed_in(self, pages: Sequence[PendingPage]) -> list[SignedIn | None]:
        """Return whose logins ask, read with one query; None for one without a drawn form."""
        tokens = [one.login.token_hash for one in pages]
        with raw_reading(self.engine) as cursor:
            signed = self.examinees.signed_in(cursor, sorted(set(tokens)))
        return [signed.get(token) for token in tokens]

    def _tell(self, rows: Sequence[tuple[PendingPage, Told, Any]]) -> None:
        outcomes: Sequence[Any]
        try:
            outcomes = self.signed_in([pending for pending, _, _ in rows])
        except Exception as error:
            log.exception("%d answer pages were handed on to the view", len(rows))
            outcomes = [error] * len(rows)
        pairs = defaultdict[Told, list[tuple[Any, Any]]](list)
        for (_, told, kept), outcome in zip(rows, outcomes, strict=True):
            pairs[told].append((kept, outcome))
        for told, some in pairs.items():
            told(some)

    def told(self, examinee: Examinee) -> dict[str, Any]:
        titled_paper = self._infos.known_paper(examinee.paper_key)
        return examinee.told(titled_paper.paper, titled_paper.title, photo_url=self._photo_url)

    def kind(self, examinee: Examinee, *, locale: str, theme: str) -> ShellKind:
        tools = tools_of_page(self._infos.paper(examinee.paper_key), examinee.tools)
        return ShellKind(locale, theme, examinee.purpose, bool(tools))

    def page(self, examinee: Examinee, kind: ShellKind, *, form_token: str, packs: bool) -> bytes:
        theirs = htmlsafe_json_dumps(self.told(examinee), dumps=self._dumps, ensure_ascii=False)
        person = f"{self._before}{escape(form_token)}{self._between}{theirs}{self._after}".encode()
        shell = self.shells.of(kind)
        return shell.gzipped(person) if packs else shell.plain(person)

    def done(self, examinee: Examinee, *, locale: str, theme: str) -> bytes:
        """Return what somebody sees after the paper: how it was closed, and the receipt. Source: R-28."""
        kind = DoneKind(locale, theme, examinee.purpose, told_by(examinee.closed_by), bool(examinee.receipt))
        theirs = DoneFacts(
            receipt=examinee.receipt or "",
            closed_at=read_instant(examinee.closed_at).astimezone(self._zone).strftime("%H:%M:%S"),
            name=examinee.name,
            ticket=examinee.ticket,
            seat=f"{examinee.seat:02d}",
            title=self._infos.known_paper(examinee.paper_key).title,
        )
        return self._after_paper.page(kind, theirs)


def current_pages() -> AnswerPages:
    return cast(AnswerPages, flask.current_app.extensions["cbt_answer_pages"])


class PageHandler(HotHandler[PendingPage]):
    """The answer page: one shell for the whole paper, filled by the page's own requests."""

    def __init__(self, app: flask.Flask) -> None:
        self._pages = cast(AnswerPages, app.extensions["cbt_answer_pages"])

    def read(self, request: HotRequest) -> PendingPage | Result:
        """Return who asks; a browser that was given no form or no token of its machine yet has the view's page."""
        login = request.login
        if not request.by_view and (
            request.environ.get("QUERY_STRING") or not login.has_machine or login.form_token() is None
        ):
            return HandOn.TO_THE_VIEW
        packs = unpacks(request.environ.get("HTTP_ACCEPT_ENCODING"))
        pending = PendingPage(request.ref, login, request.machine, request.now, packs)
        if request.by_view:  # its reply may set cookies: the token of a form, and that of a machine
            return self._result(pending, self.carry_out(pending))
        return pending

    def carry_out(self, pending: PendingPage) -> SignedIn | None:
        """Read whose login it is; None for one without a drawn form."""
        return self._pages.signed_in([pending])[0]

    def ask(self, pending: PendingPage, on_commit: Told, kept: Any) -> None:
        """Have it read with whatever is asked for just now."""
        self._pages.together.ask((pending, on_commit, kept))

    def results(self, outcomes: Sequence[tuple[PendingPage, Any]], *, may_wait: bool) -> Sequence[Result]:
        """Return the pages, or where those belong who have no such page."""
        return [self._result(pending, found) for pending, found in outcomes]

    def _result(self, pending: PendingPage, signed_in: SignedIn | None) -> Result:
        """Return the page of somebody whose login session holds; a fault of it spoils nobody else's."""
        examinee = None if signed_in is None else _examinee(signed_in, pending.machine, now=pending.now)
        if examinee is None or examinee.attempt_ref != pending.ref:
            return OnPage(_nobodys)
        try:
            return self._page(pending, examinee)
        except Exception:
            log.exception("an answer page was handed on to the view")
            return HandOn.TO_THE_VIEW

    def _page(self, pending: PendingPage, examinee: Examinee) -> Result:
        elsewhere = examinee.belongs_at()
        if elsewhere is not None:
            return OnPage(partial(_insisting, partial(_lead_to, elsewhere, pending.ref)))
        login = pending.login
        kind = self._pages.kind(examinee, locale=login.locale, theme=login.theme)
        form_token = login.form_token() or ""
        body = self._pages.page(examinee, kind, form_token=form_token, packs=pending.packs)
        encoding = [("Content-Encoding", "gzip")] if pending.packs else []
        response = HotResponse([HTML, ("Vary", "Accept-Encoding, Cookie"), *encoding], body)
        return OnPage(partial(_insisting, response.as_reply)) if examinee.by_kiosk else response


class DoneHandler(PageHandler):
    """What a candidate sees after the paper: how it was closed, and the receipt (R-28)."""

    def _page(self, pending: PendingPage, examinee: Examinee) -> Result:
        if examinee.attempt_state not in OVER:
            return OnPage(partial(_lead_to, PAPER, pending.ref))
        body = self._pages.done(examinee, locale=pending.login.locale, theme=pending.login.theme)
        return HotResponse([HTML, ("Vary", "Cookie")], body)


def _examinee(signed_in: SignedIn, machine: str, *, now: datetime) -> Examinee | None:
    kind, revoked_at, expires_at, kept, examinee = signed_in
    holds = login_holds(kind, revoked_at, expires_at, kept, machine=machine, now=now)
    return examinee if holds else None


def _insisting(reply: Callable[[], Reply]) -> Reply:
    """Reply to the centre's own browser, where it insists on one."""
    kiosk.insist()
    return reply()


def _nobodys() -> Reply:
    if flask.request.endpoint == PAPER:
        kiosk.insist()
    raise NotFound("attempt.unknown")


def _lead_to(endpoint: str, ref: str) -> Reply:
    of_a_paper = endpoint in (PAPER, DONE)
    return flask.redirect(flask.url_for(endpoint, ref=ref) if of_a_paper else flask.url_for(endpoint), 303)


def init_answer_pages(app: flask.Flask) -> None:
    app.extensions["cbt_answer_pages"] = AnswerPages(app)
