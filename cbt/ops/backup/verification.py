"""The verification of what is stored: database, audit log, forms, journals, scores, rulings and numbers.

Each check goes on where another finds something. A closed attempt's journal is compared with its digest, a
score worked out again, a ruling on late answers compared to the byte with what two people were shown.

Source: I6, I7, I8; R-29, R-43, R-54, R-64.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass
from decimal import Decimal

import flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from cbt.assembly.draw import arrange
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.audit.verification import verify
from cbt.candidates.models import Candidate
from cbt.config import Settings
from cbt.console.output import align, tone
from cbt.console.texts import text as _
from cbt.errors import Unavailable
from cbt.ops.backup.damage import DamagedObject, damaged_objects
from cbt.personal import document_index
from cbt.releases import newest_revision
from cbt.rules.canonical import digest
from cbt.rules.states import State
from cbt.runner.models import Attempt, LateEntry
from cbt.runner.save.digest import is_seal, journal_texts
from cbt.scoring.late_answers import APPROVED, REJECTED, entries_digest
from cbt.scoring.models import LateRuling, RuledAttempt, RuledEntry, Score
from cbt.scoring.score_sheets import Scorers
from cbt.storage.crypto import DOCUMENT, personal_was_lost, readable
from cbt.storage.engine import database_place
from cbt.storage.migrate import database_revision, refuse_newer
from cbt.storage.raw_connection import DATABASE_ERRORS
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading

CHUNK = 200
Found = list[tuple[str, str]]


def check_journals(session: Session) -> tuple[int, Found]:
    """Compare the journal of every closed attempt with the digest on its row and in the audit log."""
    looked_at: int = 0
    problems: Found = []
    for attempts in _chunks(session, (State.CLOSED, State.SCORED)):
        looked_at += len(attempts)
        journals = journal_texts(session, [attempt.id for attempt in attempts])
        sealed = _sealed_digests(session, attempts, act="attempt.close", name="journal")
        for attempt in attempts:
            if not is_seal(attempt.journal_digest, journals[attempt.id]):
                problems.append(("journal", attempt.ref))
            elif sealed[attempt.ref][-1:] != [attempt.journal_digest]:
                problems.append(("journal_seal", attempt.ref))
    return looked_at, problems


def check_scores(session: Session) -> tuple[int, Found]:
    """Score every scored attempt again and compare bytes; former scores are compared with their hash."""
    looked_at: int = 0
    problems: Found = []
    scorers = Scorers(arrange)
    for attempts in _chunks(session, (State.SCORED,)):
        looked_at += len(attempts)
        texts = _rescored(session, [attempt.id for attempt in attempts], scorers)
        sealed = _sealed_digests(session, attempts, act="attempt.score", name="sheet")
        scores = _scores(session, attempts)
        for attempt in attempts:
            what = _judge(attempt, scores[attempt.id], texts.get(attempt.id), sealed[attempt.ref])
            if what:
                problems.append((what, attempt.ref))
    return looked_at, problems


def _judge(attempt: Attempt, scores: Sequence[Score], again: str | None, sealed: Sequence[str]) -> str:
    """Return what is wrong with an attempt's scores, "" when nothing is."""
    if not scores:
        return "score_missing"
    if again is None:
        return "score_impossible"
    last = scores[-1]
    if any(digest(score.sheet) != score.sha256 for score in scores):
        return "score_hash"
    if again != last.sheet or last.journal_digest != attempt.journal_digest:
        return "score"
    # What is shown and released are the columns, not the sheet.
    shown = json.loads(again)
    score = None if shown["score"] is None else Decimal(str(shown["score"]))
    if (last.score, last.passed) != (score, shown["passed"]):
        return "score"
    return "" if last.sha256 in sealed else "score_seal"


def _chunks(session: Session, states: Sequence[State]) -> Iterator[Sequence[Attempt]]:
    after = 0
    while True:
        attempts = session.scalars(
            select(Attempt)
            .where(Attempt.id > after, Attempt.state.in_(states))
            .order_by(Attempt.id)
            .limit(CHUNK)
        ).all()
        if not attempts:
            return
        after = attempts[-1].id
        yield attempts
        session.expunge_all()


