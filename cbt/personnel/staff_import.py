"""The import of a list of staff: a workbook read row by row, checked, confirmed, stored in pieces, taken back.

A cell that cannot be taken is noted, none is guessed; a sign-in name that is left out is made from the pinyin of
the name. What was stored is taken back while nobody has used it.

Accounts come without a password: passwords are given out on slips (`slips.py`).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar, Protocol

import flask_babel
from flask_babel import gettext as _
from sqlalchemy import case, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.accounts import store
from cbt.accounts.models import Staff
from cbt.accounts.staff import checked_account, new_staff, remove_staff
from cbt.audit.chain import record
from cbt.audit.models import AuditEntry
from cbt.enrolment.models import MemberUnit, UnitClerk
from cbt.enrolment.units import new_clerk
from cbt.errors import CbtError, Conflict, InvalidInput, NotFound
from cbt.imports.direct_import import note
from cbt.imports.machine import FINDINGS, MARKED, SUMMARY, ImportKind
from cbt.jobs.registry import Work
from cbt.personnel.models import FILE, STAFF_FILES, StaffCheck
from cbt.rules.roles import GIVEN, OF_THE_HOUSE, Role
from cbt.sittings.models import RoomStaff
from cbt.spreadsheets import writer
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Column, Columns, ColumnUse, Heading, letter, plain
from cbt.spreadsheets.file_checks import CheckState, FilePiece, FindingKind, Stretch, by_kind
from cbt.spreadsheets.findings import Finding, Severity
from cbt.spreadsheets.intake import LIST_CODES, Bounds, filled, open_list
from cbt.spreadsheets.writer import marked_copy
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work

COLUMNS = Columns(
    Column("name", ("姓名", "名字", "人员姓名", "name"), required=True),
    Column("roles", ("角色", "岗位角色", "岗位", "职责", "role", "roles"), required=True, width=24),
    Column("login", ("登录名", "账号", "帐号", "用户名", "登录账号", "login", "sign-in name"), width=18),
    Column("unit", ("所属单位", "单位", "单位名称", "会员单位", "成员单位", "member unit", "unit"), width=30),
    Column("number", ("序号", "编号", "No.", "number")),
    Column("remark", ("备注", "说明", "note", "remark"), width=24),
)
TEMPLATE = ("name", "roles", "login", "unit", "remark")

ROLE_WORDS: Mapping[Role, tuple[str, ...]] = {
    Role.AUTHOR: ("命题员", "命题人员", "命题专家", "author"),
    Role.REVIEWER: ("审题员", "审题人员", "审题专家", "reviewer"),
    Role.PROCTOR: ("监考员", "监考", "监考人员", "监考老师", "proctor"),
    Role.CHIEF_PROCTOR: ("主考", "主考官", "主监考", "chief proctor"),
    Role.MARKER: ("阅卷员", "阅卷人员", "考评员", "marker"),
    Role.OFFICER: ("考务", "考务员", "考务人员", "officer"),
    Role.INSPECTOR: ("督导员", "督导", "质量督导员", "inspector"),
    Role.ADMIN: ("系统管理员", "管理员", "administrator", "admin"),
    Role.UNIT_CLERK: ("单位经办人", "经办人", "unit clerk"),
}
_ROLE_OF = {plain(word): role for role, words in ROLE_WORDS.items() for word in words}
_BETWEEN = re.compile(r"[、,，;；/|\n]+")

MOST_ROWS = 500
MOST_BYTES = 4 * 1024 * 1024
HEADER_WITHIN = 30
SHOWN = 60
_BOUNDS = Bounds(MOST_ROWS, 60, LIST_CODES)

_LONGEST_LOGIN = 40
_SURNAMES = {
    "单": "shan", "解": "xie", "曾": "zeng", "查": "zha", "仇": "qiu", "区": "ou", "朴": "piao", "翟": "zhai",
    "任": "ren", "覃": "qin", "乐": "yue", "缪": "miao", "种": "chong", "尉迟": "yuchi", "万俟": "moqi",
    "单于": "chanyu", "长孙": "zhangsun",
}  # fmt: skip
"""Family names that are read otherwise than the same signs elsewhere."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A row of a list: the account that it becomes; `made` is whether its sign-in name was made from its name."""

    line: int
    name: str
    login: str
    made: bool
    roles: list[str]
    unit: str = ""
    """The ref of the member unit of a clerk."""
    unit_name: str = ""


@dataclass(frozen=True, slots=True)
class ReadStaff:
    """What a list says: the accounts that it becomes, how many rows there are, what was found."""

    accounts: list[NewAccount]
    rows: int
    findings: list[Finding]
    headings: list[Heading]


