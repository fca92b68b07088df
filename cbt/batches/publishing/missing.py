"""What a sitting lacks for its day: everything at once, each with the page that mends it."""

from __future__ import annotations

from dataclasses import dataclass

import flask
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff
from cbt.candidates.models import Registration
from cbt.delivery.store import count_without_form
from cbt.sittings import store
from cbt.sittings.models import Room, RoomStaff, Sitting, SittingRoom
from cbt.web.addresses import path_of

PAGES = {
    "rooms": ("candidates.sitting", "#rooms"),
    "candidates": ("candidates.roster.upload", ""),
    "proctors": ("candidates.sitting", "#rooms"),
    "forms": ("candidates.sitting", "#forms"),
}
"""Where each thing is mended: a page about the sitting, and the place on it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing a sitting lacks: `rooms`, `candidates`, `proctors` (of the rooms named) or `forms` (so many)."""

    code: str
    count: int = 0
    rooms: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is missing, in the person's language."""
        rooms = str(_("batches.missing.and")).join(self.rooms)
        return str(_(f"batches.missing.{self.code}", count=self.count, rooms=rooms))

    def page(self, sitting_ref: str) -> str:
        """Return the path of the page that mends it."""
        endpoint, place = PAGES[self.code]
        return path_of(flask.current_app, endpoint, ref=sitting_ref) + place


def missing_of(session: Session, sitting: Sitting) -> list[Missing]:
    """Return everything a sitting lacks for its day, in the order in which it is mended.

    A room that nobody sits in needs no proctor; a disabled account is nobody.

    Source: R-7, R-20, R-43, R-60.
    """
    found = []
    if not store.rooms_of_sitting(session, sitting.id):
        found.append(Missing("rooms"))
    registered = session.scalar(
        select(func.count()).select_from(Registration).where(Registration.sitting_id == sitting.id)
    )
    if not registered:
        found.append(Missing("candidates"))
    if unattended := _unattended(session, sitting.id):
        found.append(Missing("proctors", len(unattended), tuple(unattended)))
    if without_form := count_without_form(session, sitting_id=sitting.id):
        found.append(Missing("forms", without_form))
    return found


def _unattended(session: Session, sitting_id: int) -> list[str]:
    """Return the names of the rooms with candidates and without anybody to run them."""
    attended = (
        select(RoomStaff.id)
        .join(Staff, Staff.id == RoomStaff.staff_id)
        .where(RoomStaff.sitting_room_id == SittingRoom.id, Staff.disabled_at.is_(None))
    )
    seated = select(Registration.id).where(Registration.sitting_room_id == SittingRoom.id)
    query = (
        select(Room.name)
        .join(SittingRoom, SittingRoom.room_id == Room.id)
        .where(SittingRoom.sitting_id == sitting_id, seated.exists(), ~attended.exists())
        .order_by(Room.name)
    )
    return list(session.scalars(query))
