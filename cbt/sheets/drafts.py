"""Files between their dry run and their import: sealed, seen only by who brought them, gone once they are used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, String, delete, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.db.private.sealing import open_bytes, seal_bytes
from cbt.db.types import Named, UtcDateTime
from cbt.errors import NotFound, Unavailable

LIFE = timedelta(hours=24)


class SheetDraft(Named):
    """One kept file: it may hold personal numbers or keys, so it is sealed as those are."""

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

    def seal(self, body: bytes) -> bytes:
        """Return the bytes of a file as they are kept: worked out before the unit of work that keeps them (I13)."""
        return seal_bytes(body, self.kind)

    def keep(
        self,
        session: Session,
        *,
        ref: str,
        subject: str,
        file_name: str,
        sealed: bytes,
        now: datetime,
        actor: str,
    ) -> str:
        """Keep a sealed file and return its ref; this person's former one for the subject goes, and what is old."""
        former = (SheetDraft.subject == subject) & (SheetDraft.actor == actor)
        session.execute(delete(SheetDraft).where(or_(former, SheetDraft.created_at < now - LIFE)))
        session.add(
            SheetDraft(
                ref=ref,
                subject=subject,
                actor=actor,
                file_name=file_name[:200],
                sealed=sealed,
                created_at=now,
            )
        )
        return ref

    def open(self, session: Session, ref: str, *, subject: str, actor: str) -> tuple[str, bytes]:
        """Return the name and the bytes of a draft; raise NotFound for none, or for another person's."""
        own = select(SheetDraft).where(SheetDraft.ref == ref, SheetDraft.actor == actor)
        draft = session.scalar(own.where(SheetDraft.subject == subject))
        if draft is None:
            raise NotFound(self.gone)
        try:
            return draft.file_name, open_bytes(draft.sealed, self.kind)
        except Unavailable as error:  # sealed under a personal.key that was lost meanwhile
            raise NotFound(self.gone) from error

    def use(self, session: Session, ref: str, *, actor: str) -> None:
        """Forget a draft that is imported now; raise NotFound when somebody else has used it meanwhile."""
        if not drop(session, ref, actor=actor):
            raise NotFound(self.gone)


def drop(session: Session, ref: str, *, actor: str) -> bool:
    """Forget a draft of this person and return whether there was one."""
    own = delete(SheetDraft).where(SheetDraft.ref == ref, SheetDraft.actor == actor)
    return session.scalar(own.returning(SheetDraft.id)) is not None
