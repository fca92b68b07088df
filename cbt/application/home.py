"""Parts of the home page: what a role is to do first, and the first steps of an installation until each is done.

Of a role it is a sentence and a link; officers and clerks of units have parts of their own (batches, applications).
An administrator has the steps: whose the installation is, who works here, what is asked, by which rules, where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flask
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.bank.review.desk import Scope, counts
from cbt.bank.store import drawable_banks
from cbt.blueprints.store import blueprints_of, current_versions, sample_digests
from cbt.enrolment.models import AssessmentBody, UnitClerk
from cbt.http.auth.access import access_of
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text
from cbt.items.models import Item, ItemBank
from cbt.results.appeals.decision import DECIDERS
from cbt.results.panels.desk import open_panels_of
from cbt.results.panels.panel import JUDGES
from cbt.results.store import open_appeals
from cbt.rules.roles import ROOM_STAFF, Role
from cbt.rules.states import OVER, ItemState
from cbt.scoring.marking.overview import open_desks_of
from cbt.sittings.models import RoomStaff, Seat, Sitting, SittingRoom
from cbt.storage.unit_of_work import reading


@dataclass(frozen=True, slots=True)
class Turn:
    """A sentence, the page it leads to and what that is called; `waits` is whether something is to be done now."""

    text: str
    url: str
    go: str
    waits: bool = False


def turns_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page that says what a role is to do; None where other parts say it."""
    turns: list[Turn] = []
    with reading() as session:
        for roles, turn_of in _TURNS:
            if principal.has(*roles):
                turns += turn_of(session, principal)
    return ("application/_turns.html", {"turns": turns}) if turns else None


def _turn(code: str, endpoint: str, *, waits: bool = False, **params: object) -> list[Turn]:
    text, go = str(_(f"turns.{code}", **params)), str(_(f"turns.{code}.go"))
    return [Turn(text, flask.url_for(endpoint), go, waits)]


def _author(session: Session, principal: Principal) -> list[Turn]:
    if not session.scalar(select(exists().where(ItemBank.put_away_at.is_(None)))):
        return _turn("author.no_bank", "bank.whole.new", waits=True)
    mine = (Item.author == principal.logged_as) & (Item.state == ItemState.DRAFT.value)
    drafts = session.scalar(select(func.count()).select_from(Item).where(mine)) or 0
    if drafts:
        return _turn("author.drafts", "bank.banks", waits=True, count=drafts)
    return _turn("author.nothing", "bank.banks")


def _reviewer(session: Session, principal: Principal) -> list[Turn]:
    waiting = counts(session, principal.logged_as, "")
    count = waiting[Scope.MINE] + waiting[Scope.NOBODYS]
    if count:
        return _turn("reviewer.waiting", "bank.queue.queue", waits=True, count=count)
    return _turn("reviewer.nothing", "bank.queue.queue")


def _room_staff(session: Session, principal: Principal) -> list[Turn]:
    next_at = session.scalar(
        select(func.min(Sitting.planned_start_at))
        .join(SittingRoom, SittingRoom.sitting_id == Sitting.id)
        .join(RoomStaff, RoomStaff.sitting_room_id == SittingRoom.id)
        .where(RoomStaff.staff_id == principal.subject_id, SittingRoom.state.not_in(OVER))
    )
    if next_at is not None:
        return _turn("room.next", "proctoring.rooms", waits=True, at=local_text(next_at))
    return _turn("room.nothing", "proctoring.rooms")


def _marker(session: Session, principal: Principal) -> list[Turn]:
    desks, waiting = open_desks_of(session, principal.subject_id)
    if waiting:
        return _turn("marker.waiting", "marking.index", waits=True, count=waiting)
    return _turn("marker.nothing" if desks else "marker.not_named", "marking.index")


def _inspector(_session: Session, _principal: Principal) -> list[Turn]:
    return _turn("inspector", "inspecting.now")


def _admin(_session: Session, principal: Principal) -> list[Turn]:
    if first_steps_on_home(principal) is not None:
        return []
    return _turn("admin.nothing", "doctor.page")


