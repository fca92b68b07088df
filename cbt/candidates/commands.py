"""`cbt roster`: candidates from a file."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from flask_babel import gettext

from cbt.candidates import photos
from cbt.candidates.roster import commit, export
from cbt.candidates.roster.commit import CheckedRoster
from cbt.candidates.roster.views import blueprint_folder, told
from cbt.sheets.findings import Note, Severity
from cbt.web.cli import print_json, with_app


@click.group(help="考生名册 · Candidate rosters.")
def roster() -> None:
    """Hold the commands about rosters."""


@roster.command("import", help="导入名册（xlsx/csv），要么全部要么不导入 · Import a roster, all or nothing.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sitting", required=True, help="场次编号 · Ref of the sitting.")
@click.option("--photos", "photo_zip", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="照片压缩包（zip） · Zip of photos.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="只检查不导入 · Check only.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def import_(
    file: Path, sitting: str, photo_zip: Path | None, dry_run: bool, as_json: bool, *, now: datetime
) -> None:
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
    _print(checked, imported=imported, photos_stored=stored, as_json=as_json)
    if checked.plan.stops:
        sys.exit(2)


def _print(checked: CheckedRoster, *, imported: bool, photos_stored: int, as_json: bool) -> None:
    plan = checked.plan
    notes = told([*plan.stops, *plan.hints])
    if as_json:
        print_json(
            {
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
        )
        return
    for note in notes:
        place = gettext("candidates.roster.place", row=note.place.line, column=note.place.header)
        click.echo(f"[{note.severity_label}] {place}  {note.value}\n    {note.why}{note.fix}")
    click.echo(
        gettext(
            "candidates.roster.cli.imported" if imported else "candidates.roster.cli.checked",
            rows=checked.roster.total,
            count=len(plan.placements),
            already=plan.already,
            stops=len(plan.stops),
        )
    )


def _as_json(note: Note) -> dict[str, object]:
    return {
        "row": note.place.line,
        "column": note.place.header,
        "value": note.value,
        "why": note.why,
        "fix": note.fix,
        "stop": note.severity is Severity.ERROR,
    }


@roster.command("template", help="写出空白名册模板 · Write the empty roster workbook.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_app
def template(file: Path, *, now: datetime) -> None:
    """Write the empty roster workbook to a file."""
    file.write_bytes(export.template())
    click.echo(gettext("candidates.roster.cli.template", file=str(file)))


commands: list[click.Command] = [roster]
