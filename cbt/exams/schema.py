"""The JSON Schemas of the files a centre edits, made from the tables the reader uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from cbt.exams import spec
from cbt.exams.keys import Field, KeyKind
from cbt.exams.reasons import spec as reasons
from cbt.rules.items.values import ItemType

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
    """Return a schema as the text of blueprint.schema.json or reasons.schema.json."""
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
