"""Files between their dry run and their import: sealed, seen only by who brought them, gone once they are used.

A large one is kept in pieces, each written in a unit of work of its own (I13): rows named after the draft, which
are there before it and are nobody's without it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, LargeBinary, String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.errors import NotFound, Unavailable
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.types import Named, UtcDateTime
from cbt.storage.unit_of_work import after_commit, pieces_of, reading, unit_of_work

LIFE = timedelta(hours=24)
PIECE_BYTES = 512 * 1024
"""So much of a file is written in one unit of work."""
GONE_AT_ONCE = 4
"""So many pieces are deleted in one unit of work."""
log = logging.getLogger(__name__)


class SheetDraft(Named):
    """One kept file, or a further piece of one: it may hold personal numbers or keys, so it is sealed."""

    subject: Mapped[str] = mapped_column(String(120))
    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of one kind of file: what they are sealed for, and the code that says one is not there.

    `subject` is what a file is for, as the audit log names it (`sitting:…`).
    """

    kind: str
    gone: str

    @contextmanager
    def brought(
        self, body: bytes, *, ref: str, file_name: str, now: datetime, actor: str
    ) -> Iterator[SheetDraft]:
        """Write the pieces of a file but the first, and lend the draft that `keep` stores with it.

        Not to be called within a unit of work. When the block raises, what was written is forgotten; of a process
        that was stopped it is as old drafts are.
        """
        sealed = seal_bytes(body, self.kind)
        bodies = [sealed[start : start + PIECE_BYTES] for start in range(0, len(sealed), PIECE_BYTES)]
        head, *others = [
            SheetDraft(
                ref=f"{ref}.{place:03d}" if place else ref,
                subject="",
                actor=actor,
                file_name=file_name[:200],
                sealed=piece,
                created_at=now,
            )
            for place, piece in enumerate(bodies)
        ]
        try:
            for pieces in pieces_of(others, size=1):
                with unit_of_work() as session:
                    session.add_all(pieces)
            yield head
        except BaseException:
            if others:
                _forget(_pieces_of(ref))
            raise

    def keep(self, session: Session, draft: SheetDraft, *, subject: str) -> str:
        """Keep what was `brought` and return its ref; their former one for the subject goes, and old ones."""
        ref, old = draft.ref, SheetDraft.created_at < draft.created_at - LIFE
        own = (SheetDraft.subject == subject) & (SheetDraft.actor == draft.actor)
        former = session.scalars(delete(SheetDraft).where(own).returning(SheetDraft.ref)).all()
        draft.subject = subject
        session.add(draft)
        after_commit(session, partial(_forget, or_(old, *map(_pieces_of, former))))
        return ref

    def open(self, session: Session, ref: str, *, subject: str, actor: str) -> tuple[str, bytes]:
        """Return the name and the bytes of a draft; raise NotFound for none, or for another person's."""
        own = select(SheetDraft).where(or_(SheetDraft.ref == ref, _pieces_of(ref)), SheetDraft.actor == actor)
        sheet_drafts = {piece.ref: piece for piece in session.scalars(own)}
        draft = sheet_drafts.get(ref)
        if draft is None or draft.subject != subject:
            raise NotFound(self.gone)
        sealed = b"".join(sheet_drafts[name].sealed for name in sorted(sheet_drafts))
        try:
            return draft.file_name, open_bytes(sealed, self.kind)
        except Unavailable as error:  # sealed under a personal.key that was lost meanwhile
            raise NotFound(self.gone) from error


def drop(session: Session, ref: str, *, actor: str) -> bool:
    """Forget a draft of this person and return whether there was one."""
    own = delete(SheetDraft).where(SheetDraft.ref == ref, SheetDraft.actor == actor)
    dropped = session.scalar(own.returning(SheetDraft.id)) is not None
    if dropped:
        after_commit(session, partial(_forget, _pieces_of(ref)))
    return dropped


def _pieces_of(ref: str) -> ColumnElement[bool]:
    return SheetDraft.ref.startswith(f"{ref}.", autoescape=True)


def _forget(chosen: ColumnElement[bool]) -> None:
    """Delete drafts and pieces that nobody finds any more, a few at a time; what is left goes with what is old."""
    try:
        with reading() as session:
            ids = session.scalars(select(SheetDraft.id).where(chosen)).all()
        for some in pieces_of(ids, size=GONE_AT_ONCE):
            with unit_of_work() as session:
                session.execute(delete(SheetDraft).where(SheetDraft.id.in_(some)))
    except Exception as error:
        log.warning("the pieces of a draft are deleted later: %s", type(error).__name__)
