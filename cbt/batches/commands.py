"""`cbt roster`, candidates from a file, and `cbt sitting publish` and `move`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.batches import publication, sitting_change
from cbt.batches.roster.findings import told
from cbt.batches.roster.planner import CheckedRoster, dry_run
from cbt.batches.roster.roster_import import import_roster
from cbt.batches.sitting_change import MovedPlan, MoveWish
from cbt.blueprints.versions import own_folder
from cbt.candidates import corrections
from cbt.candidates.roster import export
from cbt.console.command import FILE, NEW_FILE, argument, group, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.output import told as told_error
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput
from cbt.http.app_context import with_app
from cbt.http.i18n import catalogues, local_zone
from cbt.sittings.commands import instant_of, sitting
from cbt.sittings.models import Centre, Room, Sitting
from cbt.sittings.store import rooms_of_sitting, sitting_by_ref
from cbt.spreadsheets.findings import Note, Severity
from cbt.storage.unit_of_work import reading


@group("roster", help="candidates.cli.roster")
def roster() -> None:
    """Hold the commands about rosters."""


@roster.command("import", help="candidates.cli.import")
@argument("file", type=FILE, help="candidates.cli.file")
@option("--batch", default="", metavar="REF", help="batches.cli.batch")
@option("--sitting", default="", metavar="REF", help="batches.cli.sitting")
@option("--photos", "photo_zip", type=FILE, metavar="ZIP", help="candidates.cli.photos")
@option("--dry-run", "looks_only", is_flag=True, help="candidates.cli.dry_run")
@with_app
def import_(
    file: Path, batch: str, sitting: str, photo_zip: Path | None, looks_only: bool, *, now: datetime
) -> Answer:
    """Check a roster and, unless it is a dry run or something stops it, register everybody in it."""
    if not batch and not sitting:
        raise InvalidInput("roster.which")
    body, folder = file.read_bytes(), own_folder()
    checked = dry_run(batch_ref=batch, sitting_ref=sitting, file_name=file.name, body=body, folder=folder)
    imported = not looks_only and not checked.plan.stops and bool(checked.plan.rooms)
    if imported:
        checked = import_roster(
            batch_ref=batch,
            sitting_ref=sitting,
            file_name=file.name,
            body=body,
            folder=folder,
            now=now,
            actor="cli",
        )
    stored = 0
    if imported and photo_zip is not None and sitting:
        report = corrections.attach_photos(
            sitting_ref=sitting, body=photo_zip.read_bytes(), now=now, actor="cli"
        )
        stored = report.stored
    return _answer(checked, imported=imported, photos_stored=stored)


def _answer(checked: CheckedRoster, *, imported: bool, photos_stored: int) -> Answer:
    plan = checked.plan
    notes = told([*plan.stops, *plan.hints])
    left = sum(one.people for one in plan.left)
    data = {
        "file": checked.file_name,
        "rows": checked.roster.total,
        "registered": len(plan.placements),
        "already": plan.already,
        "changed": len(plan.changes),
        "left": left,
        "imported": imported,
        "photos": photos_stored,
        "columns": dict(checked.roster.headers),
        "ignored": list(checked.roster.ignored),
        "problems": [_as_json(one) for one in notes],
    }
    figures = {
        "rows": checked.roster.total,
        "count": len(plan.placements),
        "already": plan.already,
        "stops": len(plan.stops) or left,
    }
    done = _("candidates.roster.cli.imported" if imported else "candidates.roster.cli.checked", **figures)
    words = [line for one in notes for line in _lines(one)]
    return Answer(data, [*words, done], code=REFUSED if plan.stops or left else DONE)


def _lines(note: Note) -> tuple[str, str]:
    place = _("candidates.roster.place", row=note.place.line, column=note.place.header)
    return f"[{note.severity_label}] {place}  {note.value}", f"    {note.why}{note.fix}"


def _as_json(note: Note) -> dict[str, object]:
    return {
        "row": note.place.line,
        "column": note.place.header,
        "value": note.value,
        "why": note.why,
        "fix": note.fix,
        "stop": note.severity is Severity.ERROR,
    }


@roster.command("template", help="candidates.cli.template")
@argument("file", type=NEW_FILE, help="candidates.cli.new_file")
def template(file: Path) -> Answer:
    with catalogues():
        file.write_bytes(export.template())
    return Answer({"file": file}, [_("candidates.roster.cli.template", file=str(file))])


commands: list[click.Command] = [roster]


@sitting.command("publish", help="sittings.cli.publish")
@argument("ref", help="sittings.cli.ref")
@with_app
def publish(ref: str, *, now: datetime) -> Answer:
    """Publish a draft sitting; or print all that is missing, each with its page, and exit with 2."""
    try:
        publication.publish(sitting_ref=ref, now=now, actor="cli")
    except Conflict as error:
        missing, pages = error.params.get("missing"), error.params.get("pages")
        if not isinstance(missing, list) or not isinstance(pages, list):
            raise
        return _lacking(error, list(zip(missing, pages, strict=True)))
    return Answer({"ref": ref, "published": True}, [_("sittings.done.published")])


@sitting.command("move", help="batches.cli.move")
@argument("ref", help="sittings.cli.ref")
@option("--start", default="", metavar="INSTANT", help="sittings.cli.start")
@option("--name", default="", metavar="NAME", help="batches.cli.move.name")
@option("--room", "rooms", multiple=True, metavar="ROOM=ROOM", help="batches.cli.move.room")
@option("--reason", required=True, metavar="TEXT", help="batches.cli.move.reason")
@option("--dry-run", "looks_only", is_flag=True, help="batches.cli.move.dry_run")
@with_app
def move(
    ref: str, start: str, name: str, rooms: tuple[str, ...], reason: str, looks_only: bool, *, now: datetime
) -> Answer:
    """Move a sitting to another time, other rooms or another name; or say what that would do."""
    with reading() as session:
        there = sitting_by_ref(session, ref)
        wish = MoveWish(
            name=name or there.name,
            start_at=instant_of(start) if start else there.planned_start_at,
            rooms=dict(_swap(session, there, one) for one in rooms),
            reason=reason,
        )
    if looks_only:
        plan = sitting_change.preview(sitting_ref=ref, wish=wish, now=now)
    else:
        plan = sitting_change.move(sitting_ref=ref, wish=wish, now=now, actor="cli")
    return _moved(ref, plan, moved=not looks_only)


def _swap(session: Session, sitting: Sitting, text: str) -> tuple[str, str]:
    """Return the ref of a room's part of a sitting and of the room it goes to, by their names.

    A room of another centre is `CENTRE/ROOM`. Raise InvalidInput("moving.room_gone") for what is neither.
    """
    former, _equals, goal = text.partition("=")
    centre_name, slash, room_name = goal.rpartition("/")
    views = {view.room.name: view for view in rooms_of_sitting(session, sitting.id)}
    of_centre = Room.centre_id == sitting.centre_id
    if slash:
        of_centre = Room.centre_id.in_(select(Centre.id).where(Centre.name == centre_name))
    found = session.scalar(select(Room.ref).where(of_centre, Room.name == room_name))
    if former not in views or found is None:
        raise InvalidInput("moving.room_gone", field="rooms")
    return views[former].sitting_room.ref, found


def _moved(ref: str, plan: MovedPlan, *, moved: bool) -> Answer:
    told, zone = plan.told, local_zone()
    becomes = [(plan.former_name, plan.sitting.name)] if plan.former_name != plan.sitting.name else []
    if plan.moved_in_time:
        times = (plan.former_start_at, plan.sitting.planned_start_at)
        former, start = (at.astimezone(zone).isoformat(" ", "minutes") for at in times)
        becomes.append((former, start))
    becomes += plan.rooms
    if plan.batch is not None and plan.batch.name != plan.batch.former_name:
        becomes.append((plan.batch.former_name, plan.batch.name))
    data = {
        "ref": ref,
        "moved": moved,
        "name": plan.sitting.name,
        "planned_start_at": plan.sitting.planned_start_at.astimezone(zone).isoformat(),
        "rooms": [list(pair) for pair in plan.rooms],
        "new_seats": len(plan.new_seats),
        "concerns": [{"text": one.text, "fix": one.fix, "stop": one.stops} for one in plan.concerns],
        **told.counts,
    }
    done = _("batches.cli.move.done" if moved else "batches.cli.move.would", **told.counts)
    words = [f"{former} → {new}" for former, new in becomes]
    notes = [f"{one.text} {one.fix}" for one in plan.concerns]
    return Answer(data, [*words, done], notes=notes, code=REFUSED if plan.stops else DONE)


def _lacking(error: Conflict, lacks: list[tuple[str, str]]) -> Answer:
    refused = told_error(error, missing=[{"text": lack, "page": page} for lack, page in lacks])
    listed = [f"  {lack}  {page}" for lack, page in lacks]
    return Answer(
        {"error": refused}, notes=[str(refused["what"]), *listed, str(refused["fix"])], code=REFUSED
    )
