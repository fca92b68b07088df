"""What a role is to do first, or where its work will come from: a sentence and a link on the home page of each.

Officers, clerks of units and, at first, administrators have parts of their own there (batches, applications,
steps).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flask
from flask_babel import gettext as _
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from cbt.application.first_steps import first_steps_on_home
from cbt.bank.review.pages import Scope, counts
from cbt.enrolment.models import UnitClerk
from cbt.http.auth.login import Principal
from cbt.http.i18n import local_text
from cbt.items.models import Item, ItemBank
from cbt.rules.roles import ROOM_STAFF, Role
from cbt.rules.states import OVER, ItemState
from cbt.sittings.models import RoomStaff, Sitting, SittingRoom
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


def _marker(_session: Session, _principal: Principal) -> list[Turn]:
    return _turn("marker", "accounts.factors.account")


def _inspector(_session: Session, _principal: Principal) -> list[Turn]:
    return _turn("inspector", "inspecting.now")


def _admin(_session: Session, principal: Principal) -> list[Turn]:
    if first_steps_on_home(principal) is not None:
        return []
    return _turn("admin.nothing", "doctor.page")


def _clerk(session: Session, principal: Principal) -> list[Turn]:
    of_a_unit = session.get(UnitClerk, principal.subject_id) is not None
    return [] if of_a_unit else _turn("clerk.no_unit", "accounts.factors.account")


TurnOf = Callable[[Session, Principal], list[Turn]]
_TURNS: tuple[tuple[tuple[Role, ...], TurnOf], ...] = (
    ((Role.AUTHOR,), _author),
    ((Role.REVIEWER,), _reviewer),
    (tuple(ROOM_STAFF), _room_staff),
    ((Role.MARKER,), _marker),
    ((Role.INSPECTOR,), _inspector),
    ((Role.ADMIN,), _admin),
    ((Role.UNIT_CLERK,), _clerk),
)
