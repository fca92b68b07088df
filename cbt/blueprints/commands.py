"""The `blueprint` commands and the JSON Schemas of the files a centre edits.

Schemas are made from the tables the reader uses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from cbt.blueprints import reason_file as reasons
from cbt.blueprints import spec
from cbt.blueprints.store import blueprint_text, load_blueprint_file, read_reasons
from cbt.blueprints.summary import describe, describe_reasons
from cbt.blueprints.toml_file import Field, KeyKind
from cbt.console.command import argument, group
from cbt.console.exits import REFUSED
from cbt.console.output import Answer, told
from cbt.console.texts import text as _
from cbt.errors import CbtError
from cbt.rules.exam import ExamBlueprint
from cbt.rules.items.content import ItemType

_TYPES: Mapping[KeyKind, dict[str, Any]] = {
    KeyKind.TEXT: {"type": "string", "minLength": 1},
    KeyKind.TEXTS: {"type": "array", "items": {"type": "string", "minLength": 1}},
    KeyKind.WHOLE: {"type": "integer", "minimum": 1},
    KeyKind.DAYS: {"type": "integer", "minimum": 0},
    KeyKind.WHOLES: {
        "type": "array",
        "items": {"type": "integer", "minimum": 0},
        "minItems": 5,
        "maxItems": 5,
    },
    KeyKind.POINTS: {"type": "number", "minimum": 0},
    KeyKind.MONEY: {"type": "number", "minimum": 0},
    KeyKind.SWITCH: {"type": "boolean"},
    KeyKind.MINUTES: {"type": "number", "minimum": 0},
    KeyKind.MINUTES_LIST: {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}},
    KeyKind.SECONDS: {"type": "number", "minimum": 0},
}


def blueprint_schema() -> dict[str, Any]:
    """Return the schema of a blueprint file (JSON Schema 2020-12)."""
    top = _table(spec.TOP)
    for name, fields in spec.TABLES.items():
        top["properties"][name] = _table(fields)
    for name, fields in spec.LISTS.items():
        top["properties"][name] = {"type": "array", "items": _table(fields)}
    top["properties"]["papers"] = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": _paper(),
    }
    top["required"] += [*sorted(spec.REQUIRED_TABLES), "papers"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "考核方案",
        **top,
    }


def reasons_schema() -> dict[str, Any]:
    """Return the schema of a file of reasons (JSON Schema 2020-12)."""
    top = _table(reasons.TOP)
    for name, fields in reasons.LISTS.items():
        top["properties"][name] = {"type": "array", "items": _table(fields)}
    top["required"] += ["reasons"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "违纪表与原因表", **top}


SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "blueprint": blueprint_schema,
    "reasons": reasons_schema,
}


def schema_text(kind: str = "blueprint") -> str:
    return json.dumps(SCHEMAS[kind](), ensure_ascii=False, indent=2) + "\n"


def _paper() -> dict[str, Any]:
    paper = _table(spec.PAPER)
    for name, fields in spec.PAPER_TABLES.items():
        paper["properties"][name] = _table(fields)
    for name, fields in spec.PAPER_LISTS.items():
        paper["properties"][name] = {"type": "array", "minItems": 1, "items": _table(fields)}
    paper["oneOf"] = [{"required": ["sections"]}, {"required": ["units"]}]
    return paper


def _table(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.key: _field(field) for field in fields},
        "required": [field.key for field in fields if field.required],
        "additionalProperties": False,
    }


def _field(field: Field) -> dict[str, Any]:
    if field.kind is KeyKind.CREDITS:
        kinds = {kind.value: {"enum": list(field.allowed)} for kind in ItemType}
        return {
            "description": field.note,
            "type": "object",
            "properties": kinds,
            "additionalProperties": False,
        }
    described = {"description": field.note, **_TYPES[field.kind]}
    if field.allowed and field.kind is KeyKind.TEXTS:
        return {**described, "items": {"enum": list(field.allowed)}}
    return {**described, "enum": list(field.allowed)} if field.allowed else described


@group("blueprint", help="exams.cli.blueprint")
def blueprint() -> None:
    """Group the blueprint commands; assembly adds `check`, which can prove a paper against a bank."""


@blueprint.command("schema", help="exams.cli.schema")
@argument("kind", type=click.Choice(list(SCHEMAS)), default="blueprint", help="exams.cli.kind")
def schema(kind: str) -> Answer:
    text = schema_text(kind)
    return Answer(json.loads(text), [text.removesuffix("\n")])


def checked_reasons(path: Path) -> Answer:
    """Return a file of reasons as tables, or what keeps it from being used; the code says which."""
    try:
        table = read_reasons(blueprint_text(path), name=str(path))
    except CbtError as error:
        return refusal(error, path)
    words = [f"{path}: {_('exams.check.sound')}", describe_reasons(table), ""]
    return Answer({"file": path, "sound": True}, words)


def checked_blueprint(path: Path) -> tuple[Answer, ExamBlueprint | None]:
    """Return one file's tables and what it says, or what keeps it from being used and None."""
    try:
        exam_blueprint = load_blueprint_file(path)
    except CbtError as error:
        return refusal(error, path), None
    words = [f"{path}: {_('exams.check.sound')}", describe(exam_blueprint), ""]
    return Answer({"file": path, "sound": True, "ref": exam_blueprint.ref}, words), exam_blueprint


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
