"""The answer journal: one append per answer, durable before it is acknowledged.

Source: R-40, R-41; I1, I2, I3, I10, I11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast

import flask
from sqlalchemy.orm import Session

from cbt.db.base import db
from cbt.db.gate import Gate
from cbt.db.group_commit import GroupWriter
from cbt.delivery.guard import Dialect
from cbt.delivery.infos import InfoCache
from cbt.delivery.saving import Save, SaveBatch, Saved


class Journal:
    """The save path of one process."""

    def __init__(self, app: flask.Flask) -> None:
        with app.app_context():
            engine = db.engine
        self.dialect = Dialect(engine.dialect.name)
        self.writer = GroupWriter(engine, cast(Gate, app.extensions["cbt_gate"]), self.perform)
        self.infos = InfoCache(engine, app.app_context)
        self._saves = SaveBatch(self.dialect)

    def save(self, save: Save) -> Saved:
        """Append the entries of a request in the next group commit.

        Raises Unavailable("db.write") when the commit did not come: nothing is promised then.
        """
        return cast(Saved, self.writer.run(save))

    def save_within(self, session: Session, save: Save) -> Saved:
        """Append the entries of a request within the unit of work of a unit's end or a 交卷."""
        cursor = session.connection().connection.cursor()
        saved = self.perform(cursor, [save])[0]
        cursor.close()
        return saved

    def perform(self, cursor: Any, saves: Sequence[Save]) -> list[Saved]:
        """Carry out the requests of one batch in one transaction."""
        guards = self.dialect.read_guards(cursor, [save.info.attempt_id for save in saves])
        return self._saves.perform(cursor, saves, guards)


def hash_lease(token: str) -> str:
    """Return the hash a lease is stored under."""
    return hashlib.sha256(token.encode()).hexdigest()


def init_journal(app: flask.Flask) -> None:
    """Give `app` its journal; the writing thread begins with the first save, after any fork."""
    app.extensions["cbt_journal"] = Journal(app)


def current_journal() -> Journal:
    """Return the journal of this process."""
    return cast(Journal, flask.current_app.extensions["cbt_journal"])
