"""Puts together what is known, before anybody asks it: where a hall waits, nobody waits for that as well."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

from sqlalchemy.engine import Dialect as SqlDialect


class KnownStatement(Protocol):
    """A select or a change that is put together once for each kind of database."""

    def prepare(self, dialect: SqlDialect) -> None:
        """Put it together for a kind of database, if it is not yet."""
        ...


_known: weakref.WeakSet[KnownStatement] = weakref.WeakSet()
_counting = threading.Lock()
"""Requests make some of them while a thread goes through all: a set that grows meanwhile cannot be gone through."""


def remember(one: KnownStatement) -> None:
    """Have `one` put together with all others of this process."""
    with _counting:
        _known.add(one)


def put_together(dialect: SqlDialect) -> None:
    """Put all of this process together that were not asked yet, for one kind of database."""
    with _counting:
        known = list(_known)
    for one in known:
        one.prepare(dialect)
