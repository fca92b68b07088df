"""Is what arrived what was there? Every value of every row, and then what the product makes of them.

Source: I6, I7; R-64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.heads import head_of
from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import journal_digests
from cbt.errors import Unavailable
from cbt.ops.moving.rows import RowDigest, blocks, tables
from cbt.ops.safety.checking import StoredCheck, check_in

CHECKS = ("foreign_keys", "audit", "forms", "journals", "scores", "rulings", "personal")
"""What `cbt verify` looks at that does not depend on how a database keeps it."""
CHUNK = 200
Tell = Callable[[str, str, int, int], None]
"""Called with what is done (`copy`, `compare`, `check`), to which table or check, and how much of how much."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found the same in both places."""

    rows: dict[str, int]
    """Rows by table."""
    attempts: int
    """Attempts whose journals have the same digest."""
    audit_head: str
    checks: tuple[StoredCheck, ...]
    """What the checks say; what one finds was found where the rows came from, too."""


def compare(source: Session, target: Session, copied: dict[str, RowDigest], tell: Tell) -> Compared:
    """Read all that arrived and compare it; raise Unavailable("move.differs") naming what is not the same."""
    for table in tables():
        content, sent = RowDigest(), copied[table.name]
        with closing(blocks(target.connection(), table)) as arrived:
            for block in arrived:
                content.add(block)
                tell("compare", table.name, content.rows, sent.rows)
        if (content.rows, content.digest) != (sent.rows, sent.digest):
            raise Unavailable("move.differs", what=table.name)
    head = head_of(source)
    if head_of(target) != head:
        raise Unavailable("move.differs", what="audit_head")
    attempts = _compare_journals(source, target)
    checks = tuple(_check(source, target, tell))
    rows = {name: content.rows for name, content in copied.items()}
    return Compared(rows, attempts, "" if head is None else str(head), checks)


def _compare_journals(source: Session, target: Session) -> int:
    looked_at = 0
    for ids in _attempts(source):
        if journal_digests(source, ids) != journal_digests(target, ids):
            raise Unavailable("move.differs", what="journal")
        looked_at += len(ids)
    return looked_at


def _attempts(session: Session) -> Iterator[Sequence[int]]:
    after = 0
    while ids := session.scalars(
        select(Attempt.id).where(Attempt.id > after).order_by(Attempt.id).limit(CHUNK)
    ).all():
        after = ids[-1]
        yield ids


def _check(source: Session, target: Session, tell: Tell) -> Iterator[StoredCheck]:
    """Run every check there; what it finds is no fault of the move when it finds the same here."""
    for number, name in enumerate(CHECKS):
        tell("check", name, number, len(CHECKS))
        found = check_in(target, name)
        if not found.ok and found.findings != check_in(source, name).findings:
            raise Unavailable("move.differs", what=name)
        yield found
    tell("check", "", len(CHECKS), len(CHECKS))