def _clerk(session: Session, principal: Principal) -> list[Turn]:
    of_a_unit = session.get(UnitClerk, principal.subject_id) is not None
    return [] if of_a_unit else _turn("clerk.no_unit", "accounts.factors.account")


def _appeals(session: Session, _principal: Principal) -> list[Turn]:
    count = open_appeals(session)
    return _turn("appeals", "results.appeals.index", waits=True, count=count) if count else []


def _panels(session: Session, principal: Principal) -> list[Turn]:
    count = open_panels_of(session, principal.logged_as)
    return _turn("panels", "panels.index", waits=True, count=count) if count else []


TurnOf = Callable[[Session, Principal], list[Turn]]
_TURNS: tuple[tuple[tuple[Role, ...], TurnOf], ...] = (
    ((Role.AUTHOR,), _author),
    ((Role.REVIEWER,), _reviewer),
    (tuple(ROOM_STAFF), _room_staff),
    ((Role.MARKER,), _marker),
    ((Role.INSPECTOR,), _inspector),
    ((Role.ADMIN,), _admin),
    ((Role.UNIT_CLERK,), _clerk),
    (DECIDERS, _appeals),
    (JUDGES, _panels),
)


PAGES = {
    "body": "enrolment.body.body",
    "staff": "accounts.people",
    "bank": "bank.banks",
    "blueprint": "blueprints.index",
    "centre": "sittings.centres.centres",
}
OWN = frozenset({"body", "staff"})
TEAM = (Role.OFFICER, Role.AUTHOR, Role.REVIEWER, Role.PROCTOR)
"""Without one of each no exam is made, asked and watched; a chief proctor may be a proctor."""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """A step: its text ids, where it is done, whether it is, and whether whoever reads it can open that page."""

    code: str
    endpoint: str
    is_done: bool
    opens: bool
    samples: int = 0
    """How many samples are in force that nobody can use: they can be put away from here."""

    @property
    def is_own(self) -> bool:
        """Whether an administrator does it; else they see who does."""
        return self.code in OWN


def first_steps_on_home(principal: Principal) -> tuple[str, Mapping[str, object]] | None:
    """Return the part of the home page that leads an administrator; None once all is done, and for others."""
    if Role.ADMIN not in principal.roles:
        return None
    steps = first_steps(principal)
    if all(step.is_done for step in steps):
        return None
    return "application/_first_steps.html", {"steps": steps, "done": sum(step.is_done for step in steps)}


def first_steps(principal: Principal) -> list[FirstStep]:
    """Return all steps as they stand, for somebody who reads them; read once a request."""
    if "first_steps" not in flask.g:
        flask.g.first_steps = _read(principal)
    steps: list[FirstStep] = flask.g.first_steps
    return steps


def _read(principal: Principal) -> list[FirstStep]:
    with reading() as session:
        named, placed, *held = session.execute(
            select(
                exists().where(AssessmentBody.name != ""),
                exists(select(Seat.id).where(Seat.spare.is_(False))),
                *map(_is_held, TEAM),
            )
        ).one()
        drawable = drawable_banks(session)
        versions = current_versions(session)
        in_force = blueprints_of(session, [row.id for row in versions])
    done = {
        "body": named,
        "staff": all(held),
        "bank": bool(drawable),
        "blueprint": any(one.bank in drawable for one in in_force.values()),
        "centre": placed,
    }
    idle = [
        row for row in versions if row.sha256 in sample_digests() and in_force[row.id].bank not in drawable
    ]
    samples = {"blueprint": len(idle)}
    return [
        FirstStep(code, PAGES[code], is_done, _opens(PAGES[code], principal), samples.get(code, 0))
        for code, is_done in done.items()
    ]


def _opens(endpoint: str, principal: Principal) -> bool:
    declared = access_of(flask.current_app, endpoint)
    return declared is not None and declared.admits(principal)


def _is_held(role: Role) -> ColumnElement[bool]:
    wanted = (role, Role.CHIEF_PROCTOR) if role is Role.PROCTOR else (role,)
    return exists().where(
        StaffRole.staff_id == Staff.id,
        StaffRole.role.in_([one.value for one in wanted]),
        Staff.disabled_at.is_(None),
    )