def _rescored(session: Session, attempt_ids: Sequence[int], scorers: Scorers) -> dict[int, str]:
    """Return the score sheet of each attempt; one that cannot be scored is left out and hides no other."""
    try:
        scored = scorers.score(session, attempt_ids)
    except Exception:
        if len(attempt_ids) == 1:
            return {}
        texts: dict[int, str] = {}
        for attempt_id in attempt_ids:
            texts |= _rescored(session, [attempt_id], scorers)
        return texts
    return {attempt_id: one.sheet.text for attempt_id, one in scored.items()}


def _scores(session: Session, attempts: Sequence[Attempt]) -> dict[int, list[Score]]:
    scores: dict[int, list[Score]] = defaultdict(list)
    ids = [attempt.id for attempt in attempts]
    rows = session.scalars(select(Score).where(Score.attempt_id.in_(ids)).order_by(Score.number))
    for score in rows:
        scores[score.attempt_id].append(score)
    return scores


def _sealed_digests(
    session: Session, attempts: Sequence[Attempt], *, act: str, name: str
) -> dict[str, list[str]]:
    """Return by attempt what the audit log says it was sealed with, in the order it was."""
    sealed: dict[str, list[str]] = defaultdict(list)
    subjects = [f"attempt:{attempt.ref}" for attempt in attempts]
    rows = session.execute(
        select(AuditEntry.subject, AuditEntry.after)
        .where(AuditEntry.act == act, AuditEntry.subject.in_(subjects))
        .order_by(AuditEntry.id)
    )
    for subject, after in rows:
        sealed[subject.removeprefix("attempt:")].append(_value(after, name))
    return sealed


def _value(after: str, name: str) -> str:
    try:
        return str(json.loads(after)[name])
    except (ValueError, KeyError, TypeError):
        return ""  # the entry was changed, which the chain's own check says


ACTS = [f"attempt.late_{verdict}" for verdict in (APPROVED, REJECTED)]


def check_rulings(session: Session) -> tuple[int, list[tuple[str, str]]]:
    """Compare the entries of every ruling with the digest on its row, and both with the audit log."""
    covered: defaultdict[int, list[LateEntry]] = defaultdict(list)
    for row_id, entry in session.execute(
        select(RuledEntry.ruled_attempt_id, LateEntry).join(
            LateEntry, LateEntry.id == RuledEntry.late_entry_id
        )
    ):
        covered[row_id].append(entry)
    sealed = _sealed_rulings(session)
    rows = session.execute(
        select(RuledAttempt, LateRuling.verdict, Attempt.ref)
        .join(LateRuling, LateRuling.id == RuledAttempt.late_ruling_id)
        .join(Attempt, Attempt.id == RuledAttempt.attempt_id)
        .order_by(RuledAttempt.id)
    ).all()
    problems = []
    for row, verdict, ref in rows:
        if entries_digest(covered[row.id]) != row.digest:
            problems.append(("ruling", ref))
        elif (f"attempt.late_{verdict}", f"attempt:{ref}", row.digest) not in sealed:
            problems.append(("ruling_seal", ref))
    return len(rows), problems


def _sealed_rulings(session: Session) -> set[tuple[str, str, str]]:
    rows = session.execute(
        select(AuditEntry.act, AuditEntry.subject, AuditEntry.after).where(AuditEntry.act.in_(ACTS))
    )
    sealed = set()
    for act, subject, after in rows:
        try:
            sealed.add((act, subject, str(json.loads(after)["digest"])))
        except (ValueError, KeyError, TypeError):
            continue  # the entry was changed, which the chain's own check says
    return sealed


TRIES = 3
"""A page that a checkpoint is writing at this moment can look torn; a damaged one does so every time."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is not what it was: `what` is the end of a message id, `where` names the place."""

    what: str
    where: str
    rows: int | None = None
    """How many rows of a table cannot be read; None for what is no table."""


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
    checks = [
        StoredCheck(name, None, waits=True) if earlier and name not in ANY_VERSION else _run(name, check)
        for name, check in CHECKS
    ]
    if has_damaged_pages(checks):
        checks.append(_damage())
    return checks


def has_damaged_pages(checks: list[StoredCheck]) -> bool:
    """Return whether pages of the embedded database are not what was written."""
    return any(not check.ok for check in checks if check.name in ("integrity", "cipher"))


