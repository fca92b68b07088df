"""The exam of a world: banks, blueprints, drawn forms, and the centres, sittings and staff that hold it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.assembly.draw import DrawSources, draw_and_freeze
from cbt.bank.service import import_bank
from cbt.blueprints.files import blueprint_text
from cbt.blueprints.store import paper_of
from cbt.blueprints.versions import store_blueprint
from cbt.config import Settings
from cbt.rules.exam.paper import Paper
from cbt.rules.planning.room_plan import DoorCorner
from cbt.rules.roles import Role
from cbt.rules.states.sitting import Purpose
from cbt.sittings.models import Batch, Centre, Room, Sitting, SittingRoom
from cbt.sittings.planning.places import create_centre, create_room
from cbt.sittings.planning.sittings import assign_staff, create_batch, create_sitting, publish_sitting
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import unit_of_work

ACTOR = "cli"


@dataclass(frozen=True, slots=True)
class Variant:
    """A paper with some of its terms changed: (text in the blueprint, text in its place)."""

    level: str
    paper: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StoredPaper:
    """A variant as the database has it: its blueprint's version, its terms, the forms drawn by it."""

    version_id: int
    terms: Paper
    forms: tuple[int, ...]


def bring_banks(settings: Settings, refs: Iterable[str], *, now: datetime) -> None:
    """Import the banks of these refs from the folder of text banks."""
    for ref in refs:
        import_bank(settings.bank_dir / ref, now=now, actor=ACTOR)


def prepare_papers(
    settings: Settings, variants: Iterable[Variant], *, forms: int, now: datetime, rng: random.Random
) -> dict[Variant, StoredPaper]:
    """Bring in the banks that `variants` need, store their blueprints and draw `forms` forms of each."""
    wanted = list(dict.fromkeys(variants))
    bring_banks(settings, sorted({one.level for one in wanted}), now=now)
    with unit_of_work() as session:
        return {one: _prepare(session, settings, one, forms, now, rng) for one in wanted}


def _prepare(
    session: Session, settings: Settings, variant: Variant, forms: int, now: datetime, rng: random.Random
) -> StoredPaper:
    text = blueprint_text(settings.blueprint_dir / f"{variant.level}.toml")
    for old, new in variant.changes:
        text = text.replace(old, new)
    version_id = store_blueprint(session, text, now=now, actor=ACTOR).id
    sources = DrawSources(session)
    drawn = [
        draw_and_freeze(
            session, sources, blueprint_version_id=version_id, paper_code=variant.paper, now=now, rng=rng
        ).id
        for _ in range(forms)
    ]
    return StoredPaper(version_id, paper_of(session, version_id, variant.paper), tuple(drawn))


Duties = Mapping[int, str]
"""Who runs a room: a person's id, `proctor` or `chief_proctor`."""


@dataclass(frozen=True, slots=True)
class Hall:
    """A room to build; the last `spares` of its seats are kept free, in rows of `per_row` (0: nobody knows)."""

    name: str
    seats: int
    spares: int = 0
    per_row: int = 0
    door: DoorCorner = DoorCorner.UNKNOWN


@dataclass(frozen=True, slots=True)
class Premises:
    """Where sittings are held, and the batch they belong to."""

    centre: Centre
    rooms: Sequence[Room]
    batch: Batch


@dataclass(frozen=True, slots=True)
class Ground:
    """A centre and its only room by their ids, and who runs it: what several units of work need."""

    centre: int
    room: int
    duties: Duties

    def premises(self, session: Session, batch: int) -> Premises:
        """Return where the sittings of a batch are held."""
        room = session.get_one(Room, self.room)
        return Premises(session.get_one(Centre, self.centre), [room], session.get_one(Batch, batch))


def build_premises(
    session: Session,
    halls: Iterable[Hall],
    *,
    now: datetime,
    centre: str = "考点",
    address: str = "",
    batch: str = "批次",
    second_by_password: bool = False,
    actor: str = ACTOR,
) -> Premises:
    """Add a centre with its rooms, and a batch."""
    place = create_centre(
        session, name=centre, address=address, now=now, actor=actor, second_by_password=second_by_password
    )
    rooms = [
        create_room(
            session,
            place,
            name=one.name,
            seats=one.seats,
            spares=one.spares,
            per_row=one.per_row,
            door=one.door,
            now=now,
            actor=actor,
        )
        for one in halls
    ]
    return Premises(place, rooms, create_batch(session, name=batch, now=now, actor=actor))


def plan_sitting(
    session: Session,
    premises: Premises,
    *,
    at: datetime,
    now: datetime,
    name: str = "第 1 场",
    duties: Sequence[Duties] = (),
    published: bool = True,
    purpose: Purpose = Purpose.OFFICIAL,
    actor: str = ACTOR,
) -> tuple[Sitting, list[SittingRoom]]:
    """Add a sitting planned for `at` in all rooms; `duties` are those of the first room, the second, …"""
    sitting = create_sitting(
        session,
        batch=premises.batch,
        centre=premises.centre,
        name=name,
        planned_start_at=at,
        rooms=premises.rooms,
        purpose=purpose,
        now=now,
        actor=actor,
    )
    session.flush()
    query = select(SittingRoom).where(SittingRoom.sitting_id == sitting.id).order_by(SittingRoom.id)
    rooms = list(session.scalars(query))
    for room, people in zip(rooms, duties, strict=False):
        for staff_id, duty in people.items():
            assign_staff(session, room, staff_id=staff_id, duty=duty, now=now, actor=actor)
    if published:
        publish_sitting(session, sitting, now=now, actor=actor)
    return sitting, rooms


def add_staff(
    session: Session, *roles: Role, login: str, name: str, now: datetime, password_hash: str = ""
) -> Staff:
    """Add somebody who has a password of their own already, or none and never types one."""
    staff = Staff(
        ref=new_ref("st"),
        login=login,
        name=name,
        password_hash=password_hash,
        must_change_password=False,
        created_at=now,
        roles=[StaffRole(role=role.value) for role in roles],
    )
    session.add(staff)
    session.flush()
    return staff
