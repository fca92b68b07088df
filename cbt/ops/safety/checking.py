"""Is everything stored what was stored? Each check goes on where another finds something.

Source: I6, I7, I8; R-43, R-54, R-64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass

import flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.audit.verifying import verify
from cbt.candidates.models import Candidate
from cbt.config import Settings
from cbt.db.engine import database_place
from cbt.db.migrate import database_revision, refuse_newer
from cbt.db.private.prints import personal_was_lost
from cbt.db.private.sealing import readable
from cbt.db.types import db
from cbt.db.unit_of_work import reading
from cbt.errors import Unavailable
from cbt.ops.safety.attempts import check_journals, check_scores
from cbt.ops.safety.rulings import check_rulings
from cbt.personal.numbers import DOCUMENT, document_index
from cbt.releases import newest_revision
from cbt.rules.canonical import digest

TRIES = 3
"""A page that a checkpoint is writing at this moment can look torn; a damaged one does so every time."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not what it was: `what` is the end of a message id, `where` names the place."""

    what: str
    where: str


@dataclass(frozen=True, slots=True)
class StoredCheck:
    """One check: its name, how many things it looked at (None: does not apply here), what it found."""

    name: str
    looked_at: int | None
    findings: tuple[Damage, ...] = ()
    waits: bool = False
    """It needs this version's tables, and the database has those of an earlier one."""

    @property
    def ok(self) -> bool:
        """Return whether nothing was found."""
        return not self.findings


Answer = tuple[int | None, list[tuple[str, str]]]


def verify_everything() -> list[StoredCheck]:
    """Run every check on the database of this app, each on its own snapshot, and return what they say.

    In a database of an earlier version, checks that need this version's tables wait for the upgrade.

    Raise Unavailable("db.unreadable") for a database that cannot be opened at all, ("safety.no_database") for
    an empty one, ("db.newer") for one of a later version.
    """
    revision = database_revision()
    if revision is None:
        raise Unavailable(
            "safety.no_database", path=database_place(flask.current_app.extensions["cbt_settings"])
        )
    refuse_newer()
    earlier = revision != newest_revision()
    return [
        StoredCheck(name, None, waits=True) if earlier and name not in ANY_VERSION else _run(name, check)
        for name, check in CHECKS
    ]


def check_in(session: Session, name: str) -> StoredCheck:
    """Run the check `name` on what `session` sees, whichever database that is."""
    return _run(name, dict(CHECKS)[name], lambda: nullcontext(session))


def _run(
    name: str,
    check: Callable[[Session], Answer],
    opened: Callable[[], AbstractContextManager[Session]] = reading,
) -> StoredCheck:
    try:
        with opened() as session:
            looked_at, found = check(session)
    except Exception as error:
        # A damaged page or row ends one check, not the others; said by its kind only, a message may quote it.
        kind = type(error.orig if isinstance(error, DatabaseError) else error).__name__
        return StoredCheck(name, 0, (Damage("unreadable", kind),))
    return StoredCheck(name, looked_at, tuple(Damage(what, where) for what, where in found))


def _integrity(session: Session) -> Answer:
    if not _embedded(session):
        return None, []
    pages = session.scalar(text("PRAGMA page_count"))
    rows = session.scalars(text("PRAGMA integrity_check(100)")).all()
    return int(pages or 0), [("integrity", str(row)) for row in rows if row != "ok"]


def _cipher(session: Session) -> Answer:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    if not _embedded(session) or not settings.db_encryption:
        return None, []
    pages = session.scalar(text("PRAGMA page_count"))
    damaged = set(session.scalars(text("PRAGMA cipher_integrity_check")))
    if damaged:
        _copy_log_into_file()
    for _ in range(TRIES - 1):
        if damaged:
            damaged &= set(session.scalars(text("PRAGMA cipher_integrity_check")))
    return int(pages or 0), [("cipher", str(row)) for row in sorted(damaged)]


def _copy_log_into_file() -> None:
    """Checkpoint: a power cut in the middle of one leaves torn pages in the file that the log still holds whole.

    The cipher's check reads the file beneath the log, so it takes them for damaged until the next checkpoint. A
    server that runs meanwhile has to see whose hand it was, so it is done with the writers' gate.
    """
    with flask.current_app.extensions["cbt_gate"]():
        connection = db.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            connection.close()


def _foreign_keys(session: Session) -> Answer:
    if _embedded(session):
        rows = session.execute(text("PRAGMA foreign_key_check")).all()
        tables = session.scalar(text("SELECT count(*) FROM sqlite_master WHERE type = 'table'"))
        return int(tables or 0), [("foreign_key", f"{row[0]} {row[1]} → {row[2]}") for row in rows]
    # PostgreSQL holds them at every write; what is left to see is one that was switched off.
    query = "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY conname"
    constraints = session.execute(text(query)).all()
    return len(constraints), [("foreign_key", row.conname) for row in constraints if not row.convalidated]


def _audit(session: Session) -> Answer:
    try:
        report = verify(session)
    except Unavailable as error:
        if error.code != "audit.key_missing":
            raise
        return 0, [("audit_key", "audit.key")]
    return report.entries, [] if report.broken_at is None else [("audit", f"audit_entry {report.broken_at}")]


def _forms(session: Session) -> Answer:
    looked_at, found = 0, []
    query = select(Form.ref, Form.content, Form.sha256).order_by(Form.id).execution_options(yield_per=200)
    with closing(session.execute(query)) as forms:
        for form in forms:
            looked_at += 1
            if digest(form.content) != form.sha256:
                found.append(("form", form.ref))
    return looked_at, found


def _personal(session: Session) -> Answer:
    """Open every sealed document number: one that opens under this key and finds its person is right."""
    looked_at, found = 0, []
    lost = personal_was_lost(session)  # what its key sealed is given up, and no damage
    query = select(Candidate.ref, Candidate.document_sealed, Candidate.document_index).order_by(Candidate.id)
    with closing(session.execute(query.execution_options(yield_per=1000))) as people:
        for ref, sealed, index in people:
            number = readable(sealed, DOCUMENT)
            if number is None and lost:
                continue
            looked_at += 1
            if number is None or document_index(number) != index:
                found.append(("personal", ref))
    if looked_at and len(found) == looked_at:
        return looked_at, [("personal_key", "personal.key")]  # not one opens: it is the key
    return looked_at, found


def _embedded(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def all_findings(checks: list[StoredCheck]) -> Iterator[Damage]:
    """Yield what all checks found."""
    for check in checks:
        yield from check.findings


ANY_VERSION = frozenset({"integrity", "cipher", "foreign_keys", "forms", "personal"})
"""Checks that every released version's tables can be asked."""

CHECKS: tuple[tuple[str, Callable[[Session], Answer]], ...] = (
    ("integrity", _integrity),
    ("cipher", _cipher),
    ("foreign_keys", _foreign_keys),
    ("audit", _audit),
    ("forms", _forms),
    ("journals", check_journals),
    ("scores", check_scores),
    ("rulings", check_rulings),
    ("personal", _personal),
)
