"""The evidence of one pair: both people's answers beside each other, when they were given, where they sat.

Source: R-98.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.draw import Arranged, arrange, arrangements
from cbt.audit import flood_limit
from cbt.bank.store import contents
from cbt.errors import NotFound
from cbt.results.likeness.figures import LikenessReport, PairFigures, PaperLikeness
from cbt.results.likeness.people import PairedPerson, people_of
from cbt.results.likeness.seats import plans_of, steps_between
from cbt.rules.form_score import items_in, place_of, read_frame
from cbt.rules.item_time import seconds_on_items
from cbt.rules.items.content import LETTERS, ItemContent
from cbt.runner.save.digest import answers_in, journal_texts
from cbt.scoring.late_answers import approved_answers
from cbt.scoring.models import Score
from cbt.sittings.models import Sitting
from cbt.storage.bulk_read import rows_with_text
from cbt.storage.types import from_micros

CLOSE_SECONDS = 60
"""Same answers within so many seconds of each other are counted as close together."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What somebody answered to an item: at which position, what, whether it is right, when, in how many
    seconds."""

    position: int
    choice: str
    """As authored, not as displayed; "" for nothing."""
    is_right: bool
    at: datetime | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One item that both were asked."""

    item: str
    key: str
    one: GivenAnswer
    other: GivenAnswer

    @property
    def is_same(self) -> bool:
        return bool(self.one.choice) and self.one.choice == self.other.choice

    @property
    def is_same_wrong(self) -> bool:
        return self.is_same and not self.one.is_right

    @property
    def apart(self) -> float | None:
        """How many seconds lie between the two answers."""
        if self.one.at is None or self.other.at is None:
            return None
        return abs((self.one.at - self.other.at).total_seconds())


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """All that is told of a pair."""

    sitting: Sitting
    paper: PaperLikeness
    pair: PairFigures
    one: PairedPerson
    other: PairedPerson
    steps: int | None
    """From seat to seat in one room; None in two rooms, or where nobody knows the rows."""
    lines: Sequence[AnswerLine]

    @property
    def label(self) -> str:
        return f"{self.one.ticket}-{self.other.ticket}"

    @property
    def same_room(self) -> bool:
        return self.one.seated.room_id == self.other.seated.room_id

    @property
    def same(self) -> Sequence[AnswerLine]:
        return [line for line in self.lines if line.is_same]

    @property
    def close(self) -> int:
        """How many of the same answers were given close together."""
        return sum(line.apart is not None and line.apart <= CLOSE_SECONDS for line in self.same)

    @property
    def usual_gap(self) -> float | None:
        """The median of the seconds between same answers."""
        gaps = [line.apart for line in self.same if line.apart is not None]
        return median(gaps) if gaps else None


def pair_evidence(session: Session, report: LikenessReport, one_ref: str, other_ref: str) -> PairEvidence:
    """Return the evidence of a pair that is shown; raise NotFound("likeness.no_pair") for any other."""
    sitting = session.scalars(select(Sitting).where(Sitting.ref == report.ref)).one()
    shown = {attempt for paper in report.papers for pair in paper.pairs for attempt in (pair.one, pair.other)}
    people = people_of(session, shown)
    refs = {one_ref, other_ref}
    for paper in report.papers:
        for pair in paper.pairs:
            if {people[pair.one].ref, people[pair.other].ref} == refs:
                return _evidence(session, sitting, paper, pair, people[pair.one], people[pair.other])
    raise NotFound("likeness.no_pair")


def _evidence(
    session: Session,
    sitting: Sitting,
    paper: PaperLikeness,
    pair: PairFigures,
    one: PairedPerson,
    other: PairedPerson,
) -> PairEvidence:
    steps = None
    if one.seated.room_id == other.seated.room_id:
        steps = steps_between(plans_of(session, sitting.id)[one.seated.room_id], one.seat, other.seat)
    lines = _lines(session, one, other)
    return PairEvidence(sitting, paper, pair, one, other, steps, lines)


_ItemKey = tuple[int, str, int, int | None]


