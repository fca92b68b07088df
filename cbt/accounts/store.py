"""Queries of the accounts room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.errors import InvalidInput
from cbt.http.auth.login import HALF, Principal
from cbt.rules.roles import Role
from cbt.storage.page_span import ListPage, PageSpan
from cbt.storage.prepared import PreparedSelect

_PRINCIPAL = PreparedSelect(
    select(Staff.id, Staff.name, Staff.must_change_password, StaffRole.role)
    .outerjoin(StaffRole)
    .where(Staff.ref == bindparam("ref"), Staff.disabled_at.is_(None))
)
"""Every request of staff asks this: a row for each role."""


def staff_principal(session: Session, ref: str) -> Principal | None:
    """Return the principal of a staff member who may still sign in, else None."""
    return _principal(_PRINCIPAL.rows(session, ref=ref), ref)


def signed_in_principal(cursor: Any, ref: str) -> Principal | None:
    """Return the same for who has a login, as a cursor of the driver reads it."""
    return _principal(_PRINCIPAL.at(cursor, ref=ref), ref)


def _principal(rows: Sequence[Any], ref: str) -> Principal | None:
    if not rows:
        return None
    number, name, must_change, _ = rows[0]
    return Principal(
        kind="staff",
        subject_id=number,
        subject_ref=ref,
        name=name,
        roles=frozenset(role for *_, role in rows if role is not None),
        must_change_password=must_change,
    )


def half_principal(cursor: Any, ref: str) -> Principal | None:
    """Return who gave the right password and still owes the code: somebody without any role."""
    signed = signed_in_principal(cursor, ref)
    return None if signed is None else replace(signed, kind=HALF, roles=frozenset())


def staff_by_login(session: Session, login: str) -> Staff | None:
    return session.scalar(select(Staff).where(Staff.login == login.strip().casefold()))


def ref_of(session: Session, login: str) -> str:
    """Return the ref of the staff member with that login name; raise InvalidInput("staff.no_login")."""
    member = staff_by_login(session, login)
    if member is None:
        raise InvalidInput("staff.no_login", login=login)
    return member.ref


def staff_by_ref(session: Session, ref: str) -> Staff:
    """Return the staff member; raise NotFound("staff.unknown")."""
    return Staff.by_ref(session, ref, unknown="staff.unknown")


def roles_of(session: Session, actor: str) -> frozenset[str]:
    """Return the roles behind an actor string such as `staff:st-…`; none for whoever is no staff."""
    query = select(StaffRole.role).join(Staff).where(Staff.ref == actor.removeprefix("staff:"))
    return frozenset(session.scalars(query))


def all_staff(session: Session) -> Sequence[Staff]:
    """Return everybody, those who may sign in first, by login."""
    return session.scalars(select(Staff).order_by(Staff.disabled_at.is_not(None), Staff.login)).all()


STAFF_PAGE = 50


def staff_page(session: Session, *, text: str, page: int) -> ListPage[Staff]:
    """Return a page of those whose name or login has `text` in it, who may sign in first, by login."""
    condition = or_(Staff.name.icontains(text, autoescape=True), Staff.login.icontains(text, autoescape=True))
    conditions = [condition] if text else []
    count = session.scalar(select(func.count()).select_from(Staff).where(*conditions)) or 0
    span = PageSpan(count, STAFF_PAGE, page)
    query = select(Staff).where(*conditions).order_by(Staff.disabled_at.is_not(None), Staff.login)
    return span.of(session.scalars(span.cut(query)).all(), text=text)


def staff_with_roles(session: Session, roles: Iterable[Role]) -> Sequence[Staff]:
    """Return those who may sign in and hold one of `roles`, by name."""
    held = select(StaffRole.staff_id).where(StaffRole.role.in_([role.value for role in roles]))
    query = select(Staff).where(Staff.id.in_(held), Staff.disabled_at.is_(None)).order_by(Staff.name)
    return session.scalars(query).all()


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role that somebody holds, as a list offers it."""

    ref: str
    name: str
    role: str


def held_roles(session: Session, roles: Iterable[Role]) -> list[RoleGrant]:
    """Return those who may sign in with each of `roles` they hold, by name."""
    query = (
        select(Staff.ref, Staff.name, StaffRole.role)
        .join(StaffRole)
        .where(StaffRole.role.in_([role.value for role in roles]), Staff.disabled_at.is_(None))
        .order_by(Staff.name, Staff.id, StaffRole.id)
    )
    return [RoleGrant(*row) for row in session.execute(query)]


def staff_with_logins(session: Session, role: Role) -> list[tuple[str, str]]:
    """Return the login and name of those who may sign in with a role, by name."""
    query = (
        select(Staff.login, Staff.name)
        .join(StaffRole)
        .where(StaffRole.role == role.value, Staff.disabled_at.is_(None))
        .order_by(Staff.name, Staff.id)
    )
    return [(login, name) for login, name in session.execute(query)]


def active_admins(session: Session) -> int:
    """Return how many may sign in as administrator."""
    query = (
        select(func.count())
        .select_from(StaffRole)
        .join(Staff, Staff.id == StaffRole.staff_id)
        .where(StaffRole.role == Role.ADMIN.value, Staff.disabled_at.is_(None))
    )
    return session.scalar(query) or 0


def actor_names(session: Session, actors: Iterable[str]) -> dict[str, str]:
    """Return the names behind actor strings such as `staff:st-…`, for logs; others are left out."""
    refs = {actor.removeprefix("staff:") for actor in actors if actor.startswith("staff:")}
    if not refs:
        return {}
    rows = session.execute(select(Staff.ref, Staff.name).where(Staff.ref.in_(refs)))
    return {f"staff:{ref}": name for ref, name in rows}


@dataclass(frozen=True, slots=True)
class NamedStaff:
    """Somebody as a log names them, with the roles they hold today."""

    name: str
    login: str
    roles: tuple[str, ...]


def staff_named(session: Session, actors: Iterable[str] | None) -> dict[str, NamedStaff]:
    """Return who is behind actor strings such as `staff:st-…`, others left out; of None everybody."""
    query = select(Staff.ref, Staff.name, Staff.login, StaffRole.role).outerjoin(StaffRole)
    if actors is not None:
        refs = {actor.removeprefix("staff:") for actor in actors if actor.startswith("staff:")}
        if not refs:
            return {}
        query = query.where(Staff.ref.in_(refs))
    staff: dict[str, NamedStaff] = {}
    for ref, name, login, role in session.execute(query.order_by(Staff.ref, StaffRole.role)):
        roles = staff[f"staff:{ref}"].roles if f"staff:{ref}" in staff else ()
        staff[f"staff:{ref}"] = NamedStaff(name, login, (*roles, role) if role else roles)
    return staff
