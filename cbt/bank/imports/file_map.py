"""The mapping of a brought file by hand: its rows kept as they are, five items at once, mappings kept by shape.

A file that is open for it has pieces of its rows; a page opens those it shows, and the first of them to show what a
mapping makes of the file, by the reader that the import has.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath

from msgspec import structs
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.bank import store as bank_store
from cbt.bank.imports.models import CHECKS, ImportCheck
from cbt.bank.imports.plan import CheckSummary, RawExtent
from cbt.errors import CbtError, InvalidInput, NotFound
from cbt.interchange.mapping import reader, records, suggestion
from cbt.interchange.mapping.definition import (
    LONGEST_NAME,
    MAPPING,
    FileMapping,
    ItemLayout,
    KeysAt,
    faults,
    opened,
    written,
)
from cbt.interchange.mapping.source import RawFile, RawPart, open_source
from cbt.interchange.upload import NamedFile
from cbt.items.draft import Adjustments, ItemDraft
from cbt.items.models import KeptMapping
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.file_checks import FilePiece
from cbt.spreadsheets.findings import Finding, Place, Severity
from cbt.storage.unit_of_work import unit_of_work

BLOCK = 400
"""So many rows make a piece."""
SHOWN = 30
"""So many rows make a page."""
LOOKED_AT = 2
"""So many pieces of a part are read to show what a mapping makes of it, and as many at its end for its keys."""
FIVE = 5
MOST_FILES = 20
MOST_MERGED = 5_000
MOST_WORDS = 20
"""So many words of a column of types are asked about."""


# What is kept of an open file.


def open_all(files: Sequence[NamedFile], adjust: Adjustments) -> list[RawFile]:
    """Return the files that can be shown as they are; raise what the first was refused with where none can."""
    sources: list[RawFile] = []
    refused: list[CbtError] = []
    for name, content in files[:MOST_FILES]:
        try:
            sources.append(open_source(content, name, adjust))
        except CbtError as error:
            refused.append(error)
    if not sources and refused:
        raise refused[0]
    return sources


def extents(sources: Sequence[RawFile]) -> list[RawExtent]:
    return [
        RawExtent(
            part.file, part.form, part.name, part.labels, len(part.rows), part.data.merged[:MOST_MERGED]
        )
        for source in sources
        for part in source.parts
    ]


def raw_pieces(sources: Sequence[RawFile]) -> Iterator[FilePiece]:
    """Yield the rows of every part, a block at a time."""
    parts = [part for source in sources for part in source.parts]
    for place, part in enumerate(parts):
        for number, start in enumerate(range(0, len(part.rows), BLOCK)):
            yield _piece(place), number, CHECKS.sealed(part.rows[start : start + BLOCK])


def _piece(place: int) -> str:
    return f"r{place}"


# What its page shows.


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as it is: its number (from 1), its cells, what the mapping takes it for ("" where it does not say)."""

    number: int
    cells: list[str]
    role: str


@dataclass(frozen=True, slots=True)
class MappingSheet:
    """Everything the page of a mapping shows: where one looks, what is there, what the mapping makes of it."""

    summary: CheckSummary
    mapping: FileMapping
    place: int
    labels: list[str]
    rows: list[RawRow]
    page: int
    pages: int
    items: list[ItemDraft]
    findings: list[Finding]
    read: int
    looked_at: int
    count: int
    wrong: int
    words: list[tuple[str, int]]
    faults: list[InvalidInput]
    kept: list[KeptShape]

    @property
    def extent(self) -> RawExtent:
        return self.summary.raw[self.place]

    @property
    def all(self) -> bool:
        """Whether nothing was left out of what was looked at."""
        return self.looked_at >= self.count