def _lines(session: Session, one: PairedPerson, other: PairedPerson) -> list[AnswerLine]:
    """Return the items with choices that both were asked, in the order in which the first saw them."""
    attempts = [one.attempt_id, other.attempt_id]
    forms = _arranged(session, {one.form_id, other.form_id})
    journals, late = journal_texts(session, attempts), approved_answers(session, attempts)
    right = _right_places(session, attempts)
    told: list[dict[_ItemKey, tuple[ItemContent, GivenAnswer]]] = []
    for person in (one, other):
        answers = answers_in(journals[person.attempt_id])
        answers |= {str(at): value or "" for at, value in late.get(person.attempt_id, {}).items()}
        times = _Times(person.started_at, journals[person.attempt_id])
        asked = _asked(session, forms[person.form_id])
        told.append(
            {
                key: (
                    content,
                    GivenAnswer(
                        position,
                        _named(content, order, answers.get(str(position), "")),
                        place in right[person.attempt_id],
                        times.at.get(position),
                        times.seconds.get(position),
                    ),
                )
                for place, (key, content, position, order) in enumerate(asked)
                if content.lettered
            }
        )
    first, second = told
    return [
        AnswerLine(
            key[1] if key[3] is None else f"{key[1]}-{key[3] + 1}", _key_of(content), given, second[key][1]
        )
        for key, (content, given) in first.items()
        if key in second
    ]


def _arranged(session: Session, form_ids: set[int]) -> Mapping[int, Arranged]:
    kept = arrangements(session, form_ids)
    missing = form_ids - kept.keys()
    return kept | arrange(session, missing) if missing else kept


def _asked(session: Session, form: Arranged) -> Iterator[tuple[_ItemKey, ItemContent, int, Sequence[int]]]:
    """Yield each place of a form: the item, what was asked of it, at which position, in which order of choices."""
    frame, *lines = form.text.split("\n")
    _groups, runs = read_frame(frame)
    positions = [run.first + nth for run in runs for nth in range(run.length)]
    read = contents(session, items_in(lines), form.bank_id)
    for position, line in zip(positions, lines, strict=True):
        place = place_of(line)
        ref, version, part = place["item"], place["version"], place["part"]
        content = read[ref, version].part(part)
        yield (form.bank_id, ref, version, part), content, position, place["order"] or ()


def _named(content: ItemContent, order: Sequence[int], answer: str) -> str:
    """Return what was answered, in the authored order of choices; "" for nothing."""
    if not answer:
        return ""
    return _choices(content, [order[LETTERS.index(letter)] for letter in json.loads(answer)])


def _key_of(content: ItemContent) -> str:
    places = content.answer_key if isinstance(content.answer_key, tuple) else ()
    return _choices(content, [place for place in places if isinstance(place, int)])


def _choices(content: ItemContent, places: Sequence[int]) -> str:
    if content.verdicts:
        return "".join(str(_(f"analysis.choice.{'wrong' if place else 'right'}")) for place in sorted(places))
    return "".join(LETTERS[place] for place in sorted(places))


class _Times:
    """When each position was answered last, and how many seconds it took."""

    def __init__(self, started_at: datetime | None, journal: str) -> None:
        lines = journal.split("\n")
        self.at: dict[int, datetime] = {}
        saves: list[tuple[float, int]] = []
        for when, place in zip(lines[1::3], lines[2::3], strict=False):
            micros, (position, _sep, kind) = int(when.rpartition(" ")[2]), place.partition(" ")
            saves.append((micros / 1e6, int(position)))
            if not kind:
                self.at[int(position)] = from_micros(micros)
        self.seconds = seconds_on_items(None if started_at is None else started_at.timestamp(), saves)


def _right_places(session: Session, attempt_ids: Sequence[int]) -> dict[int, set[int]]:
    """Return at which places of their form people earned all points, by the last score of each."""
    query = select(Score.attempt_id, Score.number, Score.sheet).where(Score.attempt_id.in_(attempt_ids))
    right: dict[int, set[int]] = {attempt_id: set() for attempt_id in attempt_ids}
    for (attempt_id, _number), sheet in sorted(rows_with_text(session, query), key=lambda row: row[0]):
        cells = json.loads(sheet or b"{}").get("positions", [])
        right[attempt_id] = {
            place
            for place, cell in enumerate(cells)
            if not cell.get("void")
            and float(cell["points"])
            and float(cell["earned"] or 0) == float(cell["points"])
        }
    return right


def note_printed(session: Session, *, found: PairEvidence, now: datetime, actor: str) -> None:
    """Put on record that somebody had the evidence of a pair printed."""
    for person in (found.one, found.other):
        flood_limit.count(
            session, at=now, actor=actor, act="print.likeness", subject=f"registration:{person.ref}"
        )
