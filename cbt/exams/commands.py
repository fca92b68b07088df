"""`cbt blueprint`: what a blueprint file says, and what keeps it from being used."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask_babel import gettext as _

from cbt.errors import CbtError
from cbt.exams.files import load_blueprint_file
from cbt.exams.schema import schema_text
from cbt.exams.table import describe
from cbt.exams.texts import catalogues
from cbt.web.i18n import explain

__all__ = ["blueprint", "commands", "load_blueprint_file", "print_blueprint", "print_refusal"]


@click.group(help="考核方案 · Exam blueprints.")
def blueprint() -> None:
    """Group the blueprint commands; assembly adds the proof against a bank to `check`."""


@blueprint.command("check", help="核对考核方案文件 · Check blueprint files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Print the table of each paper; exit with 2 when a file does not add up."""
    with catalogues():
        sound = [print_blueprint(path) for path in files]
    if not all(sound):
        sys.exit(2)


@blueprint.command("schema", help="输出 JSON Schema · Print the JSON Schema of blueprint files.")
def schema() -> None:
    """Print the schema that ships as blueprint.schema.json."""
    click.echo(schema_text(), nl=False)


def print_blueprint(path: Path) -> bool:
    """Print one file's tables, or what keeps it from being used; return whether it can be used."""
    try:
        found = load_blueprint_file(path)
    except CbtError as error:
        print_refusal(error)
        return False
    click.echo(f"{path}: {_('exams.check.sound')}")
    click.echo(describe(found) + "\n")
    return True


def print_refusal(error: CbtError) -> None:
    """Print every finding as `file:line: what happened` with the remedy below it, to standard error."""
    what, fix = explain(error)
    listed = error.params.get("findings")
    if not isinstance(listed, list):
        click.echo(f"{what}\n    {fix}", err=True)
        return
    for found in listed:
        click.echo(f"{found['file']}:{found['line']}: {found['what']}\n    {found['fix']}", err=True)


commands: list[click.Command] = [blueprint]
