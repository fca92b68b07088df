"""The coverage of a bank: what it has for one paper, and how many papers without a common item it yields.

The figures are values that a page only lays out. To look at a paper of a large bank, a share of its items is
read.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import flask
import msgspec
from flask_babel import gettext as _
from sqlalchemy import BigInteger, ColumnElement, and_, cast, func, select
from sqlalchemy.orm import Session

from cbt.bank.store import drawables, drawn_from, taxonomy_of
from cbt.blueprints.store import blueprint_of, current_versions
from cbt.errors import Conflict
from cbt.http.app_context import path_of
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.items.taxonomy import Taxonomy, parent_of
from cbt.rules.assembly.coverage import (
    LevelCover,
    RangeCover,
    Stock,
    cover,
    expected_overlap,
    items_apart,
    levels,
    papers_reached,
    stock_pools,
)
from cbt.rules.assembly.form import LOOK, Drawable, PaperSource, cases_by_unit, drawable_of, look_paper
from cbt.rules.exam import ExamBlueprint, Paper, Section, Unit
from cbt.rules.items.content import ItemContent, ItemType
from cbt.rules.items.registry import parse_content

DRAWS, SEED = 100, 1
"""So many papers are begun to see what two have in common, with the same chance each time."""
KEPT = 16
"""Banks and papers of which a process keeps what their papers have in common."""
LEVELS = (1, 2, 3, 4, 5)

ByLevel = tuple[int, ...]
"""How many items of difficulty 1 to 5."""


@dataclass(frozen=True, slots=True)
class PointRow:
    """One 鉴定点: its items of each type of the paper by difficulty."""

    code: str
    name: str
    importance: str
    counts: Mapping[ItemType, ByLevel]

    @property
    def total(self) -> int:
        return sum(sum(found) for found in self.counts.values())


@dataclass(frozen=True, slots=True)
class RangeRow:
    """One 鉴定范围 with its points."""

    name: str
    weight: int
    cover: RangeCover
    points: tuple[PointRow, ...]

    @property
    def code(self) -> str:
        return self.cover.range

    @property
    def short(self) -> int:
        return sum(lack.short for lack in self.cover.lacks)

    @property
    def write_at(self) -> list[PointRow]:
        """Its points where another item helps, the barest first."""
        codes = dict.fromkeys(code for lack in self.cover.lacks for code in lack.points)
        return sorted(
            (row for row in self.points if row.code in codes), key=lambda row: (row.total, row.code)
        )

    @property
    def bare(self) -> list[PointRow]:
        return [point for point in self.points if not point.total]


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of a skills paper: the cases that fit it, those whose points do not add up to it."""

    unit: Unit
    fitting: tuple[Drawable, ...]
    unfit: tuple[tuple[str, Decimal], ...]
    levels: ByLevel


@dataclass(frozen=True, slots=True)
class SharedRow:
    """What two papers have in common of one section or unit, out of how many."""

    name: str
    count: int
    shared: Fraction


@dataclass(frozen=True, slots=True)
class PaperCover:
    """A bank beside one paper: `ranges` and `levels` for sections, `units` for units; `target` papers are wanted.

    `papers` is how many without a common item there can be at most, `narrow` what allows no more, `refusal` why not
    even one can be drawn.
    """

    target: int
    items: int
    papers: int
    narrow: tuple[str, ...]
    ranges: tuple[RangeRow, ...] = ()
    levels: tuple[LevelCover, ...] = ()
    units: tuple[UnitRow, ...] = ()
    shared: tuple[SharedRow, ...] = ()
    refusal: Conflict | None = None

    @property
    def lacks(self) -> list[RangeRow]:
        """The ranges that lack something, the worst first."""
        return sorted((row for row in self.ranges if row.short), key=lambda row: (-row.short, row.code))

    @property
    def empty_units(self) -> list[UnitRow]:
        """The units with fewer cases than papers are wanted, the worst first."""
        short = [row for row in self.units if len(row.fitting) < self.target]
        return sorted(short, key=lambda row: (len(row.fitting), row.unit.number))

    @property
    def thin_levels(self) -> list[LevelCover]:
        return [level for level in self.levels if not level.enough]

    @property
    def bare(self) -> list[PointRow]:
        return [point for row in self.ranges for point in row.bare]

    @property
    def points(self) -> int:
        return sum(len(row.points) for row in self.ranges)

    @property
    def overlap(self) -> Fraction | None:
        """Return the share of a paper that another one has too; None where no paper can be drawn."""
        count = sum(row.count for row in self.shared)
        return sum((row.shared for row in self.shared), Fraction(0)) / count if count else None


