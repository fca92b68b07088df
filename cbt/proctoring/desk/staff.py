"""Who acts in a room, and which rooms they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from cbt.accounts.approvals.second import Second
from cbt.proctoring.store import assigned_rooms, is_assigned
from cbt.rules.roles import ROOM_STAFF, Role
from cbt.sittings.models import SittingRoom
from cbt.web.who.login import Principal


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, with whom."""

    principal: Principal
    second: Second | None = None

    @property
    def actor(self) -> str:
        """The first person as the logs name them."""
        return self.principal.logged_as

    @property
    def names(self) -> str:
        """Both as the room's log says them."""
        return " + ".join([self.principal.name, *([self.second.name] if self.second else [])])

    @property
    def chief(self) -> bool:
        """Whether the chief is one of the two."""
        second = self.second is not None and Role.CHIEF_PROCTOR in self.second.roles
        return second or self.principal.has(Role.CHIEF_PROCTOR)


def runs_rooms(principal: Principal) -> bool:
    """Return whether this person may act in the rooms they see; the others only read. Source: R-62."""
    return principal.has(*ROOM_STAFF)


def runs_room(session: Session, room: SittingRoom, principal: Principal) -> bool:
    """Return whether this person runs this room: the chief runs every one, a proctor the assigned.

    Somebody who sees every room for another reason (an officer who also proctors) is no exception.

    Source: R-62.
    """
    if principal.has(Role.CHIEF_PROCTOR):
        return True
    return principal.has(Role.PROCTOR) and is_assigned(session, room.id, principal.subject_id)


def rooms_run(session: Session, principal: Principal, sitting_room_ids: Sequence[int]) -> set[int]:
    """Return which of some rooms this person runs, as `runs_room` says of each."""
    if principal.has(Role.CHIEF_PROCTOR):
        return set(sitting_room_ids)
    if not principal.has(Role.PROCTOR):
        return set()
    return assigned_rooms(session, principal.subject_id) & set(sitting_room_ids)
