"""How many are closed at once, by whomever: journals are digested by one query, rows written by one statement.

The rows are locked; what is to be sealed is returned, for whoever seals it at the end of the transaction.

Source: R-28, R-60, R-64; I4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cbt.audit.sealing import EntryDraft, text_of
from cbt.delivery.save.digests import read_grown
from cbt.delivery.save.guard import Dialect
from cbt.delivery.save.sql import for_each, update_each
from cbt.rules.canonical import digest
from cbt.rules.states.attempt import CLOSED_BY, ClosedBy, Event
from cbt.web.refs import new_ref

EVENT_OF: Mapping[ClosedBy, Event] = {closed_by: event for event, closed_by in CLOSED_BY.items()}
NOTHING_KNOWN: Mapping[int, str] = {}
_TYPES = ("text", "timestamptz", "text", "text", "text")
"""The types of the columns that every closing writes, as PostgreSQL calls them."""


class Closing(NamedTuple):
    """An attempt that is closed, until its journal is sealed: `state` is where it was moved from `former`."""

    attempt_id: int
    ref: str
    former: str
    state: str
    closed_by: ClosedBy
    closed_at: datetime
    receipt: str
    now: datetime
    actor: str
    reason: str = ""
    also: tuple[Any, ...] = ()
    """The values of the columns that this closer writes, too."""


class SealedJournal(NamedTuple):
    """The text of a journal, and its digest."""

    text: str
    seal: str


class Closer:
    """Writes closings on the cursor of one transaction that has their rows locked."""

    def __init__(self, dialect: Dialect, also: Mapping[str, str] | None = None) -> None:
        """`also` are columns that each closing brings, with their types."""
        self._dialect = dialect
        more = also or {}
        self._close = (
            "UPDATE attempt SET state = ?, closed_at = ?, closed_by = ?, journal_digest = ?, receipt = ?"
            f"{''.join(f', {name} = ?' for name in more)} WHERE id = ?"
        )
        if dialect.name == "postgresql":
            self._close = for_each(self._close, *_TYPES, *more.values(), "int")

    def close(
        self, cursor: Any, closings: Sequence[Closing], known: Mapping[int, str] = NOTHING_KNOWN
    ) -> tuple[list[EntryDraft], Mapping[int, SealedJournal]]:
        """Write closings, no two of one attempt; return what seals each in the log, and the journals sealed.

        `known` are journals' texts that were read before the rows were locked.
        """
        if not closings:
            return [], {}
        texts = read_grown(cursor, self._dialect, [one.attempt_id for one in closings], known)
        journals = {attempt_id: SealedJournal(text, digest(text)) for attempt_id, text in texts.items()}
        rows = [
            (
                *(one.state, self._dialect.instant(one.closed_at), one.closed_by.value),
                *(journals[one.attempt_id].seal, one.receipt, *one.also, one.attempt_id),
            )
            for one in closings
        ]
        update_each(cursor, self._dialect, self._close, rows)
        return [_entry(one, journals[one.attempt_id].seal) for one in closings], journals


def new_receipt() -> str:
    """Return the number (交卷回执) of a closing that has none yet."""
    return new_ref("R", 10).upper()


def _entry(one: Closing, journal: str) -> EntryDraft:
    """Return the entry of the log that seals a closed attempt with the digest of its journal. Source: R-64."""
    after = {"closed_by": one.closed_by.value, "closed_at": one.closed_at.isoformat(), "journal": journal}
    return EntryDraft(
        at=one.now,
        actor=one.actor,
        act="attempt.close",
        subject=f"attempt:{one.ref}",
        reason=one.reason,
        before=text_of({"state": one.former}),
        after=text_of(after),
    )
