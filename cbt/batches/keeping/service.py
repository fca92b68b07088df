"""Use cases: a centre or a room gets another name, and what nothing hangs on goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.batches.keeping.kinds import KINDS, KeptKind, owner_ref
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import Conflict
from cbt.sittings.models import Centre, Room
from cbt.web.texts import one_line, required

_ADDRESS = 200


@dataclass(frozen=True, slots=True)
class PlannedThing:
    """A thing of a kind: what hangs on it, in words, and the ref of what it belongs to."""

    kind: KeptKind
    ref: str
    name: str
    address: str
    hanging: list[str]
    owner_ref: str


def look(*, kind: str, ref: str) -> PlannedThing:
    """Return a thing with what hangs on it; raise NotFound for none."""
    with reading() as session:
        thing = KINDS[kind].find(session, ref)
        return PlannedThing(
            KINDS[kind],
            ref,
            thing.name,
            getattr(thing, "address", ""),
            _words(KINDS[kind], KINDS[kind].hanging(session, thing)),
            owner_ref(session, thing),
        )


def remove(*, kind: str, ref: str, now: datetime, actor: str) -> None:
    """Delete what nothing hangs on; raise Conflict("keeping.hangs") with what does."""
    of = KINDS[kind]
    try:
        with unit_of_work() as session:
            thing = of.find(session, ref)
            session.refresh(thing, with_for_update=True)
            hanging = _words(of, of.hanging(session, thing))
            if hanging:
                raise Conflict("keeping.hangs", what=str(_("batches.missing.and")).join(hanging))
            before = {"name": thing.name}
            of.clear(session, thing)
            session.delete(thing)
            session.flush()
            record(session, at=now, actor=actor, act=f"{kind}.delete", subject=f"{kind}:{ref}", before=before)
    except IntegrityError as error:
        # Something of a later room, or something that came at this moment, belongs to it.
        raise Conflict("keeping.hangs", what=str(_("batches.hangs.other"))) from error


def change_centre(*, ref: str, name: str, address: str, now: datetime, actor: str) -> None:
    """Give a centre another name or address; raise InvalidInput("centre.name")."""
    with unit_of_work() as session:
        centre = KINDS["centre"].find(session, ref)
        values = {
            "name": required(name, "centre.name", "name"),
            "address": one_line(address, "address")[:_ADDRESS],
        }
        _set(session, centre, "centre", values, now=now, actor=actor)


def change_room(*, ref: str, name: str, now: datetime, actor: str) -> None:
    """Give a room another name; raise InvalidInput("room.name"), Conflict("room.taken")."""
    with unit_of_work() as session:
        room: Room = KINDS["room"].find(session, ref)
        name = required(name, "room.name", "name", limit=60)
        same = select(Room.id).where(Room.centre_id == room.centre_id, Room.name == name, Room.id != room.id)
        if session.scalar(same) is not None:
            raise Conflict("room.taken", field="name", name=name)
        _set(session, room, "room", {"name": name}, now=now, actor=actor)


def _set(
    session: Session, thing: Centre | Room, kind: str, values: dict[str, str], *, now: datetime, actor: str
) -> None:
    before = {key: getattr(thing, key) for key in values}
    changed: dict[str, Any] = {key: text for key, text in values.items() if before[key] != text}
    for key, text in changed.items():
        setattr(thing, key, text)
    if changed:
        record(
            session,
            at=now,
            actor=actor,
            act=f"{kind}.change",
            subject=f"{kind}:{thing.ref}",
            before={key: before[key] for key in changed},
            after=changed,
        )


def _words(kind: KeptKind, hanging: dict[str, int]) -> list[str]:
    return [
        str(_(f"batches.hangs.{kind.name}.{code}", count=count)) for code, count in hanging.items() if count
    ]
