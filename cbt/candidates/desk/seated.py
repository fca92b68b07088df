"""A page of who is registered for a sitting, found by name, number or room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from cbt.candidates.finding import found_by
from cbt.candidates.models import Registration
from cbt.candidates.store import Registered, count_where, entries_where
from cbt.sittings.models import SittingRoom
from cbt.web.texts import asked_text, page_of

PAGE = 50


@dataclass(frozen=True, slots=True)
class SeatedAsked:
    """Who is looked for in a sitting; `room` is the ref of a sitting-room, "" for all."""

    text: str = ""
    room: str = ""
    page: int = 1

    @property
    def asked(self) -> dict[str, str]:
        """Return what narrows the list down, as it stands in an address."""
        return {name: value for name, value in {"q": self.text, "room": self.room}.items() if value}


@dataclass(frozen=True, slots=True)
class SeatedPage:
    """A page of a sitting's registrations."""

    entries: Sequence[Registered]
    page: int
    pages: int


def seated_asked(args: Mapping[str, str]) -> SeatedAsked:
    """Return who an address asks for."""
    return SeatedAsked(asked_text(args), args.get("room", "")[:40], page_of(args))


def seated_page(session: Session, sitting_id: int, asked: SeatedAsked, *, everybody: int) -> SeatedPage:
    """Return a page of a sitting's registrations by room and seat; `everybody` is how many there are."""
    conditions: list[ColumnElement[bool]] = [Registration.sitting_id == sitting_id]
    if asked.text:
        conditions.append(found_by(asked.text))
    if asked.room:
        conditions.append(SittingRoom.ref == asked.room)
    count = count_where(session, *conditions) if asked.asked else everybody
    pages = max(1, -(-count // PAGE))
    page = min(asked.page, pages)
    entries = entries_where(session, *conditions, limit=PAGE, offset=(page - 1) * PAGE)
    return SeatedPage(entries, page, pages)