def staff_template() -> bytes:
    """Return an empty list: the headers, the roles to choose from, and a sheet that explains each column."""
    roles = [str(_(f"role.{role.value}")) for role in (*GIVEN, Role.UNIT_CLERK)]
    buffer = io.BytesIO()
    with writer.new_workbook(buffer) as book:
        sheet = book.add_worksheet(_("personnel.sheet"))
        columns = [COLUMNS.by_name[name] for name in TEMPLATE]
        heads = [(_header(one), one.width, one.required) for one in columns]
        writer.write_head(book, sheet, heads, writer.text_format(book))
        choice = {"validate": "list", "source": roles, "error_type": "warning"}
        sheet.data_validation(1, TEMPLATE.index("roles"), MOST_ROWS, TEMPLATE.index("roles"), choice)
        listed = str(_("personnel.between")).join(roles)
        lines = [
            (_header(one), str(_(f"personnel.column.{one.name}.about", roles=listed))) for one in columns
        ]
        writer.write_notes(book, _("personnel.notes"), lines)
    return buffer.getvalue()


def _header(column: Column) -> str:
    return str(_(f"personnel.column.{column.name}")) + ("*" if column.required else "")


def open_staff(name: str, body: bytes) -> list[SheetData]:
    """Return the sheets of a list; raise as `open_list` does, and InvalidInput("roster.no_header")."""
    sheets = open_list(name, body, _BOUNDS)
    if not any(_heading(sheet) for sheet in sheets):
        missing = [str(_(f"personnel.column.{column}")) for column in COLUMNS.required]
        raise InvalidInput("roster.no_header", field="file", missing=missing)
    return [filled(sheet) for sheet in sheets]


def _heading(sheet: SheetData) -> Heading | None:
    """Return the first row that names people and what they do; what one means comes once."""
    for row, cells in enumerate(sheet.rows[:HEADER_WITHIN]):
        uses, own_fields = list[ColumnUse](), set[str]()
        for place, header in enumerate(cells):
            meant = COLUMNS.meant(header[:SHOWN])
            uses.append(ColumnUse(sheet.name, letter(place), header, "" if meant in own_fields else meant))
            own_fields.add(meant)
        if own_fields.issuperset(COLUMNS.required):
            return Heading(COLUMNS, "", sheet.name, row + 1, uses)
    return None


def read_staff(session: Session, sheets: Sequence[SheetData], *, by: frozenset[Role]) -> ReadStaff:
    """Return what the sheets of a list say, for somebody with the roles `by`: who they may make accounts for.

    Source: R-62, R-70.
    """
    lines = [(heading, row, cells) for heading, row, cells in _lines(sheets)]
    taken = dict(session.execute(select(Staff.login, Staff.name)).all())
    names = {name: login for login, name in taken.items()}
    units = _units_named(session, {cells["unit"] for _heading, _row, cells in lines if cells.get("unit")})
    reader = _Reader(by=by, taken=set(taken), there=names, units=units)
    headings = [heading for heading in map(_heading, sheets) if heading is not None]
    for heading in headings:
        for place, meant in heading.doubled:
            title = str(_(f"personnel.column.{meant}"))
            double = Finding(
                Severity.HINT, "roster.column_double", place, place.header, params={"name": title}
            )
            reader.findings.append(double)
    # Those who say how they sign in come first: no made name takes what somebody wrote.
    for heading, row, cells in sorted(lines, key=lambda line: "login" not in line[2]):
        reader.read(heading, row, cells)
    accounts = sorted(reader.accounts, key=lambda account: account.line)
    reader.findings.sort(key=lambda finding: (finding.place.sheet, finding.place.line))
    return ReadStaff(accounts, len(lines), reader.findings, headings)


def _lines(sheets: Sequence[SheetData]) -> Iterator[tuple[Heading, int, dict[str, str]]]:
    """Yield the rows (from 1) below each heading with what they say; a number or a remark alone is none."""
    for sheet in sheets:
        heading = _heading(sheet)
        for row, cells in enumerate(sheet.rows[heading.row :], heading.row + 1) if heading else ():
            assert heading is not None
            values = {
                name: cells[place].strip()
                for name, place in heading.places.items()
                if place < len(cells) and cells[place].strip()
            }
            if values.keys() - {"number", "remark"}:
                yield heading, row, values


def _units_named(session: Session, texts: set[str]) -> Mapping[str, list[MemberUnit]]:
    """Return the units that texts name, by name or credit code."""
    units: dict[str, list[MemberUnit]] = {}
    if texts:
        wanted = {*texts, *(text.upper() for text in texts)}
        condition = or_(MemberUnit.name.in_(wanted), MemberUnit.credit_code.in_(wanted))
        for unit in session.scalars(select(MemberUnit).where(condition)):
            for text in (unit.name, unit.credit_code):
                units.setdefault(text, []).append(unit)
    return units