def sections_cover(paper: Paper, stock: Sequence[Stock], taxonomy: Taxonomy, *, target: int) -> PaperCover:
    """Return the figures of a paper of sections for `target` papers."""
    kinds = [section.type for section in paper.sections]
    weights, importances = taxonomy.weights, taxonomy.importances
    usable = [one for one in stock if one.type in kinds and one.range in weights]
    covers = cover(paper, usable, weights, importances, papers=target)
    limited = [one for one in covers if one.papers is not None]
    most = min((one.papers or 0 for one in limited), default=0)
    names = {one.code: (one.name, one.weight) for one in taxonomy.ranges}
    points = {point.code: point.name for point in taxonomy.points}
    by_range = {one.range: [cell for cell in usable if cell.range == one.range] for one in covers}
    rows = [
        RangeRow(*names[one.range], one, _point_rows(one, by_range[one.range], kinds, points))
        for one in covers
    ]
    return PaperCover(
        target,
        sum(one.count for one in usable),
        most,
        tuple(one.range for one in limited if one.papers == most),
        tuple(rows),
        tuple(levels(paper, usable, papers=target)),
        shared=_shared(
            paper.sections,
            tuple(usable),
            tuple(weights.items()),
            tuple(importances.items()),
            one_per_point=paper.one_per_point,
        )
        if most
        else (),
    )


def _point_rows(
    range_cover: RangeCover, stock: Sequence[Stock], kinds: Sequence[ItemType], names: Mapping[str, str]
) -> tuple[PointRow, ...]:
    counts = {(cell.point, cell.type, cell.difficulty): cell.count for cell in stock}
    return tuple(
        PointRow(
            code,
            names.get(code, ""),
            importance,
            {kind: tuple(counts.get((code, kind, level), 0) for level in LEVELS) for kind in kinds},
        )
        for code, importance in sorted(range_cover.classes.items())
    )


@lru_cache(maxsize=KEPT)
def _shared(
    sections: tuple[Section, ...],
    stock: tuple[Stock, ...],
    weights: tuple[tuple[str, int], ...],
    importances: tuple[tuple[str, str], ...],
    *,
    one_per_point: bool,
) -> tuple[SharedRow, ...]:
    """Return what two papers have in common; kept while the counts are the same, since it takes a while."""
    paper = Paper("", "", timedelta(0), sections=sections, one_per_point=one_per_point)
    kept = stock if one_per_point else items_apart(stock)
    pools = stock_pools(paper, kept, dict(weights), dict(importances))
    shares = expected_overlap(pools, kept, draws=DRAWS, rng=random.Random(SEED))
    return tuple(SharedRow(one.name, one.count, shares.get(one.type, Fraction(0))) for one in sections)


def units_cover(paper: Paper, cases: Sequence[Drawable], *, target: int) -> PaperCover:
    """Return the figures of a paper of units; each of the cases that fit is drawn as often as the others."""
    fitting = cases_by_unit(paper, cases)
    rows = [_unit(unit, fitting[unit.number], cases) for unit in paper.units]
    counts = {row.unit.number: len(row.fitting) for row in rows}
    most = min(counts.values(), default=0)
    shared = [SharedRow(row.unit.name, 1, Fraction(1, len(row.fitting))) for row in rows if row.fitting]
    return PaperCover(
        target,
        sum(counts.values()),
        most,
        tuple(str(number) for number, count in counts.items() if count == most),
        units=tuple(rows),
        shared=tuple(shared) if most else (),
    )


