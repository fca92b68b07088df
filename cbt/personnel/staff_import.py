"""The import of a list of staff: kept, checked, confirmed, stored in pieces; taken back while nobody has used it.

Accounts come without a password: passwords are given out on slips (`slips.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

import flask_babel
from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.models import Staff
from cbt.accounts.staff import new_staff, remove_staff
from cbt.audit.chain import record
from cbt.audit.models import AuditEntry
from cbt.enrolment.models import UnitClerk
from cbt.enrolment.units import new_clerk
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.imports.direct_import import note
from cbt.imports.machine import FINDINGS, MARKED, SUMMARY, ImportKind
from cbt.jobs.registry import Work
from cbt.personnel.models import FILE, STAFF_FILES, StaffCheck
from cbt.personnel.rows import NewAccount, ReadStaff, open_staff, read_staff
from cbt.rules.roles import Role
from cbt.sittings.models import RoomStaff
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.file_checks import CheckState, FilePiece, FindingKind, Stretch, by_kind
from cbt.spreadsheets.findings import Severity
from cbt.spreadsheets.writer import marked_copy
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

PEOPLE = "people"
AT_ONCE = 12
"""So many accounts are stored, or taken back, in one unit of work: each is four rows."""
MAKERS = (Role.ADMIN, Role.OFFICER)
"""An administrator makes accounts of the house, an officer those of units (R-62, R-70)."""


@dataclass(frozen=True, slots=True)
class StaffSummary:
    """A dry run of a list as a whole."""

    rows: int
    made: int
    """How many sign-in names are made from names."""
    people: Stretch
    kinds: list[FindingKind]

    def of(self, severity: Severity) -> int:
        """Return how many findings there are of a severity."""
        return sum(kind.lines.count for kind in self.kinds if kind.severity == severity)

    @property
    def stops(self) -> int:
        """How many things keep a row out."""
        return self.of(Severity.ERROR)


@dataclass(frozen=True, slots=True)
class ExaminedStaff:
    """A brought list as it was read."""

    sheets: list[SheetData]
    read: ReadStaff
    locale: str


class StaffImport(ImportKind[StaffCheck, StaffSummary, ExaminedStaff]):
    """Accounts for people who work here, and for clerks of units."""

    checks: ClassVar = STAFF_FILES
    code: ClassVar = "staff"
    roles: ClassVar = frozenset(MAKERS)
    owner: ClassVar = "brought_by_id"
    subject: ClassVar = "staff"
    page: ClassVar = ("personnel.check", "draft")
    summary: ClassVar = StaffSummary
    life: ClassVar = timedelta(days=7)

    def owner_id(self, session: Session, owner_ref: str) -> int:
        """Return the key of whoever brings lists."""
        return store.staff_by_ref(session, owner_ref).id

    def half(self, check: StaffCheck) -> bool:
        """Return whether an import of it was begun that neither came to its end nor was taken back."""
        return check.begun

    def examine(self, check: StaffCheck, work: Work) -> ExaminedStaff:
        """Read the list, beside those who have an account."""
        with reading() as session:
            body = _file_of(session, check)
        sheets = open_staff(check.file_name, body)
        work.tell(0, sum(len(sheet.rows) for sheet in sheets))
        with reading() as session:
            read = read_staff(session, sheets, by=frozenset(Role(role) for role in work.principal.roles))
        return ExaminedStaff(sheets, read, check.asked)

    def pieces(self, examined: ExaminedStaff) -> Iterator[FilePiece]:
        """Yield the findings, the accounts, and all of it as a whole."""
        read = examined.read
        findings, kinds = by_kind(read.findings)
        yield from self.lines(FINDINGS, findings)
        yield from self.lines(PEOPLE, read.accounts)
        made = sum(account.made for account in read.accounts)
        summary = StaffSummary(read.rows, made, Stretch(0, len(read.accounts)), kinds)
        yield SUMMARY, 0, STAFF_FILES.sealed(summary)

    def copies(self, examined: ExaminedStaff) -> Iterable[FilePiece]:
        """Yield the copy with the findings beside their rows."""
        read = examined.read
        if read.findings:
            with flask_babel.force_locale(examined.locale):
                notes = [note(finding) for finding in read.findings]
                heads = {heading.sheet: heading.row for heading in read.headings}
                title = flask_babel.gettext("batches.roster.marked.column")
                copy = marked_copy(examined.sheets, notes, heads, title=title)
            yield MARKED, 0, STAFF_FILES.sealed(copy)

    def store(self, check: StaffCheck, work: Work) -> None:
        """Store the accounts that were confirmed, or go on with them; all of them or none."""
        with reading() as session:
            accounts = accounts_of(session, check)
            digest = hashlib.sha256(_file_of(session, check)).hexdigest()
            stored = set(session.scalars(select(Staff.login).where(Staff.list_ref == check.ref)))
        waiting = [account for account in accounts if account.login not in stored]
        done = len(accounts) - len(waiting)
        try:
            for piece in pieces_of(waiting, size=AT_ONCE):
                work.in_front(partial(_store_some, check, piece, now=work.now))
                done += len(piece)
                work.tell(done, len(accounts))
        except CbtError:
            work.in_front(lambda: self.take_back(check))
            raise
        work.in_front(partial(_end, check, len(accounts), digest, now=work.now))
        self.put_away(check)

    def take_back(self, check: StaffCheck) -> None:
        """Take back what an import that stopped has stored."""
        take_back_list(check.ref, now=check.at, actor=check.actor)
        with unit_of_work() as session:
            stopped = session.get(StaffCheck, check.id)
            if stopped is not None:
                stopped.begun = False


STAFF_LISTS = StaffImport()


def _file_of(session: Session, check: StaffCheck) -> bytes:
    return STAFF_FILES.opened(STAFF_FILES.part(session, check, FILE), bytes)


def accounts_of(session: Session, check: StaffCheck) -> list[NewAccount]:
    """Return the accounts that an import of a list makes."""
    numbers = STAFF_FILES.part_numbers(session, check, PEOPLE)
    parts = [STAFF_FILES.part(session, check, PEOPLE, number) for number in numbers]
    return [account for part in parts for account in STAFF_FILES.opened(part, list[NewAccount])]


def _store_some(check: StaffCheck, accounts: Sequence[NewAccount], *, now: datetime) -> None:
    try:
        with unit_of_work() as session:
            for account in accounts:
                _store_account(session, check, account, now=now)
    except (IntegrityError, Conflict, NotFound) as error:
        # Somebody else took a sign-in name, or a unit left, between the check and now.
        raise Conflict("personnel.changed") from error


def _store_account(session: Session, check: StaffCheck, account: NewAccount, *, now: datetime) -> None:
    made = {"login": account.login, "name": account.name, "password_hash": "", "list_ref": check.ref}
    if account.unit:
        new_clerk(session, account.unit, **made, now=now, actor=check.actor)
    else:
        new_staff(session, roles=map(Role, account.roles), **made, now=now, actor=check.actor)


def _end(check: StaffCheck, count: int, digest: str, *, now: datetime) -> None:
    with unit_of_work() as session:
        STAFF_FILES.end(session, check.id, CheckState.DONE)
        ended = session.get(StaffCheck, check.id)
        if ended is not None:
            ended.begun, ended.total = False, count
        # By its digest: the name of a file is often somebody's.
        after = {"file": digest, "made": count}
        record(session, at=now, actor=check.actor, act="staff.list", subject=check.actor, after=after)


def keep(*, owner_ref: str, file_name: str, body: bytes, locale: str, now: datetime, actor: str) -> str:
    """Keep a list for its check and return its ref; this person's former one goes.

    Raise InvalidInput("personnel.no_file"), Conflict("personnel.under_way") while the former one is being stored.
    """
    if not body:
        raise InvalidInput("personnel.no_file", field="file")
    return STAFF_LISTS.bring(
        owner_ref,
        (FILE, 0, STAFF_FILES.sealed(body)),
        ref=new_ref("sl"),
        file_name=file_name,
        asked=locale,  # its copy is marked in the words of whoever brought it
        now=now,
        actor=actor,
    )


def confirm(*, owner_ref: str, ref: str, partial: bool, now: datetime, actor: str) -> None:
    """Have the accounts that were looked at be made; the first of two who confirm does.

    Raise InvalidInput("personnel.refused") for the whole of a list with errors, Conflict("personnel.nothing") where
    no row is good, ("personnel.under_way"), NotFound("personnel.gone").
    """
    with unit_of_work() as session:
        check = STAFF_LISTS.idle(session, owner_ref, ref, actor=actor)
        if check.state != CheckState.READY:
            raise Conflict(STAFF_FILES.busy)
        summary = STAFF_LISTS.summary_of(session, check)
        if summary.stops and not partial:
            raise InvalidInput("personnel.refused", count=summary.stops)
        count = summary.people.count
        if not count:
            raise Conflict("personnel.nothing")
        STAFF_LISTS.wait_to_be_stored(session, owner_ref, check, check.asked, total=count, now=now)
        check.begun = True


@dataclass(frozen=True, slots=True)
class StaffList:
    """The accounts that came by one workbook: how many there are, how many of them nobody has signed in with."""

    ref: str
    count: int
    waiting: int
    made_by: str
    at: datetime


def lists_of(session: Session, *, made_by: str = "", ref: str = "", most: int = 10) -> list[StaffList]:
    """Return the latest workbooks by which accounts came, of one person or by its ref where that is asked."""
    query = select(
        Staff.list_ref,
        func.count(),
        func.sum(case((Staff.must_change_password & Staff.disabled_at.is_(None), 1), else_=0)),
        func.min(Staff.made_by),
        func.min(Staff.created_at),
    ).where(Staff.list_ref != "")
    if made_by:
        query = query.where(Staff.made_by == made_by)
    if ref:
        query = query.where(Staff.list_ref == ref)
    rows = session.execute(query.group_by(Staff.list_ref).order_by(func.max(Staff.id).desc()).limit(most))
    return [StaffList(*row) for row in rows]


def accounts_by_list(session: Session, list_ref: str) -> Sequence[Staff]:
    """Return the accounts that came by a workbook, in its order."""
    return session.scalars(select(Staff).where(Staff.list_ref == list_ref).order_by(Staff.id)).all()


def take_back_list(list_ref: str, *, now: datetime, actor: str) -> tuple[int, int]:
    """Delete the accounts of a workbook that nobody has used; return how many went, and how many stay.

    What somebody has signed in with, or was put into a plan, is not taken back but disabled, one by one.
    """
    with reading() as session:
        refs = [staff.ref for staff in accounts_by_list(session, list_ref)]
    gone = sum(_take_back_some(piece, now=now, actor=actor) for piece in pieces_of(refs, size=AT_ONCE))
    return gone, len(refs) - gone


def _take_back_some(refs: Sequence[str], *, now: datetime, actor: str) -> int:
    with unit_of_work() as session:
        accounts = session.scalars(select(Staff).where(Staff.ref.in_(refs))).all()
        names = [account.logged_as for account in accounts]
        acted = set(session.scalars(select(AuditEntry.actor).where(AuditEntry.actor.in_(names)).distinct()))
        ids = [account.id for account in accounts]
        planned = set(session.scalars(select(RoomStaff.staff_id).where(RoomStaff.staff_id.in_(ids))))
        unused = [one for one in accounts if one.logged_as not in acted and one.id not in planned]
        for account in unused:
            clerk = session.get(UnitClerk, account.id)
            if clerk is not None:
                session.delete(clerk)
                session.flush()
            remove_staff(session, account, now=now, actor=actor)
        return len(unused)