@dataclass
class _Reader:
    """Reads rows one after the other, each beside those before it."""

    by: frozenset[Role]
    taken: set[str]
    """The sign-in names that somebody has."""
    there: Mapping[str, str]
    """The sign-in names of those who have an account, by their names."""
    units: Mapping[str, list[MemberUnit]]
    accounts: list[NewAccount] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """The rows of the list that have a sign-in name, by it."""

    def read(self, heading: Heading, row: int, cells: Mapping[str, str]) -> None:
        """Read a row: an account, or what keeps it from being one."""
        stops = len(self.findings)

        def tell(code: str, column: str, severity: Severity = Severity.ERROR, /, **params: object) -> None:
            value = cells.get(column, "")[:SHOWN]
            place = heading.place(row, column)
            self.findings.append(Finding(severity, code, place, value, params=params))

        roles = self._roles(cells, tell)
        unit = self._unit(cells, roles, tell)
        name, login = " ".join(cells.get("name", "").split()), cells.get("login", "").casefold()
        made = not login
        if made:
            login = self._made(name)
            if name and not login:
                tell("personnel.no_login", "login")
        try:
            login, name, _roles = checked_account(login or "name", name, roles or [Role.PROCTOR])
        except InvalidInput as error:
            column = str(error.params.get("field", ""))
            params = {key: value for key, value in error.params.items() if key != "field"}
            tell(error.code, column if column in COLUMNS.by_name else "", Severity.ERROR, **params)
        if not made and login in self.taken:
            tell("staff.login_taken", "login", login=login)
        elif not made and login in self.lines:
            tell("personnel.login_twice", "login", login=login, row=self.lines[login])
        if any(finding.severity is Severity.ERROR for finding in self.findings[stops:]):
            return
        if name in self.there:
            tell("personnel.name_there", "name", Severity.HINT, name=name, login=self.there[name])
        self.lines[login] = row
        refs = (unit.ref, unit.name) if unit is not None else ("", "")
        self.accounts.append(NewAccount(row, name, login, made, [role.value for role in roles], *refs))

    def _roles(self, cells: Mapping[str, str], tell: _Tell) -> list[Role]:
        """Return the roles of a row, each once; note words that are none, and what is not given to anybody here."""
        words = [word.strip() for word in _BETWEEN.split(cells.get("roles", "")) if word.strip()]
        roles = list[Role]()
        for word in words:
            role = _ROLE_OF.get(plain(word))
            if role is None:
                allowed = [str(_(f"role.{one.value}")) for one in (*GIVEN, Role.UNIT_CLERK)]
                tell("personnel.role_unknown", "roles", word=word[:SHOWN], allowed=allowed)
                return []
            if role not in roles:
                roles.append(role)
        if not roles:
            tell("staff.roles", "roles")
        elif Role.UNIT_CLERK in roles and len(roles) > 1:
            tell("personnel.clerk_alone", "roles")
        elif Role.UNIT_CLERK in roles and Role.OFFICER not in self.by:
            tell("personnel.clerk_by_officer", "roles")
        elif Role.UNIT_CLERK not in roles and Role.ADMIN not in self.by:
            tell("personnel.house_by_admin", "roles")
        return roles

    def _unit(self, cells: Mapping[str, str], roles: Sequence[Role], tell: _Tell) -> MemberUnit | None:
        """Return the unit of a clerk; nobody else has one."""
        text = cells.get("unit", "")
        if Role.UNIT_CLERK not in roles:
            if text and {*roles} & {*OF_THE_HOUSE}:
                tell("personnel.unit_unused", "unit", Severity.HINT)
            return None
        units = self.units.get(text) or self.units.get(text.upper()) or []
        if not text:
            tell("personnel.unit_missing", "unit")
        elif not units:
            tell("personnel.unit_unknown", "unit")
        elif len(units) > 1:
            tell("personnel.unit_several", "unit", count=len(units))
        elif units[0].left_at is not None:
            tell("unit.left", "unit", name=units[0].name)
        else:
            return units[0]
        return None

    def _made(self, name: str) -> str:
        """Return a sign-in name that nobody has, made from a name; "" where nothing can be made of it."""
        base = login_of(name)
        if len(base) < 2:
            return ""
        login, count = base, 1
        while login in self.taken or login in self.lines:
            count += 1
            login = f"{base[: _LONGEST_LOGIN - len(str(count))]}{count}"
        return login


class _Tell(Protocol):
    """Tells of something in the row that is read."""

    def __call__(
        self, code: str, column: str, severity: Severity = Severity.ERROR, /, **params: object
    ) -> None: ...


def login_of(name: str) -> str:
    """Return a name in pinyin as a sign-in name has it: small letters and digits; "" where nothing is left."""
    from pypinyin import lazy_pinyin  # a dictionary of 50 MB: only who reads a list of staff needs it

    whole = "".join(name.split()).replace("·", "")
    surname = next((some for some in (whole[:2], whole[:1]) if some in _SURNAMES), "")
    spelled = _SURNAMES.get(surname, "") + "".join(lazy_pinyin(whole[len(surname) :]))
    return re.sub(r"[^a-z0-9]", "", spelled.casefold())[:_LONGEST_LOGIN]


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