def _unit(unit: Unit, fitting: Sequence[Drawable], cases: Sequence[Drawable]) -> UnitRow:
    refs = {case.ref for case in fitting}
    unfit = [
        (case.ref, sum((Decimal(part["points"]) for part in case.parts), Decimal(0)))
        for case in cases
        if case.unit == unit.number and case.ref not in refs
    ]
    by_level = tuple(sum(case.difficulty == level for case in fitting) for level in LEVELS)
    return UnitRow(unit, tuple(fitting), tuple(unfit), by_level)


# Queries behind the coverage of a bank: counts instead of items, so that a large bank costs what a small one
# does.
#
# An item's columns tell of the version its authors work on. Where that is not the one that is drawn, the
# drawn version itself is asked.

_IS_DRAWN = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
_ROWS_AT_ONCE = 500
Kept = TypeVar("Kept")
_kept: WeakKeyDictionary[Any, dict[tuple[int, str], dict[Any, Any]]] = WeakKeyDictionary()
"""By the dialect object, which one database's engines share: what is kept of a bank's versions."""


class _Place(msgspec.Struct):
    """Where the content of an item stands in the matrix."""

    point: str
    type: str
    difficulty: int = 3


def blueprints_of(session: Session, bank_ref: str) -> dict[int, ExamBlueprint]:
    """Return the present blueprints whose forms are drawn from a bank, by version, in the order of their refs."""
    blueprints = {row.id: blueprint_of(session, row.id) for row in current_versions(session)}
    return {number: blueprint for number, blueprint in blueprints.items() if blueprint.bank == bank_ref}


def stock_of(session: Session, bank_id: int, weights: Mapping[str, int]) -> list[Stock]:
    """Return how many items of each point, type and difficulty may be drawn, cases left out."""
    counts: Counter[tuple[str, str, int]] = Counter()
    as_worked_on = (Item.version == Item.current).label("as_worked_on")
    rows = session.execute(
        select(Item.point, Item.type, Item.difficulty, as_worked_on, func.count())
        .where(Item.bank_id == bank_id, Item.version > 0)
        .group_by(Item.point, Item.type, Item.difficulty, as_worked_on)
    ).all()
    for point, kind, difficulty, same, count in rows:
        counts[point, kind, difficulty] += count * bool(same)
    if not all(same for _point, _kind, _difficulty, same, _count in rows):
        drawn = _drawn(session, bank_id, Item.version != Item.current, content_of=_place_of)
        counts.update(drawn.values())
    ranges = {point: parent_of(point, weights) for point, _kind, _difficulty in counts}
    return [
        Stock(point, ranges[point], ItemType(kind), difficulty, count)
        for (point, kind, difficulty), count in sorted(counts.items())
        if kind != ItemType.CASE and count
    ]


def cases_of_bank(session: Session, bank_id: int) -> list[Drawable]:
    """Return the cases that may be drawn, by ref; whether one fits its unit stands in its parts."""
    drawn = _drawn(session, bank_id, Item.type == ItemType.CASE.value, content_of=_case_of)
    return sorted(drawn.values(), key=lambda case: case.ref)


def _place_of(_ref: str, _version: int, text: str) -> tuple[str, str, int]:
    place = msgspec.json.decode(text, type=_Place)
    return place.point, place.type, place.difficulty


def _case_of(ref: str, version: int, text: str) -> Drawable:
    content = parse_content(json.loads(text))
    return drawable_of(content, ref=ref, version=version, sha="", range_code="", importance="")


def _drawn(
    session: Session, bank_id: int, which: ColumnElement[bool], *, content_of: Callable[[str, int, str], Kept]
) -> dict[int, Kept]:
    """Return what `content_of` makes of the drawn versions of some items of a bank, by the numbers of the items.

    A version never changes, so a process keeps what was made of each for as long as it is asked for.
    """
    kept = _kept.setdefault(session.get_bind().dialect, {})
    query = select(Item.id, Item.ref, Item.version).where(Item.bank_id == bank_id, Item.version > 0, which)
    wanted = {key: (ref, version) for key, ref, version in session.execute(query)}
    before = kept.get((bank_id, content_of.__name__), {})
    now = {key: before[key, asked] for key, asked in wanted.items() if (key, asked) in before}
    missing = sorted(wanted.keys() - now.keys())
    for start in range(0, len(missing), _ROWS_AT_ONCE):
        contents = select(Item.id, ItemVersion.content).join(ItemVersion, _IS_DRAWN)
        for key, text in session.execute(contents.where(Item.id.in_(missing[start : start + _ROWS_AT_ONCE]))):
            now[key] = content_of(*wanted[key], text)
    kept[bank_id, content_of.__name__] = {(key, wanted[key]): one for key, one in now.items()}
    return now


