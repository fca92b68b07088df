"""`cbt sitting`: plan a sitting from a script."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from flask_babel import gettext
from sqlalchemy import select

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import InvalidInput
from cbt.sittings.models import Batch, Centre, Room, Sitting
from cbt.sittings.planning.places import DEFAULT_SEATS, DEFAULT_SPARES, create_centre, create_room
from cbt.sittings.planning.prefill import chosen, prefills
from cbt.sittings.planning.sittings import create_batch, create_sitting
from cbt.web.cli import print_json, with_app
from cbt.web.i18n import local_zone


@click.group(help="场次 · Sittings.")
def sitting() -> None:
    """Hold the commands about sittings; the delivery room adds `publish`, which asks for forms."""


@sitting.command("list", help="列出场次 · List the sittings.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def list_sittings(as_json: bool, *, now: datetime) -> None:
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
                "state": found.state,
                "past": found.planned_start_at <= now,
            }
            for found, batch, centre in session.execute(query)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        start = str(row["planned_start_at"])[:16].replace("T", " ")
        state = gettext(f"sittings.state.{row['state']}")
        click.echo(f"{row['ref']}  {start}  {state}  {row['batch']} · {row['centre']} · {row['name']}")


@sitting.command("add", help="新增场次；批次、考点、考场没有时一并新增 · Add a sitting and what it needs.")
@click.argument("name")
@click.option("--start", required=True, help="计划开考，如 2026-12-05T09:00 · Planned start, local time.")
@click.option("--batch", "batch_name", required=True, help="认定批次名称 · Batch name.")
@click.option("--centre", "centre_name", required=True, help="考点名称 · Centre name.")
@click.option("--room", "room_names", required=True, multiple=True, help="考场名称，可重复 · Room name.")
@click.option(
    "--blueprint",
    "blueprint_ref",
    default="",
    help="入场时间取自哪个考核方案 · Blueprint whose [admission] the times are taken from.",
)
@click.option("--seats", default=DEFAULT_SEATS, show_default=True, help="新考场的机位数 · Seats.")
@click.option("--spares", default=DEFAULT_SPARES, show_default=True, help="其中备用机位 · Spares.")
@with_app
def add(
    name: str,
    start: str,
    batch_name: str,
    centre_name: str,
    room_names: tuple[str, ...],
    blueprint_ref: str,
    seats: int,
    spares: int,
    *,
    now: datetime,
) -> None:
    """Add a draft sitting, and the batch, centre and rooms that are not there yet; print its ref."""
    try:
        planned_start_at = datetime.fromisoformat(start).replace(tzinfo=local_zone()).astimezone(UTC)
    except ValueError as error:
        raise InvalidInput("input.instant", field="start") from error
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
            policy=chosen(prefills(session), blueprint_ref),
            now=now,
            actor="cli",
        )
        ref = added.ref
    click.echo(ref)


commands: list[click.Command] = [sitting]