def sheet(
    session: Session,
    check: ImportCheck,
    summary: CheckSummary,
    mapping: FileMapping | None,
    *,
    place: int,
    page: int,
) -> MappingSheet:
    """Return what the page of an open file shows under a mapping; None for the one that is suggested."""
    asking = _place_of(summary, mapping) if mapping is not None else None
    if mapping is None:
        asking, mapping = _suggested(session, check, summary)
    assert asking is not None
    place = min(max(place, 0), len(summary.raw) - 1) if place >= 0 else asking
    errors = list(faults(mapping))
    made = _look(session, check, summary, mapping, asking) if not errors else _Look()
    extent = summary.raw[place]
    pages = max(-(-extent.count // SHOWN), 1)
    page = min(max(page, 1), pages)
    first = (page - 1) * SHOWN
    rows = _rows(session, check, place, first, min(first + SHOWN, extent.count))
    part = _part(extent, rows)
    labels = records.labels_of(part, mapping) if place == asking else extent.labels
    return MappingSheet(
        summary=summary,
        mapping=mapping,
        place=place,
        labels=labels,
        rows=[
            RawRow(number, records.cut(cells, mapping.cut) if _is_cut(mapping, place, asking) else cells,
                   made.roles.get(number - 1, "") if place == asking else "")
            for number, cells in enumerate(rows, first + 1)
        ],
        page=page,
        pages=pages,
        items=made.drafts[:FIVE],
        findings=made.findings,
        read=len(made.drafts),
        looked_at=made.looked_at,
        count=summary.raw[asking].count,
        wrong=made.wrong,
        words=made.words,
        faults=errors,
        kept=kept_shapes(session, check.bank_id),
    )  # fmt: skip


def _is_cut(mapping: FileMapping, place: int, asking: int) -> bool:
    return bool(mapping.cut) and mapping.layout is ItemLayout.ROWS and place == asking


def _place_of(summary: CheckSummary, mapping: FileMapping) -> int:
    """Return the part that a mapping is about: by its names, else the first of its form."""
    places = range(len(summary.raw))
    named = [
        place
        for place in places
        if (summary.raw[place].file, summary.raw[place].name) == (mapping.file, mapping.part)
    ]
    alike = [place for place in places if summary.raw[place].form == mapping.form]
    return (named or alike or [0])[0]


def fitted(shape: KeptShape, sources: Sequence[RawFile]) -> FileMapping:
    """Return a kept mapping for the file and the part that have its shape."""
    part = next(part for source in sources for part in source.parts if reader.fits(part, shape.mapping))
    return structs.replace(shape.mapping, file=part.file, part=part.name)


def _suggested(session: Session, check: ImportCheck, summary: CheckSummary) -> tuple[int, FileMapping]:
    """Return the part that most likely asks something, and what it seems to be."""
    best, suggested = 0, FileMapping(form=summary.raw[0].form)
    for place, extent in enumerate(summary.raw[:FIVE]):
        part = _part(extent, _rows(session, check, place, 0, min(BLOCK, extent.count)))
        mapping = suggestion.suggest(part)
        if place == 0 or (mapping.asks and not suggested.asks):
            best, suggested = place, structs.replace(mapping, file=extent.file)
    return best, suggested


def mapping_of_part(session: Session, check: ImportCheck, summary: CheckSummary, place: int) -> FileMapping:
    """Return what a part seems to be that its author says the questions are in."""
    extent = summary.raw[min(max(place, 0), len(summary.raw) - 1)]
    part = _part(extent, _rows(session, check, summary.raw.index(extent), 0, min(BLOCK, extent.count)))
    return structs.replace(suggestion.suggest(part), file=extent.file)


def usual_labels(session: Session, check: ImportCheck, summary: CheckSummary, place: int) -> dict[str, str]:
    """Return what seems to begin the lines of a part whose items take several."""
    extent = summary.raw[place]
    part = _part(extent, _rows(session, check, place, 0, min(BLOCK, extent.count)))
    return suggestion.labels_of([" ".join(line) for line in part.rows])


def with_headers(
    session: Session, check: ImportCheck, summary: CheckSummary, mapping: FileMapping
) -> FileMapping:
    """Return a mapping with what stands above its columns: by that it knows the next file of its shape."""
    place = _place_of(summary, mapping)
    extent = summary.raw[place]
    part = _part(extent, _rows(session, check, place, 0, min(BLOCK, extent.count)))
    return structs.replace(mapping, headers=reader.headers_of(part, mapping))


def _part(extent: RawExtent, rows: list[list[str]]) -> RawPart:
    return RawPart(extent.file, extent.form, extent.labels, SheetData(extent.name, rows, [], extent.merged))


def _rows(session: Session, check: ImportCheck, place: int, first: int, end: int) -> list[list[str]]:
    """Return the rows of a part from `first` (from 0) on, up to `end`."""
    if first >= end:
        return []
    numbers = range(first // BLOCK, (end - 1) // BLOCK + 1)
    blocks = [CHECKS.opened(CHECKS.part(session, check, _piece(place), n), list[list[str]]) for n in numbers]
    rows = [row for block in blocks for row in block]
    skip = first - numbers.start * BLOCK
    return rows[skip : skip + end - first]


@dataclass(slots=True)
class _Look:
    """What a mapping makes of the first rows of a file."""

    drafts: list[ItemDraft] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    roles: Mapping[int, str] = field(default_factory=dict)
    words: list[tuple[str, int]] = field(default_factory=list)
    looked_at: int = 0
    wrong: int = 0


def _look(
    session: Session, check: ImportCheck, summary: CheckSummary, mapping: FileMapping, asking: int
) -> _Look:
    extent = summary.raw[asking]
    looked_at = min(LOOKED_AT * BLOCK, extent.count)
    rows = _rows(session, check, asking, 0, looked_at)
    if mapping.keys.at is KeysAt.END:
        rows += _rows(session, check, asking, max(looked_at, extent.count - LOOKED_AT * BLOCK), extent.count)
    beside = []
    if mapping.keys.at is KeysAt.PART:
        places = [
            place
            for place, other in enumerate(summary.raw)
            if place != asking
            and (other.name == mapping.keys.part and other.file == (mapping.keys.file or extent.file))
        ]
        beside = [
            _part(
                summary.raw[place], _rows(session, check, place, 0, min(5 * BLOCK, summary.raw[place].count))
            )
            for place in places
        ]
    try:
        made = reader.read_parts([_part(extent, rows)], mapping, beside)
    except InvalidInput as error:
        params = {"refusal": error.code, **error.params}
        finding = Finding(Severity.ERROR, "file_refused", Place(extent.file, extent.name), params=params)
        return _Look(findings=[finding], looked_at=looked_at)
    taken = made.taken[0]
    items = taken.records.items
    within = [place for place, item in enumerate(items) if item.row < looked_at]
    if looked_at < extent.count and mapping.layout is ItemLayout.LINES:
        within = within[:-1]  # the last one may go on behind what was looked at
    drafts = [draft for place in within if (draft := made.drafts[place]) is not None]
    said = Counter(item.type.strip() or item.heading for item in items if item.type.strip() or item.heading)
    worst = [finding for finding in made.findings if finding.severity is Severity.ERROR]
    others = [finding for finding in made.findings if finding.severity is not Severity.ERROR]
    in_sight = looked_at >= extent.count
    findings = [
        f for f in (*worst, *others) if f.place.line <= looked_at and (in_sight or f.code not in _OF_ALL)
    ]
    return _Look(
        drafts=drafts,
        findings=findings,
        roles=taken.roles,
        words=said.most_common(MOST_WORDS),
        looked_at=looked_at,
        wrong=len(within) - len(drafts),
    )


_OF_ALL = frozenset({"keys_order", "keys_runs", "key_of_nobody"})
"""Of keys and questions that are counted as a whole, which a part of them does not tell."""


# The mappings of a bank, kept by the shape of their files.


@dataclass(frozen=True, slots=True)
class KeptShape:
    """A mapping that is kept: under what, what it is called, by whom, since when."""

    shape: str
    mapping: FileMapping
    actor: str
    by: str
    at: datetime

    @property
    def name(self) -> str:
        return self.mapping.name


def kept_shapes(session: Session, bank_id: int) -> list[KeptShape]:
    """Return the mappings by hand of a bank, the latest first."""
    rows = session.scalars(
        select(KeptMapping)
        .where(KeptMapping.bank_id == bank_id, KeptMapping.layout.startswith(f"{MAPPING}:"))
        .order_by(KeptMapping.at.desc(), KeptMapping.id.desc())
    ).all()
    names = actor_names(session, {row.actor for row in rows}) if rows else {}
    pairs = [(row, opened(json.loads(row.choices).get(MAPPING, ""))) for row in rows]
    return [
        KeptShape(row.layout, mapping, row.actor, names.get(row.actor, row.actor), row.at)
        for row, mapping in pairs
        if mapping is not None
    ]


def fitting(shapes: Sequence[KeptShape], sources: Sequence[RawFile]) -> list[KeptShape]:
    """Return the kept mappings whose shape some file has; those that know it by its columns come first."""
    fit = [shape for shape in shapes if any(reader.has_shape(source, shape.mapping) for source in sources)]
    return sorted(fit, key=lambda shape: shape.mapping.layout is ItemLayout.LINES)


def keep_shape(
    session: Session, bank_id: int, mapping: FileMapping, file_name: str, *, now: datetime, actor: str
) -> None:
    """Keep a mapping for files of its shape, under the name of the first such file where it has none."""
    kept = mapping.kept(mapping.name or PurePath(file_name).stem)
    where = (KeptMapping.bank_id == bank_id) & (KeptMapping.layout == kept.shape)
    row = session.scalar(select(KeptMapping).where(where))
    if row is None:
        row = KeptMapping(bank_id=bank_id, layout=kept.shape)
        session.add(row)
    row.choices = json.dumps({MAPPING: written(kept)}, ensure_ascii=False)
    row.actor, row.at = actor, now


def rename(*, bank_ref: str, shape: str, name: str, now: datetime, actor: str) -> None:
    """Give a kept mapping another name.

    Raise NotFound("bank.mapping_unknown"), InvalidInput("bank.mapping.name") for none.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput("bank.mapping.name", field="name", limit=LONGEST_NAME)
    with unit_of_work() as session:
        row, mapping = _kept(session, bank_ref, shape)
        row.choices = json.dumps({MAPPING: written(mapping.kept(name))}, ensure_ascii=False)
        row.actor, row.at = actor, now


def forget(*, bank_ref: str, shape: str) -> None:
    """Forget a kept mapping; raise NotFound("bank.mapping_unknown")."""
    with unit_of_work() as session:
        row, _mapping = _kept(session, bank_ref, shape)
        session.delete(row)


def _kept(session: Session, bank_ref: str, shape: str) -> tuple[KeptMapping, FileMapping]:
    bank = bank_store.bank_by_ref(session, bank_ref)
    where = (KeptMapping.bank_id == bank.id) & (KeptMapping.layout == shape)
    row = session.scalar(select(KeptMapping).where(where))
    mapping = opened(json.loads(row.choices).get(MAPPING, "")) if row is not None else None
    if row is None or mapping is None:
        raise NotFound("bank.mapping_unknown")
    return row, mapping