def _damage() -> StoredCheck:
    """Say what cannot be read any more, where pages are damaged."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    try:
        looked_at, damaged = damaged_objects(settings)
    except DATABASE_ERRORS as error:
        return StoredCheck("damage", 0, (Damage("unreadable", type(error).__name__),))
    return StoredCheck("damage", looked_at, tuple(_named(one) for one in damaged))


def _named(one: DamagedObject) -> Damage:
    if not one.is_table:
        return Damage("index", one.name)
    if one.rows is None:
        return Damage("table_unknown", one.name)
    return Damage("table" if one.exact else "table_most", one.name, one.rows)


def check_in(session: Session, name: str) -> StoredCheck:
    return _run(name, dict(CHECKS)[name], lambda: nullcontext(session))


def _run(
    name: str,
    check: Callable[[Session], Answer],
    opened: Callable[[], AbstractContextManager[Session]] = reading,
) -> StoredCheck:
    try:
        with opened() as session:
            looked_at, problems = check(session)
    except Exception as error:
        # A damaged page or row ends one check, not the others; said by its kind only, a message may quote it.
        kind = type(error.orig if isinstance(error, DatabaseError) else error).__name__
        return StoredCheck(name, 0, (Damage("unreadable", kind),))
    return StoredCheck(name, looked_at, tuple(Damage(what, where) for what, where in problems))


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
    for _unused in range(TRIES - 1):
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
    looked_at, problems = 0, []
    query = select(Form.ref, Form.content, Form.sha256).order_by(Form.id).execution_options(yield_per=200)
    with closing(session.execute(query)) as forms:
        for form in forms:
            looked_at += 1
            if digest(form.content) != form.sha256:
                problems.append(("form", form.ref))
    return looked_at, problems


def _personal(session: Session) -> Answer:
    """Open every sealed document number: one that opens under this key and finds its person is right."""
    looked_at, problems = 0, []
    lost = personal_was_lost(session)  # what its key sealed is given up, and no damage
    query = select(Candidate.ref, Candidate.document_sealed, Candidate.document_index).order_by(Candidate.id)
    with closing(session.execute(query.execution_options(yield_per=1000))) as people:
        for ref, sealed, index in people:
            number = readable(sealed, DOCUMENT)
            if number is None and lost:
                continue
            looked_at += 1
            if number is None or document_index(number) != index:
                problems.append(("personal", ref))
    if looked_at and len(problems) == looked_at:
        return looked_at, [("personal_key", "personal.key")]  # not one opens: it is the key
    return looked_at, problems


def _embedded(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def all_findings(checks: list[StoredCheck]) -> Iterator[Damage]:
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


SHOWN = 20


def checks_as_data(checks: list[StoredCheck]) -> list[dict[str, object]]:
    return [asdict(check) | {"ok": check.ok, "findings": _findings(check)} for check in checks]


def _findings(check: StoredCheck) -> list[dict[str, object]]:
    """Return what a check found; rows are told where there are any to be told."""
    return [
        {name: value for name, value in asdict(one).items() if value is not None} for one in check.findings
    ]


def check_lines(checks: list[StoredCheck]) -> list[str]:
    """Return a line a check, what it found below it, and the sum."""
    heads = align([_line(check) for check in checks], frozenset({1}))
    lines = []
    for check, line in zip(checks, heads, strict=True):
        lines.append(line if check.ok else tone(line, "red"))
        lines += [
            " " * 6 + _(f"safety.found.{finding.what}", where=finding.where, rows=finding.rows)
            for finding in check.findings[:SHOWN]
        ]
        if len(check.findings) > SHOWN:
            lines.append(" " * 6 + _("safety.more", count=len(check.findings) - SHOWN))
    wrong = sum(len(check.findings) for check in checks)
    if wrong:
        return [*lines, tone(_("safety.wrong", count=wrong), "red")]
    waits = any(check.waits for check in checks)
    return [*lines, _("safety.intact_so_far") if waits else _("safety.intact")]


def _line(check: StoredCheck) -> tuple[str, str, str]:
    name = _(f"safety.check.{check.name}")
    if check.looked_at is None:
        return "  -", "-", name + (_("safety.waits") if check.waits else _("safety.not_here"))
    return " ok" if check.ok else " !!", str(check.looked_at), name
