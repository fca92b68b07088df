"""Gathers everybody's answers to the papers of a sitting or a batch, in chunks, for the child that computes.

What counts is who has points on the score sheet: whoever was absent, wrote nothing or is out for a violation tells
nothing of a paper. The points of an item are those that its answers earned in the score that counts, weighed as the
paper weighs its section or unit (R-53).

Source: R-54, R-96.
"""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import Arranged, arrange, arrangements
from cbt.bank.store import contents, taxonomy_of
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Candidate, Registration
from cbt.http.i18n import local_day
from cbt.items.models import ItemBank
from cbt.items.taxonomy import Taxonomy, parent_of
from cbt.results import store
from cbt.results.analysis.figures import FEWEST_TAKERS, MOST_FORMS, ItemColumn, PaperAnswers
from cbt.results.models import Result
from cbt.results.sheet.outcome import Standing
from cbt.results.sheet.sitting import ends_of
from cbt.rules.form_score import items_in, place_of, read_frame
from cbt.rules.item_time import seconds_on_items
from cbt.rules.items.content import LETTERS, ItemContent
from cbt.runner.models import Attempt
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import Score
from cbt.sittings.models import Centre, Room, Sitting, SittingRoom
from cbt.sittings.store import official_only
from cbt.storage.bulk_read import rows_with_text
from cbt.storage.unit_of_work import reading

CHUNK = 200
NO_CHOICE = -1
MOST_POINTS = 4096
VERDICTS = 2
"""What is taken where an item has no choices of its own: right or wrong."""
PaperKey = tuple[int, str]


def sittings_over(session: Session, *conditions: ColumnElement[bool]) -> list[Sitting]:
    """Return the sittings that are over and count, in the order of their ids."""
    query = select(Sitting).where(Sitting.state.in_(store.SHOWN), official_only(), *conditions)
    return list(session.scalars(query.order_by(Sitting.id)))


def mark_of(session: Session, sitting_ids: Collection[int]) -> list[object]:
    """Return what is another whenever the answers that count may be; the database counts, nothing is walked."""
    facts = store.joined_rows(
        select(
            func.count(Score.id),
            func.sum(Score.id),
            func.count(Result.id),
            func.max(Result.id),
            func.count(Registration.violation_code),
            func.count(Registration.absent_at),
        ).select_from(Registration)
    ).where(Registration.sitting_id.in_(sitting_ids))
    rooms = (
        select(SittingRoom.state, func.count())
        .where(SittingRoom.sitting_id.in_(sitting_ids))
        .group_by(SittingRoom.state)
        .order_by(SittingRoom.state)
    )
    counts = [int(one or 0) for one in session.execute(facts).one()]
    return [*counts, [list(row) for row in session.execute(rooms)]]


@dataclass(frozen=True, slots=True)
class _Taker:
    """Somebody whose points count: by which score, of which form, and what groups they belong to."""

    attempt_id: int
    score_id: int
    form_id: int
    points: float
    place: str
    gender: str
    started_at: datetime | None


class _Cell(msgspec.Struct):
    earned: str | None
    points: str
    void: bool


class _Sheet(msgspec.Struct):
    positions: list[_Cell]


_sheets = msgspec.json.Decoder(_Sheet)


class _Points(dict[str | None, float]):
    """Points by how a sheet writes them: there are few of them, and a million cells."""

    def __missing__(self, text: str | None) -> float:
        points = float(text or 0)
        if len(self) < MOST_POINTS:
            self[text] = points
        return points


_points = _Points()


@dataclass(frozen=True, slots=True)
class _Column:
    """An item, or a part of one, that was asked: its number, the whole item and what was asked of it."""

    number: int
    whole: ItemContent
    content: ItemContent


_ColumnKey = tuple[int, str, int, int | None]
"""Bank, item, version and part."""


