"""The answer journal: one append per answer, durable before it is acknowledged.

Source: R-40, R-41; I1, I2, I3, I10, I11.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import flask
from sqlalchemy.orm import Session

from cbt.clock import Clock
from cbt.db.types import db
from cbt.db.unit_of_work import reading
from cbt.db.writing.commits import Commits, Tell
from cbt.db.writing.gate import Gate
from cbt.db.writing.group_commit import GroupWriter
from cbt.db.writing.line import WriteLine
from cbt.db.writing.owner import LineServer
from cbt.db.writing.parcels import WRITING, Parcel, put_down_within
from cbt.delivery.save.batch import SaveBatch
from cbt.delivery.save.exchange import Save, Saved
from cbt.delivery.save.guard import Dialect, Guard
from cbt.delivery.save.infos import InfoCache
from cbt.delivery.save.packing import Request, SavePacking
from cbt.delivery.save.quotas import LeaseRate
from cbt.delivery.start.batch import StartBatch
from cbt.delivery.start.claims import Claim, Start

LINES = 3
"""Lines from each server process to the one that writes: what comes while a batch is there goes with the next."""


class Journal:
    """The save path of one process."""

    def __init__(self, app: flask.Flask) -> None:
        with app.app_context():
            engine = db.engine
        self.dialect = Dialect(engine.dialect.name)
        self.tell: Tell = _nobody
        """Called after each batch that this process commits (see Commits)."""
        self._commits = partial(
            Commits,
            engine,
            cast(Gate, app.extensions["cbt_gate"]),
            self.perform,
            lambda *how: self.tell(*how),
        )
        self.commits = self._commits()
        self.writer = GroupWriter([self.commits])
        self.infos = InfoCache(engine, app.app_context)
        self._clock = cast(Clock, app.extensions["cbt_clock"])
        self.rate = LeaseRate()
        self._saves = SaveBatch(self.dialect)
        self._starts = StartBatch(self.dialect, self.infos.paper)

    def write_by(self, folder: Path) -> None:
        """Have batches carried out by the process that owns the writing in `folder`, while there is one."""
        self.writer.carriers = [WriteLine(folder, SavePacking(), self._commits()) for _ in range(LINES)]

    def serve_lines(self, folder: Path, until: int) -> None:
        """Own the writing in `folder`: carry out what the server processes send, until `until` ends."""
        LineServer(folder, SavePacking(), self.commits).serve(until)

    def save(self, save: Save) -> Saved:
        """Append the entries of a request in the next group commit.

        Raises Unavailable("db.write") when the commit did not come: nothing is promised then.
        """
        return cast(Saved, self.writer.run(save))

    def peek(self, attempt_id: int) -> Guard:
        """Return the attempt's row as it is now, for showing it."""
        with reading() as session:
            return self.peek_within(session, attempt_id)

    def peek_within(self, session: Session, attempt_id: int) -> Guard:
        """Return the attempt's row as a session sees it, for showing it."""
        cursor = session.connection().connection.cursor()
        guard = self.dialect.peek_guard(cursor, attempt_id)
        cursor.close()
        return guard

    def save_within(self, session: Session, save: Save) -> Saved:
        """Append the entries of a request within the unit of work of a unit's end or a 交卷."""
        cursor = session.connection().connection.cursor()
        guards = self.dialect.read_guards(cursor, [save.attempt_id])
        saved = self._saves.perform(cursor, [save], guards, at=save.now)[0]
        cursor.close()
        return saved

    def perform(self, cursor: Any, requests: Sequence[Request]) -> list[Any]:
        """Carry out the requests of one batch in one transaction: the saves, the starts, then the parcels.

        None of them was answered yet, so any order is as good; all rows are locked at once (see read_guards).
        What was received longer ago than the transport grace is refused and comes again: a request may not wait
        past the deadline and count as in time (R-21).
        """
        at = self._clock.now()
        starts = [one for one in requests if isinstance(one, Start)]
        saves = [one for one in requests if isinstance(one, Save)]
        claims = self._starts.claims(cursor, starts) if starts else []
        ids = [one.attempt_id for one in saves]
        ids += [one.form.attempt_id for one in claims if isinstance(one, Claim)]
        guards = self.dialect.read_guards(cursor, ids, exclusive=bool(starts)) if ids else {}
        saved = iter(self._saves.perform(cursor, saves, guards, at=at) if saves else ())
        opened = iter(self._starts.perform(cursor, starts, claims, guards, at=at) if starts else ())
        return [
            put_down_within(cursor, one, self.dialect.name)
            if isinstance(one, Parcel)
            else next(saved if isinstance(one, Save) else opened)
            for one in requests
        ]


def _nobody(_size: int, _seconds: float | None) -> None:
    pass


def init_journal(app: flask.Flask) -> None:
    """Give `app` its journal; the writing thread begins with the first save, after any fork."""
    app.extensions[WRITING] = Journal(app)


def current_journal() -> Journal:
    """Return the journal of this process."""
    return cast(Journal, flask.current_app.extensions[WRITING])