# A share of a large bank to draw from, so that a look at a paper does not read all of it.
#
# Items are taken by chance, a few of each point and type, or cases of each unit; the same seed takes the
# same ones.

LARGE = 5_000
"""A bank of more items than this is not read as a whole for a paper that is only looked at."""
OF_EACH_POINT, OF_EACH_UNIT = 12, 40
FEW = 2
"""So many of each are enough to see that a paper can be drawn, of nearly every bank that is enough for it."""
_AT_ONCE = 800
_STRIDE, _PRIME = 48_271, 2_147_483_647


@dataclass(frozen=True, slots=True)
class Sample:
    """Items to draw from, and their contents by (ref, version)."""

    items: list[Drawable]
    contents: Mapping[tuple[str, int], ItemContent]


def is_large(session: Session, bank_id: int) -> bool:
    """Return whether a bank has more items to draw than are read for a look."""
    query = select(func.count()).select_from(Item).where(Item.bank_id == bank_id, Item.version > 0)
    return (session.scalar(query) or 0) > LARGE


def sample_of(
    session: Session, bank_id: int, paper: Paper, taxonomy: Taxonomy, *, seed: int, most: int = 0
) -> Sample:
    """Return a few items for each place a paper may take one from, by the chance of `seed`.

    `most` is how many of each, 0 for as many as a look takes.
    """
    kinds = [section.type for section in paper.sections] or [ItemType.CASE]
    most = most or (OF_EACH_POINT if paper.sections else OF_EACH_UNIT)
    mixed = (cast(Item.id, BigInteger) * _STRIDE * (seed % 1000 + 1) + seed % _PRIME) % _PRIME
    alike = (Item.type, Item.point) if paper.sections else (Item.unit,)
    place = func.row_number().over(partition_by=alike, order_by=(mixed, Item.id)).label("place")
    numbered = (
        select(Item.id, place)
        .where(Item.bank_id == bank_id, Item.version > 0, Item.type.in_(kinds))
        .subquery()
    )
    chosen = session.scalars(select(numbered.c.id).where(numbered.c.place <= most)).all()
    weights, importances = taxonomy.weights, taxonomy.importances
    items, contents = [], {}
    for ref, version, sha, text in _drawn_versions(session, sorted(chosen)):
        content = contents[ref, version] = parse_content(json.loads(text))
        code, importance = parent_of(content.point, weights), importances.get(content.point, "")
        items.append(
            drawable_of(content, ref=ref, version=version, sha=sha, range_code=code, importance=importance)
        )
    return Sample(items, contents)


def _drawn_versions(session: Session, ids: Sequence[int]) -> Iterator[tuple[str, int, str, str]]:
    """Yield (ref, version, sha256, content) of what is drawn of some items.

    They are asked for by their numbers: joined with the choice itself, all versions would be gone through.
    """
    drawn = and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.version)
    query = select(Item.ref, Item.version, ItemVersion.sha256, ItemVersion.content).join(ItemVersion, drawn)
    for start in range(0, len(ids), _AT_ONCE):
        for row in session.execute(query.where(Item.id.in_(ids[start : start + _AT_ONCE]))):
            yield (*row,)


MOST_DRAWN, ATTEMPTS = 12, 4
"""So many papers are drawn one after another, and so often it is begun anew, to see how many there can be."""


@dataclass(frozen=True, slots=True)
class OfferedPaper:
    """What a person chooses: a paper of a blueprint, or (`version_id` 0) some of whatever the bank has.

    `value` is how it stands in an address (`ref:code`), `label` what people call it.
    """

    version_id: int
    value: str
    label: str
    paper: Paper