@dataclass(slots=True)
class _PaperCells:
    """The cells of one paper as they are gathered."""

    columns: dict[_ColumnKey, _Column] = field(default_factory=dict)
    places: defaultdict[int, dict[str, _Place]] = field(default_factory=lambda: defaultdict(dict))
    """By bank and line of an arrangement."""
    groups: dict[int, str] = field(default_factory=dict)
    scores: array[float] = field(default_factory=lambda: array("d"))
    forms: dict[int, int] = field(default_factory=dict)
    form_of: list[int] = field(default_factory=list)
    place_of: list[str] = field(default_factory=list)
    genders: list[str] = field(default_factory=list)
    person: array[int] = field(default_factory=lambda: array("i"))
    item: array[int] = field(default_factory=lambda: array("i"))
    stratum: array[int] = field(default_factory=lambda: array("i"))
    earned: array[float] = field(default_factory=lambda: array("d"))
    worth: array[float] = field(default_factory=lambda: array("d"))
    chosen: array[int] = field(default_factory=lambda: array("i"))
    answered: array[int] = field(default_factory=lambda: array("b"))
    attempts: list[int] = field(default_factory=list)
    seconds: array[float] | None = None
    """None where nobody asked for them."""


class _Place(dict[str, int]):
    """An item as a form arranges it: its column, and for each displayed answer the choices it takes, a bit each."""

    __slots__ = ("_order", "column")

    def __init__(self, column: int, order: Sequence[int] | None) -> None:
        super().__init__()
        self.column, self._order = column, order

    def __missing__(self, answer: str) -> int:
        bits = NO_CHOICE if self._order is None else 0
        if self._order is not None and answer:
            for letter in json.loads(answer):
                bits |= 1 << self._order[LETTERS.index(letter)]
        self[answer] = bits
        return bits


def _untold(_done: int, _of: int) -> None:
    pass


