"""Reads what a candidate's browser sends, before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from cbt.delivery.save.guard import AttemptInfo
from cbt.errors import InvalidInput
from cbt.rules.canonical import canonical_json
from cbt.rules.items import shape

MAX_ENTRIES = 400
MAX_SEQ = 2**31 - 1
POSITION_KINDS = frozenset({"answer", "flag", "strike", "note", "mark"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One checked line for the journal; `value` is canonical JSON, None clears."""

    seq: int
    kind: str
    position: int
    value: str | None
    unit: int
    """The strict unit of its position; 0 when its time is the paper's."""
    full: bool
    """Whether it is an answer that counts as 已答."""

    @property
    def is_blur(self) -> bool:
        """Return whether this reports that the candidate left the exam window."""
        return self.kind == "event" and self.value is not None and '"blur"' in self.value


def read_epoch(body: Mapping[str, Any]) -> int:
    """Return the epoch of the lease a request is made under; raise InvalidInput("web.bad_request") without one."""
    epoch = body.get("epoch")
    if not _whole(epoch, 0, 2**31 - 1):
        raise InvalidInput("web.bad_request")
    return epoch


def read_entries(info: AttemptInfo, raw: object) -> list[Entry]:
    """Return the entries of a request.

    Raises InvalidInput("answer.invalid") with the `seq` of the first that cannot be stored: the browser
    drops that one and sends the rest again.
    """
    if not isinstance(raw, list) or len(raw) > MAX_ENTRIES:
        raise InvalidInput("answer.invalid")
    entries = [_read(info, one) for one in raw]
    if len({entry.seq for entry in entries}) != len(entries):
        raise InvalidInput("answer.invalid")
    return entries


def read_place(info: AttemptInfo, raw: object) -> int | None:
    """Return the position a page says it is at; None for what is none: no answer is refused for it."""
    return raw if _whole(raw, 1, len(info.shapes)) else None


def _read(info: AttemptInfo, raw: object) -> Entry:
    if not isinstance(raw, Mapping):
        raise InvalidInput("answer.invalid")
    seq, kind, position = raw.get("seq"), raw.get("kind"), raw.get("position", 0)
    if not _whole(seq, 1, MAX_SEQ) or not _whole(position, 0, len(info.shapes)) or not isinstance(kind, str):
        raise InvalidInput("answer.invalid", seq=seq if isinstance(seq, int) else 0)
    try:
        value = _value(info, kind, position, raw.get("value"))
    except InvalidInput as error:
        raise InvalidInput("answer.invalid", seq=seq) from error
    unit = info.units[position - 1] if position else 0
    full = kind == "answer" and shape.is_answered(info.shapes[position - 1], value)
    return Entry(seq, kind, position, value, unit, full)


def _value(info: AttemptInfo, kind: str, position: int, value: Any) -> str | None:
    if (position == 0) == (kind in POSITION_KINDS):
        raise InvalidInput("answer.invalid")
    match kind:
        case "answer":
            return shape.parse_answer(info.shapes[position - 1], value)
        case "flag":
            return canonical_json(True) if shape.parse_flag(value) else None
        case "strike":
            return (
                canonical_json(shape.parse_strike(info.shapes[position - 1], value or "")) if value else None
            )
        case "note":
            return canonical_json(shape.parse_note(value)) if value else None
        case "mark":
            return canonical_json(shape.parse_marks(value)) if value else None
        case "setting":
            return canonical_json(shape.parse_setting(value))
        case "event":
            return canonical_json(shape.parse_event(value))
        case _:
            raise InvalidInput("answer.invalid")


def _whole(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
