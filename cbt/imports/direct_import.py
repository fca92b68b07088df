"""What is read of a brought file and stored while one waits: people, photos; what is found in a file, in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar, Generic, TypeVar

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.errors import CbtError
from cbt.http.i18n import explain
from cbt.spreadsheets.drafts import Drafts, drop
from cbt.spreadsheets.findings import Finding, Note, Severity
from cbt.storage.types import Named, new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in


def note(finding: Finding, words: tuple[str, str] | None = None) -> Note:
    """Return a finding as people read it: in its room's words, else in those of the error it is named after."""
    label = _("candidates.roster.stop" if finding.severity is Severity.ERROR else "candidates.roster.hint")
    why, fix = words or explain(CbtError(finding.code, **finding.params))
    return Note(finding.severity, label, finding.place, finding.value, why, fix)


Owner = TypeVar("Owner", bound=Named)
L = TypeVar("L")


class DirectImport(ABC, Generic[Owner, L]):
    """One kind: Owner is the row of what a file is for, L a line to be stored.

    What is good is stored, whatever else is wrong with a file, a few lines at a time. Of one that was stopped what
    is in stays, and is passed over or set anew when the file comes again; so it is not taken back as a whole: its
    lines are taken out, or put right, where their owner shows them.
    """

    drafts: ClassVar[Drafts]
    """Where a file is kept that is looked at before it is stored: until nothing of it is left to store."""
    act: ClassVar[str]
    counted: ClassVar[str]
    """What the log calls the lines that it counts."""
    at_once: ClassVar[int]
    """Lines that are stored in one unit of work."""

    def __init__(self, *, now: datetime, actor: str) -> None:
        self.now, self.actor = now, actor

    @abstractmethod
    def owner(self, session: Session, ref: str, *, changing: bool = True) -> Owner:
        """Return what a file is for, of who may bring one; raise NotFound, or Conflict where it takes none."""

    @abstractmethod
    def store_some(self, session: Session, owner: Owner, lines: Sequence[L]) -> int:
        """Store those of some lines that still fit; return how many."""

    def keep(self, ref: str, file_name: str, body: bytes) -> str:
        """Keep a file for its look and return its ref; this person's former one for the owner goes."""
        brought_by = {"ref": new_ref("dr"), "file_name": file_name, "actor": self.actor}
        with self.drafts.brought(body, now=self.now, **brought_by) as draft, unit_of_work() as session:
            return self.drafts.keep(session, draft, subject=self.owner(session, ref).logged_as)

    def kept(self, session: Session, ref: str, draft: str) -> tuple[Owner, str, bytes]:
        """Return what a kept file is for, its name and what was kept; raise as `owner` and `Drafts.open` do."""
        owner = self.owner(session, ref, changing=False)
        return owner, *self.drafts.open(session, draft, subject=owner.logged_as, actor=self.actor)

    def store(
        self, ref: str, lines: Sequence[L], *, work: LongWork = DIRECTLY, before: int = 0, **told: str
    ) -> int:
        """Store lines, and put each few into the log with what else is `told` of them; return how many.

        Those that the `work` stored `before` it was stopped count as well.
        """
        stored, passed = before, 0
        for some in pieces_of(lines, size=self.at_once):
            stored = work.in_front(partial(self._store_piece, ref, some, stored, work, told))
            passed += len(some)
            work.tell(passed, len(lines))
        return stored

    def _store_piece(
        self, ref: str, some: Sequence[L], stored: int, work: LongWork, told: Mapping[str, str]
    ) -> int:
        with unit_of_work() as session:
            owner = self.owner(session, ref)
            if count := self.store_some(session, owner, some):
                stored += count
                subject, after = owner.logged_as, {self.counted: count, **told}
                record(session, at=self.now, actor=self.actor, act=self.act, subject=subject, after=after)
                put_down_in(session, *work.keeping(stored=stored))
        return stored

    def forget(self, ref: str, draft: str) -> None:
        """Forget a file that this person brought; a second call changes nothing."""
        with unit_of_work() as session:
            self.owner(session, ref)
            drop(session, draft, actor=self.actor)
