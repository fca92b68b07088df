"""What a package says, as values of a declared shape: whatever else is in one is refused before it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cbt.errors import InvalidInput


class ToldFigures(msgspec.Struct, frozen=True):
    """The figures of a sitting or a room."""

    expected: int
    present: int
    absent: int
    violations: int


class ToldSitting(msgspec.Struct, frozen=True):
    """sitting.json."""

    ref: str
    figures: ToldFigures


class ToldRoom(msgspec.Struct, frozen=True):
    """A room of rooms.json."""

    ref: str
    name: str
    figures: ToldFigures


class ToldPerson(msgspec.Struct, frozen=True):
    """A registration of people.json."""

    registration: str
    room: str
    standing: str
    attempt: str | None = None
    violation: str | None = None


class ToldScore(msgspec.Struct, frozen=True):
    """A score of scores.json."""

    attempt: str
    journal: str


class ToldForm(msgspec.Struct, frozen=True):
    """A form of forms.json."""

    form: str
    sha256: str


class ToldPaper(msgspec.Struct, frozen=True):
    """papers/<attempt>.json."""

    attempt: str
    form: str
    journal: str
    answers: dict[str, str]
    sealed: str | None = None


class ToldEntry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A line of audit.jsonl: whole, or of another sitting, the number and the hash only."""

    number: int
    hash: str
    before: str = ""
    at: str = ""
    fields: list[str] = []


@dataclass(frozen=True, slots=True)
class ToldPackage:
    """Everything a package says that is checked."""

    sitting: ToldSitting
    rooms: list[ToldRoom]
    people: list[ToldPerson]
    scores: list[ToldScore]
    forms: list[ToldForm]
    papers: dict[str, ToldPaper]
    entries: list[ToldEntry]


def read_told(members: Mapping[str, bytes]) -> ToldPackage:
    """Return what the members say; raise InvalidInput("package.unreadable", member=…) for one that is not so."""
    papers = [name for name in members if name.startswith("papers/") and name.endswith(".json")]
    return ToldPackage(
        sitting=_read(members, "sitting.json", ToldSitting),
        rooms=_read(members, "rooms.json", list[ToldRoom]),
        people=_read(members, "people.json", list[ToldPerson]),
        scores=_read(members, "scores.json", list[ToldScore]),
        forms=_read(members, "forms.json", list[ToldForm]),
        papers={name: _read(members, name, ToldPaper) for name in papers},
        entries=_entries(members),
    )


def _read(members: Mapping[str, bytes], name: str, shape: Any) -> Any:
    try:
        return msgspec.json.decode(members[name], type=shape)
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidInput("package.unreadable", member=name) from error


def _entries(members: Mapping[str, bytes]) -> list[ToldEntry]:
    try:
        return msgspec.json.Decoder(ToldEntry).decode_lines(members["audit.jsonl"])
    except (KeyError, ValueError, RecursionError) as error:
        raise InvalidInput("package.unreadable", member="audit.jsonl") from error
