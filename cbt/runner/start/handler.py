"""The address of a start: POST /attempts/<ref>/start.

Its reply is lease, clock, paper and everything answered so far. When the proctor starts a room everybody sends this
request in the same second: the attempts of a batch are opened, and their papers, packed beforehand, read together.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, cast

import flask

from cbt.errors import CbtError, Locked
from cbt.http.responses import unpacks
from cbt.http.server.hot_addresses import (
    HandOn,
    HotHandler,
    HotRequest,
    HotResponse,
    OnPage,
    Result,
    json_response,
)
from cbt.rules.canonical import canonical_json
from cbt.rules.overload import START_PATIENCE
from cbt.runner.attempt_changes import deliver
from cbt.runner.news.watcher import Watcher
from cbt.runner.paper.content import (
    SHOWN,
    PackedPiece,
    PaperWriter,
    PieceKey,
    joined,
    let_go,
    put_down,
    unpacked,
    unused,
)
from cbt.runner.protocol import clock_text, quoted, windows_text
from cbt.runner.recovery_file import seal_secret
from cbt.runner.replies import standing_reply
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.save.journal import Journal, current_journal
from cbt.runner.start.batch import Opened, Start
from cbt.runner.store import journal_state
from cbt.runner.waiting.hall import WaitingHall
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.group_commit import Told

log = logging.getLogger(__name__)


MOST_FORMER = 100
"""Former leases whose secrets a start hands out; nobody reloads that often and still has something waiting."""


@dataclass(frozen=True, slots=True)
class OpenedReply:
    """The reply to a start: JSON before and after the paper's items, and these as they lie there packed."""

    before: str
    piece: PackedPiece
    after: str

    def text(self) -> str:
        return f"{self.before}{self.piece.text()}{self.after}"

    def packed(self) -> bytes:
        return joined(self.before.encode(), self.piece, self.after.encode())


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A start as it is asked for: in which language, up to which number of the log its page will know all, and
    whether its browser unpacks."""

    start: Start
    locale: str
    number: str
    packs: bool


class Openings:
    """Opens papers in one process."""

    def __init__(self, app: flask.Flask) -> None:
        self._journal = cast(Journal, app.extensions["cbt_journal"])
        self._context = app.app_context
        self._personal_key: bytes = app.config["PERSONAL_KEY"]
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        self._hall: WaitingHall = app.extensions["cbt_waiting_hall"]
        self.papers = PaperWriter(app.app_context, self._journal.infos.engine)

    def open(self, start: Start) -> Opened | CbtError:
        """Open or reopen the paper for one browser; return how once it is on disk, or why not.

        The first opening starts the candidate's clock; the room must have started (R-20). Refused as StartBatch
        does; raises Unavailable("db.busy") and ("db.write").

        Source: R-14, R-20, R-42, R-43, R-44.
        """
        return cast("Opened | CbtError", self._journal.writer.run(start, patience=START_PATIENCE))

    def asked(self, start: Start, locale: str, *, packs: bool) -> StartRequest:
        """Return a start that is about to be asked for: what its page is told may be newer, and is never older."""
        return StartRequest(start, locale, self._number(), packs)

    def promised(self, start: Start, locale: str, *, packs: bool) -> StartRequest | None:
        """Return the same; None where the end of the log would have to be read first."""
        if not self._watcher.is_up_to_date:
            return None
        return StartRequest(start, locale, str(self._hall.number), packs)

    def ask(self, start: Start, on_commit: Told, kept: Any) -> None:
        """Open or reopen a paper as `open` does; `on_commit` is told what is `kept` of it (GroupWriter.ask)."""
        self._journal.ask(start, on_commit, kept, patience=START_PATIENCE)

    def reply(self, request: StartRequest, opened: Opened) -> OpenedReply:
        """Return the reply to a start that was carried out."""
        guard = opened.guard
        info, form = self._journal.infos.learn(request.start.ref, opened.form)
        messages = "[]"
        if guard.has_message:
            with self._context():
                messages = deliver(info, request.start.now)
        paper, piece = self.papers.parts(
            info, form, state=guard.state, open_unit=guard.open_unit, locale=request.locale
        )
        return self._written(request, opened, info, paper, piece, messages)

    def replies(self, starts: Sequence[tuple[StartRequest, Opened]]) -> list[OpenedReply | None]:
        """Return the replies to starts whose papers lie there packed, read together.

        None where more is to be done: a paper to be joined, a reminder to be delivered.
        """
        keys: list[PieceKey] = [
            (opened.form.form_id, opened.guard.open_unit or 0, asked.locale) for asked, opened in starts
        ]
        pieces = self.papers.lying_there(keys)
        replies: list[OpenedReply | None] = []
        for (opening, opened), key in zip(starts, keys, strict=True):
            guard, piece = opened.guard, pieces.get(key)
            info, form = self._journal.infos.learn(opening.start.ref, opened.form)
            paper = self.papers.head_at_hand(info, form, state=guard.state, open_unit=guard.open_unit)
            if piece is None or paper is None or guard.has_message or guard.state not in SHOWN:
                replies.append(None)
            else:
                replies.append(self._written(opening, opened, info, paper, piece, "[]"))
        return replies

    def _written(
        self,
        request: StartRequest,
        opened: Opened,
        info: AttemptInfo,
        paper: str,
        piece: PackedPiece,
        messages: str,
    ) -> OpenedReply:
        start, now = request.start, quoted(request.start.now)
        journal, seq = journal_state(opened.journal)
        clock = clock_text(info, opened.guard, now=start.now, messages=messages)
        seal = seal_secret(self._personal_key, start.ref, opened.epoch)
        before = (
            f'{{"lease":"{opened.lease}","epoch":{opened.epoch},"number":{request.number},"seal":"{seal}",'
            f'"seals":{self._former_seals(start.ref, opened.epoch)},"now":{now},'
            f'"clock":{clock},"windows":{windows_text(opened.windows)},'
            f'"at":{"null" if opened.place is None else opened.place},'
            f'"paper":{paper}'
        )
        return OpenedReply(before, piece, f'}},"journal":{canonical_json(journal)},"seq":{seq}}}')

    def _number(self) -> str:
        """Return up to which number of the log the page knows all: its first request for news waits at once.

        Without it the page asks, and pays for it; so a paper is opened whatever becomes of this.
        """
        try:
            self._watcher.keep_up()
        except Exception:
            log.warning("the end of the log could not be read", exc_info=True)
            return "null"
        return str(self._hall.number)

    def _former_seals(self, ref: str, epoch: int) -> str:
        """Return by epoch the secrets of former leases: what waits in the browser is sealed with them.

        Source: R-16.
        """
        former = range(max(1, epoch - MOST_FORMER), epoch)
        return canonical_json({str(one): seal_secret(self._personal_key, ref, one) for one in former})


def init_openings(app: flask.Flask) -> None:
    app.extensions["cbt_openings"] = Openings(app)


def current_openings() -> Openings:
    return cast(Openings, flask.current_app.extensions["cbt_openings"])


# Packs papers while the doors are open, so that nothing is joined in the second everybody starts.
#
# A job of the leader; whoever starts before it came round gets a paper that is joined then.

CHUNK, MOST = 50, 1000
"""So many papers in one transaction, and in one run."""


def pack_papers(*, now: datetime) -> int:
    """Pack the papers of rooms whose doors are open; return how many.

    One that cannot be joined keeps no other from it: its candidate is told at the start.
    """
    locale: str = flask.current_app.config["BABEL_DEFAULT_LOCALE"]
    papers = current_openings().papers
    mark, packed, last = papers.mark(locale), 0, 0
    while packed < MOST:
        with reading() as session:
            refs = unpacked(session, locale=locale, mark=mark, after=last, most=CHUNK)
        if not refs:
            break
        last = max(refs)
        pieces = _pieces(refs.values(), locale)
        if pieces:
            with unit_of_work() as session:
                put_down(session, pieces, mark=mark)
        packed += len({form_id for form_id, _, _ in pieces})
    return packed


def _pieces(refs: Iterable[str], locale: str) -> dict[PieceKey, PackedPiece]:
    papers, infos = current_openings().papers, current_journal().infos
    pieces: dict[PieceKey, PackedPiece] = {}
    for ref in refs:
        try:
            info, form = infos.read(ref)
            for part in sorted(set(info.units)):
                key = form.form_id, part, locale
                if key not in pieces:
                    pieces[key] = papers.piece(info, form, part=part, locale=locale)
        except Exception:
            log.exception("the paper of %s cannot be packed", ref)
    return pieces


def forget_papers(*, now: datetime) -> int:
    """Delete the packed papers that nobody has before them any more; return how many."""
    with reading() as session:
        over = unused(session, most=MOST)
    if over:
        with unit_of_work() as session:
            let_go(session, over)
    return len(over)


_PACKED = [
    ("Content-Type", "application/json"),
    ("Vary", "Cookie, Accept-Encoding"),
    ("Content-Encoding", "gzip"),
]


class StartHandler(HotHandler[StartRequest]):
    """Opens the attempt for this browser: lease, clock, paper and everything answered so far."""

    def __init__(self, app: flask.Flask) -> None:
        self._openings = cast(Openings, app.extensions["cbt_openings"])

    def read(self, request: HotRequest) -> StartRequest | Result:
        """Return the start; the loop leaves it to a thread where the end of the log would have to be read."""
        login = request.login
        start = Start(request.ref, login.token_hash, request.machine, request.now)
        packs = unpacks(request.environ.get("HTTP_ACCEPT_ENCODING"))
        if request.at_once:
            return self._openings.promised(start, login.locale, packs=packs) or HandOn.TO_A_THREAD
        return self._openings.asked(start, login.locale, packs=packs)

    def carry_out(self, pending: StartRequest) -> Opened | CbtError:
        """Wait for the commit; return why the paper is not opened, or raise Unavailable."""
        return self._openings.open(pending.start)

    def ask(self, pending: StartRequest, on_commit: Told, kept: Any) -> None:
        """Have it carried out in the next group commit."""
        self._openings.ask(pending.start, on_commit, kept)

    def results(self, outcomes: Sequence[tuple[StartRequest, Any]], *, may_wait: bool) -> Sequence[Result]:
        """Return the papers that lie there packed; to join one takes a thread longer."""
        if may_wait:
            return [_response(asked, self._openings.reply(asked, opened)) for asked, opened in outcomes]
        replies = self._openings.replies(outcomes)
        return [
            HandOn.TO_A_THREAD if reply is None else _response(asked, reply)
            for (asked, _), reply in zip(outcomes, replies, strict=True)
        ]

    def refused(self, ref: str, error: CbtError) -> Result:
        """Return why a paper is not opened; who is told to wait hears who did what."""
        return OnPage(partial(standing_reply, ref, error)) if isinstance(error, Locked) else error


def _response(request: StartRequest, reply: OpenedReply) -> HotResponse:
    if request.packs:
        return HotResponse(_PACKED, reply.packed())
    return json_response(reply.text(), ("Vary", "Cookie"))
