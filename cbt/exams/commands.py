"""`cbt blueprint`: what a blueprint file or a file of reasons says, and what keeps it from being used."""

from __future__ import annotations

from pathlib import Path

import click
from flask_babel import gettext as _

from cbt.errors import CbtError
from cbt.exams.files import blueprint_text, load_blueprint_file, read_reasons
from cbt.exams.schema import SCHEMAS, schema_text
from cbt.exams.table import describe, describe_reasons
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.web.i18n import explain


@click.group(help="考核方案 · Exam blueprints.")
def blueprint() -> None:
    """Group the blueprint commands; assembly adds `check`, which can prove a paper against a bank."""


@blueprint.command(
    "schema", help="输出 JSON Schema · Print the JSON Schema of blueprint files, or of reasons."
)
@click.argument("kind", type=click.Choice(list(SCHEMAS)), default="blueprint")
def schema(kind: str) -> None:
    """Print the schema that ships as blueprint.schema.json or reasons.schema.json."""
    click.echo(schema_text(kind), nl=False)


def print_reasons(path: Path) -> bool:
    """Print a file of reasons as tables; or print what keeps it from being used, and return False."""
    try:
        found = read_reasons(blueprint_text(path), name=str(path))
    except CbtError as error:
        print_refusal(error)
        return False
    click.echo(f"{path}: {_('exams.check.sound')}")
    click.echo(describe_reasons(found) + "\n")
    return True


def print_blueprint(path: Path) -> ExamBlueprint | None:
    """Print one file's tables and return what it says; or print what keeps it from being used."""
    try:
        found = load_blueprint_file(path)
    except CbtError as error:
        print_refusal(error)
        return None
    click.echo(f"{path}: {_('exams.check.sound')}")
    click.echo(describe(found) + "\n")
    return found


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
