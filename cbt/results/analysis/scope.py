"""What an analysis is about: a sitting or one of its rooms, a batch, a year, or what a centre held in a year.

Source: R-96, R-97.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

import flask
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.errors import Conflict, NotFound
from cbt.http.i18n import local_zone
from cbt.releases import product_version
from cbt.results.analysis.answers import mark_of, sittings_over
from cbt.results.store import SHOWN, finished_sitting
from cbt.rules.canonical import canonical_json, digest
from cbt.sittings.models import Centre, Room, Sitting, SittingRoom
from cbt.sittings.store import batch_by_ref, centre_by_ref, official_only, rooms_of_sitting
from cbt.storage.unit_of_work import reading

Kind = Literal["sitting", "room", "batch", "centre", "year"]
PlaceKind = Literal["room", "centre"]
FIRST_YEAR, LAST_YEAR = 2000, 2200
MOST_CENTRES = 500
"""So many are there to be chosen from."""
MOST_NARROWER = 60
"""So many parts of a scope are led to from its page."""


@dataclass(frozen=True, slots=True)
class AnalysisScope:
    """What is analysed; of several sittings those that are over."""

    kind: Kind
    ref: str
    """The ref of a sitting, of a room in a sitting, of a batch; a year; a centre's ref, a dot and a year."""
    name: str
    mark: str
    """What changes whenever its figures may."""

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.ref}"

    @property
    def asked(self) -> dict[str, str]:
        return {"scope": self.kind, "ref": self.ref, "mark": self.mark}

    @property
    def title(self) -> str:
        return scope_title(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class ScopeSittings:
    """The sittings of a scope that are over, and of a room the only one that counts of them."""

    name: str
    sittings: Sequence[Sitting]
    place_kind: PlaceKind = "room"
    """What its people are told apart by."""
    sitting_room_id: int | None = None


def scope_title(kind: str, name: str) -> str:
    """Return what people call a scope."""
    return str(_(f"analysis.scope.{kind}", name=name))


def centre_ref_of(centre: str, year: int) -> str:
    return f"{centre}.{year}"


def scope_of(kind: Kind, ref: str) -> AnalysisScope:
    """Return what is to be analysed.

    Raise like `finished_sitting`, NotFound("batch.unknown"|"centre.unknown"|"sitting.room_unknown"|
    "analysis.year_unknown"), Conflict("analysis.none_over").
    """
    with reading() as session:
        told = sittings_of(session, kind, ref)
        facts = mark_of(session, [sitting.id for sitting in told.sittings])
    return AnalysisScope(kind, ref, told.name, digest(canonical_json([facts, _version()])))


def sittings_of(session: Session, kind: Kind, ref: str) -> ScopeSittings:
    """Return the sittings of a scope; raise like `scope_of`."""
    match kind:
        case "sitting":
            sitting = finished_sitting(session, ref)
            return ScopeSittings(sitting.name, [sitting])
        case "room":
            return _of_room(session, ref)
        case "batch":
            batch = batch_by_ref(session, ref)
            return _over(
                ScopeSittings(batch.name, sittings_over(session, Sitting.batch_id == batch.id), "centre")
            )
        case "centre":
            centre_ref, _dot, text = ref.rpartition(".")
            year, centre = _year(text), centre_by_ref(session, centre_ref)
            of_centre = sittings_over(session, Sitting.centre_id == centre.id, *_in_year(year))
            return _over(ScopeSittings(f"{centre.name} · {year}", of_centre))
        case "year":
            year = _year(ref)
            return _over(ScopeSittings(str(year), sittings_over(session, *_in_year(year)), "centre"))


def _of_room(session: Session, ref: str) -> ScopeSittings:
    query = (
        select(SittingRoom.id, Sitting.ref, Room.name)
        .join(Sitting, Sitting.id == SittingRoom.sitting_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .where(SittingRoom.ref == ref)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("sitting.room_unknown")
    room_id, sitting_ref, name = row
    sitting = finished_sitting(session, sitting_ref)
    return ScopeSittings(f"{sitting.name} · {name}", [sitting], sitting_room_id=room_id)


def _over(told: ScopeSittings) -> ScopeSittings:
    if not told.sittings:
        raise Conflict("analysis.none_over", name=told.name)
    return told


def _year(text: str) -> int:
    if not text.isdecimal() or not FIRST_YEAR <= int(text[:5]) <= LAST_YEAR:
        raise NotFound("analysis.year_unknown")
    return int(text[:5])


def _in_year(year: int) -> tuple[Any, Any]:
    """Return the conditions of a sitting that was planned to start in a year of the centres' zone."""
    zone = local_zone()
    first, after = datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone)
    return Sitting.planned_start_at >= first, Sitting.planned_start_at < after


@cache
def _version() -> str:
    return product_version()


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """The years and the centres with sittings that are over: what an analysis may be asked of."""

    years: Sequence[int]
    centres: Sequence[tuple[str, str]]
    """Refs and names."""


def scope_choice(session: Session) -> ScopeChoice:
    """Return what may be chosen, the latest year first."""
    over = (Sitting.state.in_(SHOWN), official_only())
    first, last = session.execute(
        select(func.min(Sitting.planned_start_at), func.max(Sitting.planned_start_at)).where(*over)
    ).one()
    if first is None or last is None:
        return ScopeChoice((), ())
    zone = local_zone()
    held = select(Sitting.centre_id).where(*over)
    centres = select(Centre.ref, Centre.name).where(Centre.id.in_(held)).order_by(Centre.name, Centre.id)
    return ScopeChoice(
        range(last.astimezone(zone).year, first.astimezone(zone).year - 1, -1),
        [(row.ref, row.name) for row in session.execute(centres.limit(MOST_CENTRES))],
    )


def narrower(session: Session, scope: AnalysisScope) -> list[tuple[str, str, str]]:
    """Return the parts of a scope that have an analysis of their own: kind, ref and name."""
    if scope.kind == "sitting":
        sitting = finished_sitting(session, scope.ref)
        return [
            ("room", one.sitting_room.ref, one.room.name) for one in rooms_of_sitting(session, sitting.id)
        ]
    if scope.kind == "year":
        year = _year(scope.ref)
        held = select(Sitting.centre_id).where(Sitting.state.in_(SHOWN), official_only(), *_in_year(year))
        centres = select(Centre.ref, Centre.name).where(Centre.id.in_(held)).order_by(Centre.name, Centre.id)
        rows = session.execute(centres.limit(MOST_NARROWER))
        return [("centre", centre_ref_of(ref, year), name) for ref, name in rows]
    if scope.kind == "centre":
        sittings = sittings_of(session, "centre", scope.ref).sittings[-MOST_NARROWER:]
        return [("sitting", sitting.ref, sitting.name) for sitting in sittings]
    return []


def page_of(kind: str, ref: str, **where: Any) -> str:
    """Return the address of the page that shows the figures of a scope, or of a place on it."""
    return _address(kind, ref, "", where)


def file_page_of(kind: str, ref: str, file: Literal["report", "workbook"]) -> str:
    """Return the address that makes a scope's figures a file."""
    return _address(kind, ref, f"_{file}", {})


def _address(kind: str, ref: str, of: str, where: dict[str, Any]) -> str:
    if kind == "centre":
        centre, _dot, year = ref.rpartition(".")
        return flask.url_for(f"analysis.centre{of}", centre_ref=centre, year=year, **where)
    if kind == "year":
        return flask.url_for(f"analysis.year{of}", year=ref, **where)
    refs: dict[str, Any] = {f"{kind}_ref": ref}
    return flask.url_for(f"analysis.{kind}{of}", **refs, **where)
