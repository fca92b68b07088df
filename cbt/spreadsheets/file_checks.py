"""Tables of file checks: how far each check is, the pieces of what it found, and every change of these."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.errors import CbtError, Conflict, NotFound
from cbt.spreadsheets.findings import Finding, Place, Severity, spans
from cbt.storage.crypto import open_bytes, seal_bytes
from cbt.storage.types import Named, Row, UtcDateTime
from cbt.storage.unit_of_work import after_commit, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows

log = logging.getLogger(__name__)


class CheckState(StrEnum):
    """How far the check of a file is that somebody brought, and then its import."""

    ARRIVING = "arriving"
    """Its file is not there as a whole: nobody sees it."""
    WAITING = "waiting"
    READING = "reading"
    CHECKING = "checking"
    READY = "ready"
    FAILED = "failed"
    IMPORTING = "importing"
    DONE = "done"
    GONE = "gone"
    """Forgotten: what it found is deleted piece by piece, then its row."""


class FileCheck(Named):
    """A file's check and import by a process of its own; the row is its queue.

    `asked` is what is said of the file by who brought it, as JSON. `beat_at` is the last sign of life of the
    process that works on it, None while it waits for one; `tries` counts those that ended without a word.
    """

    __abstract__ = True

    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12), index=True)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    asked: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(String(60), default="")
    params: Mapped[str] = mapped_column(Text, default="{}")
    tries: Mapped[int] = mapped_column(default=0)
    beat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class FilePart(Row):
    """A piece of what a check found, sealed as its draft is: pages open one, not the whole."""

    __abstract__ = True

    check_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(12))
    number: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


BLOCK = 50
"""So many lines make a piece, and a page."""
T = TypeVar("T")
_WORST = (Severity.ERROR, Severity.HINT, Severity.FIXED)
_PLACE = frozenset(Place.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that lie together: the first, and how many."""

    start: int
    count: int

    @property
    def pages(self) -> int:
        return -(-self.count // BLOCK)


@dataclass(frozen=True, slots=True)
class FindingKind:
    """Findings of one kind, the first of them, and where they lie; `rows` are their lines, sheet by sheet."""

    severity: Severity
    code: str
    lines: Stretch
    first: Finding
    rows: list[tuple[str, str]] = field(default_factory=list)


def by_kind(listed: Sequence[Finding]) -> tuple[list[Finding], list[FindingKind]]:
    """Return findings in the order in which they are kept, the worst first, and which kinds lie where."""
    of_kind: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in listed:
        of_kind.setdefault((finding.severity, finding.code), []).append(finding)
    findings: list[Finding] = []
    kinds = []
    for severity, code in sorted(
        of_kind, key=lambda kind: (_WORST.index(kind[0]), -len(of_kind[kind]), kind[1])
    ):
        own = of_kind[severity, code]
        kinds.append(FindingKind(severity, code, Stretch(len(findings), len(own)), own[0], rows_of(own)))
        findings += own
    return findings, kinds


def rows_of(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return the sheets of findings and, of each, the lines they stand in, as `spans` says them."""
    sheets: dict[str, list[int]] = {}
    for finding in findings:
        if finding.place.line:
            sheets.setdefault(finding.place.sheet, []).append(finding.place.line)
    return [(sheet, spans(lines)) for sheet, lines in sheets.items()]


def shown(kinds: Sequence[FindingKind], name: str) -> Stretch:
    """Return where the findings of a kind, or of a severity, or ("") all of them lie."""
    own = [kind for kind in kinds if name in ("", kind.severity, kind.code)]
    if not own:
        return Stretch(0, 0)
    return Stretch(own[0].lines.start, sum(kind.lines.count for kind in own))


def blocks(lines: Sequence[T]) -> Iterator[tuple[int, Sequence[T]]]:
    for number, start in enumerate(range(0, len(lines), BLOCK)):
        yield number, lines[start : start + BLOCK]


def page_of(lines: Stretch, page: int, piece: Callable[[int], Sequence[T]], size: int = BLOCK) -> list[T]:
    """Return the lines of one page (from 1) of a stretch; `piece` gives the lines of a piece."""
    first = lines.start + (page - 1) * size
    last = min(first + size, lines.start + lines.count)
    if first >= last:
        return []
    numbers = range(first // BLOCK, (last - 1) // BLOCK + 1)
    own_lines = [line for number in numbers for line in piece(number)]
    skip = first - numbers.start * BLOCK
    return own_lines[skip : skip + last - first]


def whole(finding: Finding) -> Finding:
    """Return a finding that was kept, with the places in its parameters as what they were."""
    params = {
        name: Place(**value) if isinstance(value, dict) and value.keys() == _PLACE else value
        for name, value in finding.params.items()
    }
    return replace(finding, params=params)


# The checks of one kind of file: their rows and pieces, and every change of these.
#
# Each takes the Session of a unit of work, or returns rows to be put down, and repeats the state it relies
# on.

C = TypeVar("C", bound=FileCheck)
FilePiece = tuple[str, int, bytes]
"""The name, the number and the sealed body of a piece of what a check found."""
WORKING = (CheckState.WAITING, CheckState.READING, CheckState.CHECKING, CheckState.IMPORTING)
"""What a process is to do, or does."""
PART_BYTES = 512 * 1024
"""So much of a piece is written in one unit of work: a longer one is kept in several."""
GONE_AT_ONCE = 4
"""So many pieces are deleted in one unit of work."""
MOST_TRIES = 3
"""An import whose process ended without a word goes on by itself so often."""


def cut(piece: FilePiece) -> list[FilePiece]:
    """Return what a piece is kept as: itself, or several with names of their own, its head last.

    Without the head there is no such piece, so one that is half written is not found.
    """
    name, number, body = piece
    starts = range(0, len(body), PART_BYTES)
    parts = [body[start : start + PART_BYTES] for start in starts]
    return [(f"{name}.{place:03d}" if place else name, number, part) for place, part in enumerate(parts)][
        ::-1
    ]


@dataclass(frozen=True)
class FileChecks(Generic[C]):
    """The checks of one kind: their tables, the words of `cbt` that work on one, what they are sealed for.

    The others are codes of errors: there is none (`gone`), a process is at it (`busy`), its process ended without a
    word (`died` in its check, `import_died` in its import), or broke (`broken`).
    """

    rows: type[C]
    pieces: type[FilePart]
    command: tuple[str, ...]
    purpose: str
    gone: str
    busy: str
    died: str
    import_died: str
    broken: str
    lasting: str = ""
    """The name of the pieces that are not found but brought, and stay for as long as the check does."""

    def at_work(self, session: Session) -> Sequence[C]:
        """Return the checks that wait for a process or have one, the oldest first."""
        rows = self.rows
        return session.scalars(select(rows).where(rows.state.in_(WORKING)).order_by(rows.at, rows.id)).all()

    def wanted(self, session: Session, refs: Iterable[str]) -> set[str]:
        """Return which checks, each taken by a process, somebody still wants that process to go on with.

        One that is ready is: copies with its findings marked are still made.
        """
        rows = self.rows
        goes_on = rows.beat_at.is_not(None) | (rows.state == CheckState.READY)
        return set(session.scalars(select(rows.ref).where(rows.ref.in_(tuple(refs)), goes_on)))

    def move(self, session: Session, check: C, states: Sequence[CheckState], **values: object) -> None:
        """Change a check that is in one of these states, else raise Conflict(busy)."""
        moved = session.execute(
            update(self.rows)
            .where(self.rows.id == check.id, self.rows.state.in_(states))
            .values(**values)
            .returning(self.rows.id)
            .execution_options(synchronize_session=False)
        ).all()
        if not moved:
            raise Conflict(self.busy)

    def wait_again(self, session: Session, check: C, terms: str) -> None:
        """Have a file be read anew; raise Conflict(busy) while a process is at it."""
        states = (CheckState.READY, CheckState.FAILED)
        fresh = {"done": 0, "total": 0, "tries": 0, "error": "", "params": "{}", "beat_at": None}
        self.move(session, check, states, state=CheckState.WAITING, asked=terms, **fresh)
        self.drop_parts(session, check)

    def wait_to_be_stored(self, session: Session, check: C, terms: str, *, total: int) -> None:
        """Have what was looked at wait to be stored; of two who ask one is refused with Conflict(busy)."""
        fresh = {"done": 0, "total": total, "tries": 0, "beat_at": None}
        self.move(session, check, (CheckState.READY,), state=CheckState.IMPORTING, asked=terms, **fresh)

    def go_on_again(self, session: Session, check: C) -> None:
        """Have an import whose process ended go on."""
        fresh = {"tries": 0, "error": "", "params": "{}", "beat_at": None}
        self.move(session, check, (CheckState.FAILED,), state=CheckState.IMPORTING, **fresh)

    def take(self, session: Session, ref: str, *, now: datetime) -> C | None:
        """Claim a check that waits, for this process; None when there is none, or another was quicker."""
        rows = self.rows
        taken = session.execute(
            update(rows)
            .where(
                rows.ref == ref,
                rows.beat_at.is_(None),
                rows.state.in_((CheckState.WAITING, CheckState.IMPORTING)),
            )
            .values(beat_at=now)
            .returning(rows.id)
        ).all()
        if not taken:
            return None
        check = session.scalars(select(rows).where(rows.ref == ref)).one()
        if check.state == CheckState.WAITING:
            self.drop_parts(session, check)  # of a check that ended half-way
        return check

    def progress(self, ref: str, *, state: CheckState, done: int, total: int, now: datetime) -> Rows:
        """Return what puts down how far a process is, and that it lives; it touches nothing that nobody wants."""
        sql = (
            f"UPDATE {self.rows.__tablename__} SET state = ?, done = ?, total = ?, beat_at = ? "
            "WHERE ref = ? AND beat_at IS NOT NULL"
        )
        return Rows(sql, [(state, done, total, now, ref)], touches=1)

    def end(self, session: Session, ref: str, state: CheckState) -> bool:
        """Have a check be ready, or its import done; return whether it is still wanted."""
        ended = session.execute(
            update(self.rows)
            .where(self.rows.ref == ref, self.rows.beat_at.is_not(None))
            .values(state=state, beat_at=None)
            .returning(self.rows.id)
        ).all()
        return bool(ended)

    def fail(self, session: Session, ref: str, error: CbtError) -> None:
        """Put down why a check or an import came to nothing."""
        params = {name: value for name, value in error.params.items() if isinstance(value, str | int | list)}
        session.execute(
            update(self.rows)
            .where(self.rows.ref == ref)
            .values(
                state=CheckState.FAILED,
                beat_at=None,
                error=error.code[:60],
                params=json.dumps(params, ensure_ascii=False, default=str),
            )
        )

    def bury(self, session: Session, check: C) -> None:
        """Settle a check whose process ended without a word.

        An import goes on by itself some times, and a process that never began is begun again as often; a check is
        told as failed: what ended it once would end it again.
        """
        storing = check.state == CheckState.IMPORTING
        if (storing or check.beat_at is None) and check.tries + 1 < MOST_TRIES:
            check.tries, check.beat_at = check.tries + 1, None
        else:
            self.fail(session, check.ref, Conflict(self.import_died if storing else self.died))

    def forget(self, session: Session, ids: Sequence[int]) -> None:
        """Have checks be nobody's, and delete them with all that they found once this is stored, piece by piece.

        Who is stopped on the way leaves them to whoever forgets the next.
        """
        gone = {"state": CheckState.GONE, "actor": "", "beat_at": None}
        session.execute(update(self.rows).where(self.rows.id.in_(ids)).values(gone))
        after_commit(session, self._delete_gone)

    def _delete_gone(self) -> None:
        try:
            with reading() as session:
                ids = session.scalars(select(self.rows.id).where(self.rows.state == CheckState.GONE)).all()
                of_them = select(self.pieces.id).where(self.pieces.check_id.in_(ids))
                parts = session.scalars(of_them).all() if ids else ()
            for table, some in ((self.pieces, parts), (self.rows, ids)):
                for piece in pieces_of(some, size=GONE_AT_ONCE):
                    with unit_of_work() as session:
                        session.execute(delete(table).where(table.id.in_(piece)))
        except Exception as error:
            log.warning("a check that was forgotten is deleted later: %s", type(error).__name__)

    def drop_parts(self, session: Session, check: C) -> None:
        """Delete what a check found."""
        condition = (self.pieces.check_id == check.id) & ~self._named(self.lasting)
        session.execute(delete(self.pieces).where(condition))

    def _named(self, name: str) -> ColumnElement[bool]:
        return or_(self.pieces.name == name, self.pieces.name.startswith(f"{name}."))

    def sealed(self, value: object) -> bytes:
        return seal_bytes(zlib.compress(msgspec.msgpack.encode(value, enc_hook=str), 1), self.purpose)

    def opened(self, body: bytes, kind: type[T]) -> T:
        """Return what was sealed; raise Unavailable as `open_bytes` does."""
        return msgspec.msgpack.decode(zlib.decompress(open_bytes(body, self.purpose)), type=kind)

    def parts(self, check_id: int, pieces: Iterable[FilePiece]) -> Rows:
        """Return what keeps some pieces of what was found, for as long as somebody wants them."""
        sql = (
            f"INSERT INTO {self.pieces.__tablename__} (check_id, name, number, sealed) "
            f"SELECT id, ?, ?, ? FROM {self.rows.__tablename__} "
            "WHERE id = ? AND beat_at IS NOT NULL ON CONFLICT DO NOTHING"
        )
        return Rows(sql, [(name, number, body, check_id) for name, number, body in pieces])

    def no_parts(self, ids: Iterable[int]) -> Rows:
        return Rows(f"DELETE FROM {self.pieces.__tablename__} WHERE id = ?", [(one,) for one in ids])

    def add_copy(self, session: Session, check_id: int, piece: FilePiece) -> bool:
        """Keep a part of a marked copy of a file whose dry run is still looked at; return whether it is."""
        check = session.get(self.rows, check_id)
        if check is None or check.state != CheckState.READY:
            return False
        name, number, body = piece
        session.add(self.pieces(check_id=check_id, name=name, number=number, sealed=body))
        return True

    def part(self, session: Session, check: C, name: str, number: int = 0) -> bytes:
        """Return a sealed piece; raise NotFound(gone)."""
        pieces = self.pieces
        own = select(pieces.name, pieces.sealed).where(pieces.check_id == check.id, self._named(name))
        parts = {row.name: row.sealed for row in session.execute(own.where(pieces.number == number))}
        if name not in parts:
            raise NotFound(self.gone)
        return b"".join(parts[part] for part in sorted(parts))

    def part_numbers(self, session: Session, check: C, name: str) -> list[int]:
        pieces = self.pieces
        own = select(pieces.number).where(pieces.check_id == check.id, pieces.name == name)
        return list(session.scalars(own.order_by(pieces.number)))

    def part_ids(self, session: Session, check_id: int) -> list[int]:
        return list(session.scalars(select(self.pieces.id).where(self.pieces.check_id == check_id)))

    def lines_of(
        self, session: Session, check: C, name: str, lines: Stretch, page: int, kind: type[T]
    ) -> list[T]:
        lines_of = list[kind]  # type: ignore[valid-type]  # what a piece is decoded as, known only when it is asked for
        return page_of(
            lines, page, lambda number: self.opened(self.part(session, check, name, number), lines_of)
        )


AnyChecks = FileChecks[Any]
"""The checks of whichever kind."""
