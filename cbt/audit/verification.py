"""Is the log what was written? Every entry worked out again, kept heads compared; and `cbt audit`.

Source: R-64; I7.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.anchor import anchor_file
from cbt.audit.chain import (
    BROKEN,
    DIGITS,
    GENESIS,
    HEAD_ID,
    KEYED,
    Content,
    Keyring,
    Written,
    entry_hash,
    head_mac,
    head_of,
    keyring,
    plain_hashes,
    read_head,
)
from cbt.audit.models import AuditEntry, AuditHead
from cbt.console.command import PATH, group, option
from cbt.console.exits import DIFFERS, DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import InvalidInput
from cbt.http.app_context import with_app
from cbt.storage.unit_of_work import reading

PLAIN, LOST = "plain", "lost"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `verify` found: how many entries, and the first id that does not fit (None when all do).

    `unproved` entries were made with a key that is lost; they are what they were when the next one began.
    """

    entries: int
    broken_at: int | None
    unproved: int = 0


@dataclass(frozen=True, slots=True)
class Missed:
    """A kept head that the log no longer has: `cut` when it ends before it, else rewritten from `after` on."""

    head: Written
    cut: bool
    after: int
    """The number of the last entry that is shown to be what it was, by the kept head before this one."""
    last: int
    """The number of the log's last entry now."""


@dataclass(slots=True)
class _Walk:
    """Goes over the entries in their order, with the key each was made with."""

    ring: Keyring
    lost: frozenset[int]
    mode: str = ""
    count: int = 0
    unproved: int = 0
    last_hash: str = GENESIS
    content: Content = field(default_factory=Content)

    def fits(self, entry: AuditEntry) -> bool:
        """Return whether the next entry is what was written there."""
        self.count += 1
        right = entry.id == self.count and entry.prev_hash == self.last_hash and self._made(entry)
        self.content.add(entry.id, entry.at, entry.fields)
        self.last_hash = entry.hash
        return right and entry.act != BROKEN

    def _made(self, entry: AuditEntry) -> bool:
        if entry.act == KEYED and (named := _value(entry.after, "key")) in self.ring.known:
            # After a lost key only the digest of all that was there says what it was.
            proved = self.mode != LOST or _value(entry.after, "content") == self.content.digest
            self.mode = named
            return proved and self._made_in(named, entry)
        if self._made_in(self.mode, entry):
            return True
        if not self.mode:
            modes = [PLAIN, *self.ring.known]
            self.mode = next((mode for mode in modes if self._made_in(mode, entry)), "")
            if self.mode:
                return True
        if self.mode != self.ring.print_ and any(entry.id < began for began in self.lost):
            self.mode, self.unproved = LOST, self.unproved + 1
            return True
        return False

    def _made_in(self, mode: str, entry: AuditEntry) -> bool:
        facts = (self.last_hash, entry.id, entry.at, entry.fields)
        if mode == PLAIN:
            return entry.hash in plain_hashes(*facts)
        key = self.ring.known.get(mode)
        return key is not None and entry.hash == entry_hash(key, *facts)


def verify(session: Session) -> ChainReport:
    """Work the whole chain out again; a changed, missing or added entry breaks it at its id.

    The last entries have to be made with the key in force, and so has the head.

    Raise Unavailable("audit.key_missing") when that key is not there.
    """
    head = session.get(AuditHead, HEAD_ID)
    ring = keyring(head.key_print if head is not None else None)
    walk = _Walk(ring, _lost(session))
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as entries:
        for entry in entries:
            if not walk.fits(entry):
                return ChainReport(walk.count, entry.id, walk.unproved)
    if walk.count and ring.print_ and walk.mode != ring.print_:
        return ChainReport(walk.count, 1, walk.unproved)  # all of it could be anybody's
    ended = (walk.count, walk.last_hash)
    if head is None:  # as it is before the first entry ever, and then never again
        right = ended == (0, GENESIS) and not ring.print_
    else:
        mac = head_mac(ring.key, *ended) if ring.print_ else ""
        right = (head.last_id, head.hash, head.mac) == (*ended, mac)
    return ChainReport(walk.count, None if right else walk.count + 1, walk.unproved)


def _lost(session: Session) -> frozenset[int]:
    """Return the entries that say a key was lost; each is believed once the key in force shows that it is ours."""
    rows = session.execute(select(AuditEntry.id, AuditEntry.after).where(AuditEntry.act == KEYED))
    return frozenset(row.id for row in rows if _value(row.after, "content"))


