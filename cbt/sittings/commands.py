"""`cbt sitting`: plan a sitting from a script."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from sqlalchemy import select

from cbt.console.command import argument, group, option
from cbt.console.output import Answer, align
from cbt.console.texts import text as _
from cbt.errors import InvalidInput
from cbt.http.app_context import with_app
from cbt.http.i18n import local_zone
from cbt.rules.states import Purpose
from cbt.sittings.inputs import chosen, prefills
from cbt.sittings.models import Batch, Centre, Room, Sitting
from cbt.sittings.places import DEFAULT_SEATS, DEFAULT_SPARES, create_centre, create_room
from cbt.sittings.service import create_batch, create_sitting
from cbt.storage.unit_of_work import reading, unit_of_work


@group("sitting", help="sittings.cli.sitting")
def sitting() -> None:
    """Hold the commands about sittings; the delivery room adds `publish`, which asks for forms."""


@sitting.command("list", help="sittings.cli.list")
@with_app
def list_sittings(*, now: datetime) -> Answer:
    """Print every sitting with its batch, centre, planned start and state, the latest first."""
    query = (
        select(Sitting, Batch, Centre)
        .join(Batch, Batch.id == Sitting.batch_id)
        .join(Centre, Centre.id == Sitting.centre_id)
        .order_by(Sitting.planned_start_at.desc())
    )
    with reading() as session:
        rows = [
            {
                "ref": found.ref,
                "batch": batch.name,
                "centre": centre.name,
                "name": found.name,
                "planned_start_at": found.planned_start_at.astimezone(local_zone()).isoformat(),
                "purpose": found.purpose,
                "state": found.state,
                "past": found.planned_start_at <= now,
            }
            for found, batch, centre in session.execute(query)
        ]
    return Answer(rows, align([_line(row) for row in rows]))


def _line(row: dict[str, object]) -> list[str]:
    start = str(row["planned_start_at"])[:16].replace("T", " ")
    place = f"{row['batch']} · {row['centre']} · {row['name']}"
    purpose = "" if row["purpose"] == Purpose.OFFICIAL else _(f"sittings.purpose.{row['purpose']}")
    return [str(row["ref"]), start, _(f"sittings.state.{row['state']}"), place, purpose]


@sitting.command("add", help="sittings.cli.add")
@argument("name", help="sittings.cli.name")
@option("--start", required=True, metavar="INSTANT", help="sittings.cli.start")
@option("--batch", "batch_name", required=True, metavar="NAME", help="sittings.cli.batch")
@option("--centre", "centre_name", required=True, metavar="NAME", help="sittings.cli.centre")
@option("--room", "room_names", required=True, multiple=True, metavar="NAME", help="sittings.cli.room")
@option("--blueprint", "blueprint_ref", default="", metavar="REF", help="sittings.cli.blueprint")
@option(
    "--purpose",
    type=click.Choice([one.value for one in Purpose]),
    default="official",
    show_default=True,
    help="sittings.cli.purpose",
)
@option("--seats", type=int, default=DEFAULT_SEATS, show_default=True, help="sittings.cli.seats")
@option("--spares", type=int, default=DEFAULT_SPARES, show_default=True, help="sittings.cli.spares")
@with_app
def add(
    name: str,
    start: str,
    batch_name: str,
    centre_name: str,
    room_names: tuple[str, ...],
    blueprint_ref: str,
    purpose: str,
    seats: int,
    spares: int,
    *,
    now: datetime,
) -> Answer:
    """Add a draft sitting, and the batch, centre and rooms that are not there yet; print its ref."""
    planned_start_at = instant_of(start)
    with unit_of_work() as session:
        batch = session.scalar(select(Batch).where(Batch.name == batch_name))
        batch = batch or create_batch(session, name=batch_name, now=now, actor="cli")
        centre = session.scalar(select(Centre).where(Centre.name == centre_name))
        centre = centre or create_centre(session, name=centre_name, address="", now=now, actor="cli")
        rooms = []
        for room_name in room_names:
            room = session.scalar(select(Room).where(Room.centre_id == centre.id, Room.name == room_name))
            rooms.append(
                room
                or create_room(
                    session, centre, name=room_name, seats=seats, spares=spares, now=now, actor="cli"
                )
            )
        added = create_sitting(
            session,
            batch=batch,
            centre=centre,
            name=name,
            planned_start_at=planned_start_at,
            rooms=rooms,
            purpose=Purpose(purpose),
            policy=chosen(prefills(session), blueprint_ref),
            now=now,
            actor="cli",
        )
        ref = added.ref
    return Answer({"ref": ref}, [ref])


def instant_of(text: str) -> datetime:
    """Return a wall time of the centre as an instant; raise InvalidInput("input.instant")."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=local_zone()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("input.instant", field="start") from error


commands: list[click.Command] = [sitting]
