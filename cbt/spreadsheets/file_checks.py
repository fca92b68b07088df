"""Tables of file checks: what is asked of each file, and the pieces of what was found in it."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.errors import NotFound
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
    """A file's check and import; a job carries them out.

    `asked` is what is said of the file by who brought it, as JSON, `total` how many rows its import has, `job_ref`
    the job that works on it, or was the last to. A row waits, is ready, imports or is done; that it is read, is
    checked or came to nothing is known of its job.
    """

    __abstract__ = True

    actor: Mapped[str] = mapped_column(String(80))
    file_name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(12), index=True)
    total: Mapped[int] = mapped_column(default=0)
    asked: Mapped[str] = mapped_column(Text)
    job_ref: Mapped[str] = mapped_column(String(40), default="")
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
# Each takes the Session of a unit of work, or returns rows to be put down.

C = TypeVar("C", bound=FileCheck)
FilePiece = tuple[str, int, bytes]
"""The name, the number and the sealed body of a piece of what a check found."""
WORKING = (CheckState.WAITING, CheckState.READING, CheckState.CHECKING, CheckState.IMPORTING)
"""What a job is to do, or does."""
PART_BYTES = 512 * 1024
"""So much of a piece is written in one unit of work: a longer one is kept in several."""
GONE_AT_ONCE = 4
"""So many pieces are deleted in one unit of work."""


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
    """The checks of one kind: their tables, what they are sealed for.

    The others are codes of errors: there is none (`gone`), a job is at it (`busy`), its workers ended without a
    word (`died` in its check, `import_died` in its import), or it broke (`broken`).
    """

    rows: type[C]
    pieces: type[FilePart]
    purpose: str
    gone: str
    busy: str
    died: str
    import_died: str
    broken: str
    lasting: str = ""
    """The name of the pieces that are not found but brought, and stay for as long as the check does."""

    def end(self, session: Session, check_id: int, state: CheckState) -> None:
        """Have a check be ready, or its import done."""
        session.execute(update(self.rows).where(self.rows.id == check_id).values(state=state))

    def forget(self, session: Session, ids: Sequence[int]) -> None:
        """Have checks be nobody's, and delete them with all that they found once this is stored, piece by piece.

        Who is stopped on the way leaves them to whoever forgets the next.
        """
        gone = {"state": CheckState.GONE, "actor": ""}
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
        """Return what keeps some pieces of what was found."""
        sql = (
            f"INSERT INTO {self.pieces.__tablename__} (check_id, name, number, sealed) "
            "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        )
        return Rows(sql, [(check_id, *piece) for piece in pieces])

    def no_parts(self, ids: Iterable[int]) -> Rows:
        return Rows(f"DELETE FROM {self.pieces.__tablename__} WHERE id = ?", [(one,) for one in ids])

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
