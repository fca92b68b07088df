"""`cbt blueprint`: what a blueprint file or a file of reasons says, and what keeps it from being used."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cbt.console.ends import REFUSED
from cbt.console.saying import Answer, told
from cbt.console.texts import text as _
from cbt.console.tree import argument, group
from cbt.errors import CbtError
from cbt.exams.files import blueprint_text, load_blueprint_file, read_reasons
from cbt.exams.schema import SCHEMAS, schema_text
from cbt.exams.table import describe, describe_reasons
from cbt.rules.exam.blueprint import ExamBlueprint


@group("blueprint", help="exams.cli.blueprint")
def blueprint() -> None:
    """Group the blueprint commands; assembly adds `check`, which can prove a paper against a bank."""


@blueprint.command("schema", help="exams.cli.schema")
@argument("kind", type=click.Choice(list(SCHEMAS)), default="blueprint", help="exams.cli.kind")
def schema(kind: str) -> Answer:
    """Print the schema that ships as blueprint.schema.json or reasons.schema.json."""
    text = schema_text(kind)
    return Answer(json.loads(text), [text.removesuffix("\n")])


def checked_reasons(path: Path) -> Answer:
    """Return a file of reasons as tables, or what keeps it from being used; the code says which."""
    try:
        found = read_reasons(blueprint_text(path), name=str(path))
    except CbtError as error:
        return refusal(error, path)
    words = [f"{path}: {_('exams.check.sound')}", describe_reasons(found), ""]
    return Answer({"file": path, "sound": True}, words)


def checked_blueprint(path: Path) -> tuple[Answer, ExamBlueprint | None]:
    """Return one file's tables and what it says, or what keeps it from being used and None."""
    try:
        found = load_blueprint_file(path)
    except CbtError as error:
        return refusal(error, path), None
    words = [f"{path}: {_('exams.check.sound')}", describe(found), ""]
    return Answer({"file": path, "sound": True, "ref": found.ref}, words), found


def refusal(error: CbtError, path: Path) -> Answer:
    """Return every finding as `file:line: what happened` with the remedy below it."""
    listed = error.params.get("findings")
    refused = told(error)
    if not isinstance(listed, list):
        listed = []
        notes = [f"{refused['what']}", f"    {refused['fix']}"]
    else:
        pairs = [(f"{one['file']}:{one['line']}: {one['what']}", f"    {one['fix']}") for one in listed]
        notes = [line for pair in pairs for line in pair]
    return Answer(
        {"file": path, "sound": False, "error": refused, "findings": listed}, notes=notes, code=REFUSED
    )


commands: list[click.Command] = [blueprint]