def paper_choices(session: Session, bank_ref: str) -> list[OfferedPaper]:
    """Return the papers that are drawn from a bank, by the refs of their blueprints."""
    return [
        OfferedPaper(number, f"{blueprint.ref}:{paper.code}", blueprint.paper_title(paper.code), paper)
        for number, blueprint in blueprints_of(session, bank_ref).items()
        for paper in blueprint.papers.values()
    ]


def look_choice() -> OfferedPaper:
    """Return the choice that asks for no blueprint: some items of each type."""
    return OfferedPaper(0, LOOK, _("assembly.preview.look"), look_paper({}, {}))


def chosen(choices: Sequence[OfferedPaper], value: str) -> OfferedPaper | None:
    """Return the paper an address names, else the first; None where nothing is drawn from the bank."""
    return next((one for one in choices if one.value == value), choices[0] if choices else None)


def coverage_of(session: Session, bank: ItemBank, choice: OfferedPaper, *, target: int) -> PaperCover:
    """Return a bank beside one paper, for `target` papers without a common item."""
    paper = choice.paper
    if paper.units:
        cover = units_cover(paper, cases_of_bank(session, bank.id), target=target)
    else:
        taxonomy = taxonomy_of(session, bank)
        stock = stock_of(session, bank.id, taxonomy.weights)
        cover = sections_cover(paper, stock, taxonomy, target=target)
    refusal = refusal_of(session, bank, choice)
    return cover if refusal is None else replace(cover, papers=0, shared=(), refusal=refusal)


_refusals: WeakKeyDictionary[Any, dict[tuple[str, int, str], Conflict | None]] = WeakKeyDictionary()
"""By the dialect object, as `_kept`: what came of trying, by the revision of a bank and a paper of a blueprint."""


def refusal_of(session: Session, bank: ItemBank, choice: OfferedPaper) -> Conflict | None:
    """Return why no form of a paper can be drawn from a bank as it is now, None where one can.

    A draw, the coverage, the plan of a sitting and the check of a blueprint say the same. A share is asked first,
    of a large bank a larger one next: what can be drawn from that can be drawn, and nothing grows with the bank.

    Source: R-8.
    """
    paper, taxonomy = choice.paper, taxonomy_of(session, bank)
    for most in (FEW, 0) if is_large(session, bank.id) else (FEW,):
        share = sample_of(session, bank.id, paper, taxonomy, seed=SEED, most=most).items
        if PaperSource(paper, share, taxonomy.weights, taxonomy.importances).refusal() is None:
            return None
    revision, (items, weights, importances) = drawn_from(session, bank.id)
    kept, key = (
        _refusals.setdefault(session.get_bind().dialect, {}),
        (revision, choice.version_id, paper.code),
    )
    if key not in kept:
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        refusal = PaperSource(paper, items, weights, importances).refusal()
        kept[key] = refusal and in_words(refusal, bank, taxonomy, choice.value)
    return kept[key]


def in_words(error: Conflict, bank: ItemBank, taxonomy: Taxonomy, covers: str) -> Conflict:
    """Return a refusal of a draw that calls its range by code and name, and says where what is missing is shown."""
    mended_at = path_of(flask.current_app, "coverage.page", ref=bank.ref, paper=covers)
    params = error.params | {"mended_at": mended_at}
    if code := error.params.get("range"):
        name = {one.code: one.name for one in taxonomy.ranges}.get(str(code), "")
        params["range"] = f"{code} {name}".strip()
    return Conflict(error.code, **params)


def reached_of(session: Session, bank: ItemBank, paper: Paper, *, most: int) -> int | None:
    """Return how many papers without a common item can really be drawn, of `most`; None for a large bank."""
    if is_large(session, bank.id):
        return None
    items, weights, importances = drawables(session, bank.id)
    limit, chance = min(most, MOST_DRAWN), random.Random(SEED)
    return papers_reached(paper, items, weights, importances, most=limit, attempts=ATTEMPTS, rng=chance)
