"""What people say of the columns of a brought file: asked for, kept by its headings, and told to the next like it.

Each kind of list says which fields its columns can be, and reads its tables so; this is what they share.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from cbt.audit.chain import record
from cbt.rules.canonical import canonical_json
from cbt.spreadsheets.columns import plain
from cbt.storage.types import Base, UtcDateTime


class RosterMapping(Base):
    """What was said of the columns of a list of people: the next one with the same headings asks nothing.

    `digest` is that of the headings, `said` JSON: the field of each column by its letter, "" for one left out.
    """

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    said: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(80))


SHOWN = 3
"""So many different cells of a column are shown as what it looks like."""


@dataclass(frozen=True, slots=True)
class HandMapping:
    """The field of each column by its letter ("" leaves it out), and the value of fields for every line."""

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)

    def sound(self, fields: Collection[str], fixable: Mapping[str, Sequence[str]]) -> HandMapping:
        """Return what of it can be said of a list with these fields, each field once."""
        columns: dict[str, str] = {}
        for letter, name in self.columns.items():
            columns[letter] = name if name in fields and name not in columns.values() else ""
        fixed = {name: value for name, value in self.fixed.items() if value in fixable.get(name, ())}
        return HandMapping(columns, fixed)


Hands = Mapping[str, HandMapping]
"""By the digest of the headings."""


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """A column: what it is read as ("" for left out), whether that is certain, what its cells look like.

    `asks` says that somebody must say what it is.
    """

    letter: str
    header: str
    field: str
    asks: bool
    samples: tuple[str, ...]
    likely: str = ""
    """What its cells look like, where nobody knows the header."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """How a table is understood; `row` is that of its headers, 0 for none."""

    sheet: str
    row: int
    digest: str
    columns: tuple[ColumnLayout, ...]
    missing: tuple[str, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    """What the title or the name of the sheet says of what is missing."""

    @property
    def fields(self) -> Sequence[str]:
        """What a column can be."""
        raise NotImplementedError

    @property
    def fixable(self) -> Mapping[str, Sequence[str]]:
        """The fields that can be said for every line, with what can be said."""
        return {}

    @property
    def asks(self) -> bool:
        """Whether it cannot be read before somebody says more."""
        return bool(self.missing) or any(one.asks for one in self.columns)


def headings_digest(headers: Iterable[str], *besides: str) -> str:
    """Return what headings are known by again: their texts as they are compared, in their order."""
    texts = [*(plain(header) for header in headers), *besides]
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()


def samples_of(cells: Iterable[str]) -> tuple[str, ...]:
    """Return the first different cells of a column; numbers of people only by their ends."""
    samples: dict[str, None] = {}
    for cell in cells:
        if cell:
            samples.setdefault(_shown(cell))
        if len(samples) == SHOWN:
            break
    return tuple(samples)


def _shown(cell: str) -> str:
    digits = sum(character.isdigit() for character in cell)
    return f"{cell[:3]}…{cell[-2:]}" if digits >= 9 else cell[:24]


def kept_mappings(session: Session, digests: Collection[str]) -> dict[str, HandMapping]:
    """Return what was said before of files with these headings, as it was said."""
    query = select(RosterMapping).where(RosterMapping.digest.in_(digests))
    kept = session.scalars(query) if digests else ()
    return {one.digest: HandMapping(json.loads(one.said)) for one in kept}


def keep_mappings(session: Session, hands: Hands, *, subject: str, now: datetime, actor: str) -> None:
    """Keep what was said of the columns; what was said before of the same headings goes.

    What was said to hold for every line is of this file alone: the next may be of another level. `subject` is what
    the file is for, as the log names it.
    """
    for digest, hand in hands.items():
        text = canonical_json(dict(hand.columns))
        kept = session.get(RosterMapping, digest)
        if kept is not None and kept.said == text:
            continue
        after = {"columns": len([name for name in hand.columns.values() if name]), "headings": digest[:16]}
        session.merge(RosterMapping(digest=digest, said=text, at=now, by=actor))
        record(session, at=now, actor=actor, act="roster.columns", subject=subject, after=after)


def hands_of_form(form: Mapping[str, str], layouts: Sequence[TableLayout]) -> Hands:
    """Return what the fields of `imports/_mapping.html` say: `column.<n>.<letter>` and `fixed.<n>.<field>`."""
    hands = {}
    for n, layout in enumerate(layouts):
        columns = {
            one.letter: form[name] for one in layout.columns if (name := f"column.{n}.{one.letter}") in form
        }
        prefix = f"fixed.{n}."
        fixed = {
            name.removeprefix(prefix): value
            for name, value in form.items()
            if name.startswith(prefix) and value
        }
        hands[layout.digest] = HandMapping(columns, fixed).sound(layout.fields, layout.fixable)
    return hands
