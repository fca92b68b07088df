"""`cbt roster`: candidates from a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cbt.candidates import photos
from cbt.candidates.roster import commit, export
from cbt.candidates.roster.commit import CheckedRoster
from cbt.candidates.roster.views import blueprint_folder, told
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import FILE, NEW_FILE
from cbt.console.saying import Answer
from cbt.console.texts import text as _
from cbt.console.tree import argument, group, option
from cbt.sheets.findings import Note, Severity
from cbt.web.cli import with_app
from cbt.web.i18n import catalogues


@group("roster", help="candidates.cli.roster")
def roster() -> None:
    """Hold the commands about rosters."""


@roster.command("import", help="candidates.cli.import")
@argument("file", type=FILE, help="candidates.cli.file")
@option("--sitting", required=True, metavar="REF", help="sittings.cli.ref")
@option("--photos", "photo_zip", type=FILE, metavar="ZIP", help="candidates.cli.photos")
@option("--dry-run", is_flag=True, help="candidates.cli.dry_run")
@with_app
def import_(file: Path, sitting: str, photo_zip: Path | None, dry_run: bool, *, now: datetime) -> Answer:
    """Check a roster and, unless it is a dry run or something stops it, register everybody in it."""
    body = file.read_bytes()
    folder = blueprint_folder()
    checked = commit.dry_run(sitting_ref=sitting, file_name=file.name, body=body, folder=folder)
    imported = not dry_run and not checked.plan.stops
    if imported:
        checked = commit.import_roster(
            sitting_ref=sitting, file_name=file.name, body=body, folder=folder, now=now, actor="cli"
        )
    stored = 0
    if imported and photo_zip is not None:
        report = photos.attach_photos(sitting_ref=sitting, body=photo_zip.read_bytes(), now=now, actor="cli")
        stored = report.stored
    return _answer(checked, imported=imported, photos_stored=stored)


def _answer(checked: CheckedRoster, *, imported: bool, photos_stored: int) -> Answer:
    plan = checked.plan
    notes = told([*plan.stops, *plan.hints])
    data = {
        "file": checked.file_name,
        "rows": checked.roster.total,
        "registered": len(plan.placements),
        "already": plan.already,
        "imported": imported,
        "photos": photos_stored,
        "columns": dict(checked.roster.headers),
        "ignored": list(checked.roster.ignored),
        "problems": [_as_json(note) for note in notes],
    }
    figures = {
        "rows": checked.roster.total,
        "count": len(plan.placements),
        "already": plan.already,
        "stops": len(plan.stops),
    }
    done = _("candidates.roster.cli.imported" if imported else "candidates.roster.cli.checked", **figures)
    words = [line for note in notes for line in _lines(note)]
    return Answer(data, [*words, done], code=REFUSED if plan.stops else DONE)


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
    """Write the empty roster workbook to a file."""
    with catalogues():
        file.write_bytes(export.template())
    return Answer({"file": file}, [_("candidates.roster.cli.template", file=str(file))])


commands: list[click.Command] = [roster]
