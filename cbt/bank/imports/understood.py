"""What was understood of a file, as a document for other programs: no bank is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.bank.imports.drafts import Reading
from cbt.bank.items.types.registry import authoring_of


def understood(found: Reading) -> dict[str, Any]:
    """Return the format of a reading, what of it is only inferred, and its items: type, stem, choices, key.

    A key is true or false, letters, or text; the parts of a case are items of their own.
    """
    return {
        "format": found.form,
        "inferred": [
            {"name": one.name, "value": one.value, "choices": list(one.choices), "items": one.count}
            for one in found.inferred
        ],
        "items": [_item(part) for draft in found.items for _prefix, part in draft.parts()],
    }


def _item(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": data.get("type"),
        "stem": data.get("stem"),
        "choices": list(data.get("choices", ())),
        "key": _key(data, authoring_of(data.get("type")).key_field),
    }


def _key(data: Mapping[str, Any], name: str) -> bool | str | None:
    """Return a key as true or false, or as text: blanks, pairs and steps joined by ；, spellings of one by |."""
    match data.get(name):
        case None | bool() | str() as key:
            return key
        case [*entries]:
            between = "—" if name == "pairs" else "|"
            return "；".join(
                between.join(map(str, entry)) if isinstance(entry, list | tuple) else str(entry)
                for entry in entries
            )
        case key:
            return str(key)
