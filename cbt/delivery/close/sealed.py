"""Journals that this process has sealed and nobody has scored yet: they need not be joined again.

A text is kept with its digest: while that is the seal that the attempt's row holds, it is the sealed journal,
whatever has happened to the attempt meanwhile. What is not kept is read.

Source: R-50, R-64; I6.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.delivery.close.closing import SealedJournal
from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import journal_texts

MOST = 40_000_000
"""So many characters are kept at most: ten thousand journals of a hundred answers, and some."""


class SealedTexts:
    """The texts of an app's process, by attempt."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._texts: dict[int, SealedJournal] = {}
        self._length = 0

    def keep(self, texts: Mapping[int, SealedJournal]) -> None:
        """Keep texts until they are taken; those that nobody came for make room for others."""
        with self._lock:
            for attempt_id, sealed in texts.items():
                self._drop(attempt_id)
                if self._length + len(sealed.text) > self._most:
                    self._texts.clear()
                    self._length = 0
                self._texts[attempt_id] = sealed
                self._length += len(sealed.text)

    def take(self, attempt_id: int, seal: str | None) -> str | None:
        """Return the journal of an attempt that has this seal, and let go of it; None where it is not kept."""
        with self._lock:
            sealed = self._drop(attempt_id)
        return sealed.text if sealed is not None and sealed.seal == seal else None

    def _drop(self, attempt_id: int) -> SealedJournal | None:
        sealed = self._texts.pop(attempt_id, None)
        self._length -= 0 if sealed is None else len(sealed.text)
        return sealed


def sealed_here() -> SealedTexts:
    """Return what this process keeps."""
    texts: SealedTexts = flask.current_app.extensions.setdefault("cbt_sealed_texts", SealedTexts())
    return texts


def sealed_texts(session: Session, attempt_ids: Sequence[int]) -> dict[int, str]:
    """Return what `journal_texts` does, for attempts that are closed; what was sealed here is not read."""
    query = select(Attempt.id, Attempt.journal_digest).where(Attempt.id.in_(attempt_ids))
    found = {attempt_id: sealed_here().take(attempt_id, seal) for attempt_id, seal in session.execute(query)}
    texts = {attempt_id: text for attempt_id, text in found.items() if text is not None}
    left = [attempt_id for attempt_id in attempt_ids if attempt_id not in texts]
    return texts | journal_texts(session, left)
