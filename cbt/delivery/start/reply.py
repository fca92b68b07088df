"""What a candidate gets when the paper is opened: lease, clock, paper and everything answered so far."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast

import flask

from cbt.delivery.clock_json import clock_text, quoted, windows_text
from cbt.delivery.messages import deliver
from cbt.delivery.news.watcher import Watcher
from cbt.delivery.paper.joining import PaperWriter
from cbt.delivery.paper.pieces import PackedPiece, joined
from cbt.delivery.recovery.file import seal_secret
from cbt.delivery.save.journal import Journal
from cbt.delivery.start.batch import Opened
from cbt.delivery.start.claims import Start
from cbt.delivery.store import journal_state
from cbt.delivery.waiting.hall import WaitingHall
from cbt.errors import CbtError
from cbt.rules.canonical import canonical_json

MOST_FORMER = 100
"""Former leases whose secrets a start hands out; nobody reloads that often and still has something waiting."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedReply:
    """The reply to a start: JSON before and after the paper's items, and these as they lie there packed."""

    before: str
    piece: PackedPiece
    after: str

    def text(self) -> str:
        """Return it as JSON."""
        return f"{self.before}{self.piece.text()}{self.after}"

    def packed(self) -> bytes:
        """Return it as gzip."""
        return joined(self.before.encode(), self.piece, self.after.encode())


class Openings:
    """Opens papers in one process."""

    def __init__(self, app: flask.Flask) -> None:
        self._journal = cast(Journal, app.extensions["cbt_journal"])
        self._context = app.app_context
        self._personal_key: bytes = app.config["PERSONAL_KEY"]
        self._watcher = cast(Watcher, app.extensions["cbt_news"])
        self._hall: WaitingHall = app.extensions["cbt_waiting_hall"]
        self.papers = PaperWriter(app.app_context, self._journal.infos.engine)

    def open(self, start: Start, *, locale: str) -> OpenedReply:
        """Open or reopen the paper for one browser; return the reply once all of it is on disk.

        The first opening starts the candidate's clock; the room must have started (R-20). Raises the refusals
        of StartBatch, and Unavailable("db.write").

        Source: R-14, R-20, R-42, R-43, R-44.
        """
        now, number = (
            start.now,
            self._number(),
        )  # before the start: what it is told may be newer, and is never older
        opened = self._journal.writer.run(start)
        if isinstance(opened, CbtError):
            raise opened
        opened = cast(Opened, opened)
        guard = opened.guard
        info, form = self._journal.infos.learn(start.ref, opened.form)
        journal, seq = journal_state(opened.journal)
        messages = "[]"
        if guard.has_message:
            with self._context():
                messages = deliver(info, now)
        paper, piece = self.papers.parts(
            info, form, state=guard.state, open_unit=guard.open_unit, locale=locale
        )
        clock = clock_text(info, guard, now=now, messages=messages)
        seal = seal_secret(self._personal_key, start.ref, opened.epoch)
        before = (
            f'{{"lease":"{opened.lease}","epoch":{opened.epoch},"number":{number},"seal":"{seal}",'
            f'"seals":{self._former_seals(start.ref, opened.epoch)},"now":{quoted(now)},'
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
    """Give `app` its openings; its journal is there already."""
    app.extensions["cbt_openings"] = Openings(app)


def current_openings() -> Openings:
    """Return the openings of this process."""
    return cast(Openings, flask.current_app.extensions["cbt_openings"])