def _value(after: str, name: str) -> str:
    try:
        return str(json.loads(after).get(name, ""))
    except (ValueError, AttributeError):
        return ""


def content_of(session: Session) -> str:
    """Return the digest of every entry there is, made without a key."""
    content = Content()
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as entries:
        for entry in entries:
            content.add(entry.id, entry.at, entry.fields)
    return content.digest


def missed_head(session: Session, kept: Iterable[Written]) -> Missed | None:
    """Return the first of the kept heads that the log no longer has; None when it has them all."""
    last = session.scalar(select(AuditEntry.id).order_by(AuditEntry.id.desc()).limit(1)) or 0
    good = 0
    for head in sorted(kept, key=lambda one: one.number):
        stored_hash = session.scalar(select(AuditEntry.hash).where(AuditEntry.id == head.number))
        if stored_hash is None or stored_hash[:DIGITS] != head.digits:
            return Missed(head, cut=head.number > last, after=good, last=last)
        good = head.number
    return None


@group("audit", help="audit.cli.audit")
def audit() -> None:
    """Hold the commands about the audit log."""


@audit.command("head", help="audit.cli.head")
@with_app
def head(*, now: datetime) -> Answer:
    """Print number, time and digest of the last entry. Source: R-64."""
    with reading() as session:
        last_head = head_of(session)
    if last_head is None:
        return Answer(None, [_("audit.empty")])
    return Answer({**asdict(last_head), "head": str(last_head)}, [str(last_head)])


@audit.command("verify", help="audit.cli.verify", ends=(DONE, DIFFERS, REFUSED))
@option("--since", metavar="HEAD", help="audit.cli.since")
@option("--anchors", type=PATH, metavar="PATH", help="audit.cli.anchors")
@with_app
def verify_command(since: str | None, anchors: Path | None, *, now: datetime) -> Answer:
    """Recompute the chain and say where it breaks, or since which kept head it is another. Source: R-64."""
    kept: list[Written] = [read_head(since)] if since else []
    kept += read_anchors(anchors) if anchors else []
    with reading() as session:
        report = verify(session)
        missed = missed_head(session, kept)
    data = {"entries": report.entries, "broken_at": report.broken_at, "unproved": report.unproved}
    return Answer(
        {**data, "missed": _plain(missed), "verified_at": now},
        words=_intact(report, kept) if report.broken_at is None and missed is None else (),
        notes=_wrong(report, missed),
        code=_code(report, missed, kept),
    )


def _code(report: ChainReport, missed: Missed | None, kept: list[Written]) -> int:
    """Return how it ends: the log contradicts itself, or a head that was kept elsewhere."""
    if missed is not None or (report.broken_at is not None and kept):
        return DIFFERS
    return DONE if report.broken_at is None else REFUSED


def _plain(missed: Missed | None) -> dict[str, object] | None:
    if missed is None:
        return None
    return {"head": missed.head.number, "cut": missed.cut, "after": missed.after, "last": missed.last}


def _wrong(report: ChainReport, missed: Missed | None) -> list[str]:
    lines = []
    if report.broken_at is not None:
        lines.append(_("audit.broken", broken_at=report.broken_at, entries=report.entries))
    if missed is not None:
        values = {"head": missed.head.number, "first": missed.after + 1, "last": missed.last}
        lines.append(_("audit.cut" if missed.cut else "audit.rewritten", **values))
    return lines


def _intact(report: ChainReport, kept: list[Written]) -> list[str]:
    lines = [_("audit.intact", entries=report.entries)]
    if kept:
        lines.append(_("audit.heads_fit", count=len(kept)))
    if report.unproved:
        lines.append(_("audit.unproved", count=report.unproved))
    return lines


commands: list[click.Command] = [audit]


def read_anchors(path: Path) -> Iterator[Written]:
    """Yield the heads in an anchor file; a line torn by a full or failing disk, and an empty one, are left out.

    Raise InvalidInput("audit.anchors") when there is no such file, or no head in it.
    """
    path = anchor_file(path)
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InvalidInput("audit.anchors", path=str(path)) from error
    heads = []
    for line in lines:
        with contextlib.suppress(InvalidInput):
            heads.append(read_head(line))
    if not heads:
        raise InvalidInput("audit.anchors", path=str(path))
    yield from heads