def answers_of(
    sittings: Sequence[tuple[int, str]],
    *,
    by_rooms: bool,
    for_likeness: bool = False,
    sitting_room_id: int | None = None,
    tell: Callable[[int, int], None] = _untold,
) -> Iterator[PaperAnswers]:
    """Yield the answers to each paper of sittings (id, centre), one paper at a time.

    People are told apart by their rooms where `by_rooms`, else by their centres. `for_likeness` there is also how
    long each answer took, and whoever has no points: out for a violation, or of whom people still mark something.
    Of a room of a sitting alone where one is named; `tell` is told how far it is, in pieces.
    """
    takers: defaultdict[PaperKey, list[_Taker]] = defaultdict(list)
    wanted: list[ColumnElement[bool]] = []
    if sitting_room_id is not None:
        wanted.append(Registration.sitting_room_id == sitting_room_id)
    for sitting_id, centre in sittings:
        with reading() as session:
            for paper, taker in _takers(
                session, sitting_id, "" if by_rooms else centre, *wanted, with_all=for_likeness
            ):
                takers[paper].append(taker)
    done, pieces = 0, sum(-(-len(own) // CHUNK) + 1 for own in takers.values())
    for paper in sorted(takers, key=lambda key: (key[1], key[0]), reverse=True):
        cells = _PaperCells(seconds=array("f") if for_likeness else None)
        own = takers.pop(paper)
        for start in range(0, len(own), CHUNK):
            with reading() as session:
                _gather(session, cells, own[start : start + CHUNK])
            done += 1
            tell(done, pieces)
        with reading() as session:
            whole = _whole(session, paper, cells, [sitting_id for sitting_id, _centre in sittings])
        yield whole
        done += 1


def _takers(
    session: Session, sitting_id: int, centre: str, *wanted: ColumnElement[bool], with_all: bool
) -> Iterator[tuple[PaperKey, _Taker]]:
    ends = {end.registration_id: end for end in ends_of(session, sitting_id)}
    rows = session.execute(
        select(
            Registration.id,
            Registration.blueprint_version_id,
            Registration.paper,
            Attempt.id,
            Attempt.form_id,
            Room.name,
            Candidate.gender,
            Attempt.started_at,
        )
        .join(Attempt, Attempt.registration_id == Registration.id)
        .join(SittingRoom, SittingRoom.id == Registration.sitting_room_id)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Candidate, Candidate.id == Registration.candidate_id)
        .where(Registration.sitting_id == sitting_id, *wanted)
        .order_by(Registration.id)
    )
    for registration_id, version_id, paper, attempt_id, form_id, room, gender, started_at in rows:
        end = ends[registration_id]
        shown = end.judged.shown
        score = None if shown is None else shown.score
        if end.score_id is None or (score is None and not with_all):
            continue
        if end.judged.standing is Standing.UNANSWERED:
            continue
        place = centre or room
        points = float(score or 0)
        yield (
            (version_id, paper),
            _Taker(attempt_id, end.score_id, form_id, points, place, gender, started_at),
        )


def centres_of(session: Session, sittings: Sequence[Sitting]) -> list[tuple[int, str]]:
    """Return each sitting's id with the name of its centre."""
    wanted = {sitting.centre_id for sitting in sittings}
    rows = session.execute(select(Centre.id, Centre.name).where(Centre.id.in_(wanted)))
    names = dict(rows.all())
    return [(sitting.id, names[sitting.centre_id]) for sitting in sittings]


def _gather(session: Session, cells: _PaperCells, takers: Sequence[_Taker]) -> None:
    """Add the answers of some people to those of a paper."""
    attempt_ids = [taker.attempt_id for taker in takers]
    kept = select(Score.id, Score.sheet).where(Score.id.in_([one.score_id for one in takers]))
    sheets = {score_id: text for (score_id,), text in rows_with_text(session, kept)}
    journals = journal_texts(session, attempt_ids)
    late = approved_answers(session, attempt_ids)
    forms = _arranged(session, {taker.form_id for taker in takers})
    _meet(session, cells, [forms[form_id] for form_id in dict.fromkeys(one.form_id for one in takers)])
    for taker in takers:
        answers = answers_in(journals[taker.attempt_id])
        if taker.attempt_id in late:
            answers |= {str(place): value or "" for place, value in late[taker.attempt_id].items()}
        places = _add(cells, taker, forms[taker.form_id], sheets[taker.score_id] or b"", answers)
        if cells.seconds is not None:
            seconds = seconds_on_items(_instant(taker.started_at), _saves(journals[taker.attempt_id]))
            cells.seconds.extend([seconds.get(int(place.position), math.nan) for place in places])


def _instant(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _saves(journal: str) -> Iterator[tuple[float, int]]:
    """Yield when something of which position was saved, from a journal's text."""
    lines = journal.split("\n")
    for when, place in zip(lines[1::3], lines[2::3], strict=False):
        yield int(when.rpartition(" ")[2]) / 1e6, int(place.partition(" ")[0])


def _arranged(session: Session, form_ids: set[int]) -> Mapping[int, Arranged]:
    kept = arrangements(session, form_ids)
    missing = form_ids - kept.keys()
    return kept | arrange(session, missing) if missing else kept


def _meet(session: Session, cells: _PaperCells, forms: Iterable[Arranged]) -> None:
    """Read the items of forms that did not come up yet, a bank at a time; they are numbered as they come up."""
    fresh: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for form in forms:
        known = cells.places[form.bank_id]
        fresh[form.bank_id].update((line, None) for line in form.text.split("\n")[1:] if line not in known)
    for bank_id, unmet in fresh.items():
        read = contents(session, items_in(unmet), bank_id)
        for line in unmet:
            place = place_of(line)
            ref, version, part = place["item"], place["version"], place["part"]
            whole = read[ref, version]
            key = (bank_id, ref, version, part)
            if key not in cells.columns:
                cells.columns[key] = _Column(len(cells.columns), whole, whole.part(part))
            column = cells.columns[key]
            order = place["order"] if column.content.lettered else None
            cells.places[bank_id][line] = _Place(column.number, order)


def _add(
    cells: _PaperCells, taker: _Taker, form: Arranged, sheet: bytes, answers: Mapping[str, str]
) -> Sequence[_FramePlace]:
    """Add somebody's cells, and return the places they are of."""
    frame, *lines = form.text.split("\n")
    positions = _sheets.decode(sheet).positions
    person = len(cells.scores)
    cells.scores.append(taker.points)
    cells.attempts.append(taker.attempt_id)
    cells.form_of.append(cells.forms.setdefault(taker.form_id, len(cells.forms)))
    cells.place_of.append(taker.place)
    cells.genders.append(taker.gender)
    if len(positions) != len(lines):
        return ()  # a score that says nothing of its items
    known = cells.places[form.bank_id]
    items = [known[line] for line in lines]
    voids = [cell.void or cell.earned is None for cell in positions]
    if any(voids):
        kept = [place for place, void in enumerate(voids) if not void]
        layout = _layout(frame, tuple(cell.void for cell in positions))
        layout = _Layout(layout.groups, [layout.places[place] for place in kept])
        items, positions = [items[place] for place in kept], [positions[place] for place in kept]
    else:
        layout = _layout(frame, ())
    cells.groups.update(layout.groups)
    own = [answers.get(place.position, "") for place in layout.places]
    weights = [place.weight for place in layout.places]
    cells.person.extend([person] * len(own))
    cells.item.extend([item.column for item in items])
    cells.stratum.extend([place.group for place in layout.places])
    cells.earned.extend(
        [_points[cell.earned] * weight for cell, weight in zip(positions, weights, strict=True)]
    )
    cells.worth.extend(
        [_points[cell.points] * weight for cell, weight in zip(positions, weights, strict=True)]
    )
    cells.chosen.extend([item[answer] for item, answer in zip(items, own, strict=True)])
    cells.answered.extend(map(bool, own))
    return layout.places


@dataclass(frozen=True, slots=True)
class _FramePlace:
    """A place of a frame: its position, its group, and what a point of it is worth in points of the paper."""

    position: str
    group: int
    weight: float


@dataclass(frozen=True, slots=True)
class _Layout:
    groups: Mapping[int, str]
    places: Sequence[_FramePlace]


@lru_cache(maxsize=1024)
def _layout(frame: str, voids: tuple[bool, ...]) -> _Layout:
    """Read a frame; `voids` says which places are void, () where none is. Source: R-53."""
    groups, runs = read_frame(frame)
    whole: defaultdict[int, float] = defaultdict(float)
    seats = [
        (run.first + nth, run.group, float(run.kind.points)) for run in runs for nth in range(run.length)
    ]
    for place, (_position, group, points) in enumerate(seats):
        if not voids or not voids[place]:
            whole[group] += points
    weights = {
        group.number: float(group.points) / whole[group.number] if whole[group.number] else 0.0
        for group in groups
    }
    return _Layout(
        {group.number: group.name for group in groups},
        [_FramePlace(str(position), group, weights[group]) for position, group, _ in seats],
    )


def _whole(
    session: Session, paper: PaperKey, cells: _PaperCells, sitting_ids: Collection[int]
) -> PaperAnswers:
    """Return what was gathered of a paper, with what is known of its items."""
    version_id, code = paper
    blueprint = blueprint_of(session, version_id)
    asked = blueprint.papers[code]
    group_of = dict(zip(cells.item, cells.stratum, strict=True))
    # An item that was void for all, or that no score tells of, has no column.
    told = [(key, column) for key, column in cells.columns.items() if column.number in group_of]
    numbers = {column.number: number for number, (_key, column) in enumerate(told)}
    rooms = {name: number for number, name in enumerate(sorted(set(cells.place_of)))}
    tables = _taxonomies(session, {bank_id for bank_id, *_ in cells.columns})
    plans = {bank_id: (table.weights, table.importances) for bank_id, table in tables.items()}
    return PaperAnswers(
        title=f"{blueprint.level_name} {asked.label}",
        points=float(asked.points),
        pass_points=float(asked.pass_points),
        scores=cells.scores.tolist(),
        items=[
            _item_column(key, column, plans[key[0]], cells.groups[group_of[column.number]])
            for key, column in told
        ],
        person=cells.person.tobytes(),
        item=array("i", map(numbers.__getitem__, cells.item)).tobytes(),
        stratum=cells.stratum.tobytes(),
        earned=cells.earned.tobytes(),
        worth=cells.worth.tobytes(),
        chosen=cells.chosen.tobytes(),
        answered=cells.answered.tobytes(),
        forms=cells.form_of,
        places=[rooms[name] for name in cells.place_of],
        place_names=list(rooms),
        genders=cells.genders,
        names=_names(tables.values()),
        weights={code: weight for own, _importances in plans.values() for code, weight in own.items()},
        attempts=cells.attempts,
        form_names=_form_names(session, cells, sitting_ids),
        seconds=b"" if cells.seconds is None else cells.seconds.tobytes(),
    )


MOST_NAMES = 2
"""Of so many sittings the names stand with a form."""


def _form_names(session: Session, cells: _PaperCells, sitting_ids: Collection[int]) -> dict[int, str]:
    """Return in which sittings the forms were taken that may be held against each other."""
    counts = Counter(cells.form_of).most_common(MOST_FORMS)
    wanted = {number for number, count in counts if count >= FEWEST_TAKERS}
    if len(wanted) < 2:
        return {}
    form_ids = {form_id: number for form_id, number in cells.forms.items() if number in wanted}
    rows = session.execute(
        select(Attempt.form_id, Sitting.id, Sitting.name, Sitting.planned_start_at)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Attempt.form_id.in_(form_ids), Sitting.id.in_(sitting_ids))
        .distinct()
        .order_by(Sitting.id)
    )
    names: defaultdict[int, list[str]] = defaultdict(list)
    for form_id, _sitting_id, name, starts_at in rows:
        names[form_ids[form_id]].append(f"{name} {local_day(starts_at)}")
    return {
        number: " / ".join(own[:MOST_NAMES]) + (" …" if len(own) > MOST_NAMES else "")
        for number, own in names.items()
    }


def _names(tables: Iterable[Taxonomy]) -> dict[str, str]:
    names: dict[str, str] = {}
    for table in tables:
        names |= {level.code: level.name for level in table.ranges}
        names |= {point.code: point.name for point in table.points}
    return names


def _taxonomies(session: Session, bank_ids: Collection[int]) -> dict[int, Taxonomy]:
    banks = session.scalars(select(ItemBank).where(ItemBank.id.in_(bank_ids)))
    return {bank.id: taxonomy_of(session, bank) for bank in banks}


_Plan = tuple[Mapping[str, int], Mapping[str, str]]
"""What a 细目表 plans: the weight of each lowest range, the importance of each point."""


def _item_column(key: _ColumnKey, column: _Column, plan: _Plan, group: str) -> ItemColumn:
    bank_id, ref, version, part = key
    weights, importances = plan
    content, whole = column.content, column.whole
    point = content.point or whole.point
    places = content.answer_key if content.lettered and isinstance(content.answer_key, tuple) else ()
    return ItemColumn(
        ref=ref,
        version=version,
        part=part,
        type=content.type.value,
        group=group,
        point=point,
        range=parent_of(point, weights),
        importance=importances.get(point, ""),
        expert=whole.difficulty,
        choices=content.shape().get("choices", VERDICTS) if content.lettered else 0,
        key=sum(1 << place for place in places if isinstance(place, int)),
        bank=bank_id,
    )
