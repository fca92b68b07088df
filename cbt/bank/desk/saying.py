"""What a field holds, in the words of people: types and keys have names of their own."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import gettext as _

from cbt.bank.desk.fields import DiffSpan, FieldChange, fields_of
from cbt.rules.items.values import ItemType

_KEYS = {"true": "bank.key.true", "false": "bank.key.false"}


def told(change: FieldChange) -> FieldChange:
    """Return a change with its types and verdicts in the language of this request."""
    last = change.place.rpartition(".")[2]
    if last not in {"type", "answer"}:
        return change
    return replace(change, spans=[DiffSpan(span.kind, _said(last, span.text)) for span in change.spans])


def shown_fields(content: str) -> dict[str, str]:
    """Return each field of a version by its place, in the language of this request."""
    found = fields_of(content)
    return {place: _said(place.rpartition(".")[2], text) for place, text in found.items()}


def _said(last: str, text: str) -> str:
    if last == "type" and text in list(ItemType):
        return str(_(f"bank.type.{text}"))
    return str(_(_KEYS[text])) if last == "answer" and text in _KEYS else text
