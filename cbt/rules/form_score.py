"""Scoring: what answers earn by the revisions of their keys, and the score of a form as a pure function.

An arrangement is one short text of what scoring needs of a frozen form. The first line, the frame, says the
groups (sections or units) and the places in runs; most forms of a paper have the same one. Each further line
says of one place which item it asks and how that is arranged; forms have many of them in common, too. No key,
and no text of an item.

Forms of one's own differ in what they ask, where and in which order; an item in one order of its choices
comes up in many of them. So what answers earn is kept by the line of an arrangement that says it, not by
form, and worked out when it comes up for the first time.

Source: R-43, R-50, R-51, R-52, R-54.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import groupby
from math import lcm
from operator import getitem, itemgetter, mul
from typing import Any, NamedTuple

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.exam import Paper
from cbt.rules.items.content import ALL, NOTHING, AnswerKey, ItemContent, PartialCredit

_ELSEWHERE = frozenset(
    {"position", "unit", "section", "sha", "type", "credit", "points", "item", "version", "part", "order"}
)
"""What of a position stands in the frame, or at the head of its line."""


class PlaceKind(NamedTuple):
    """What places of one run have in common."""

    type: str
    credit: str
    points: str


class Run(NamedTuple):
    """Places one after the other: how many, the first position, and the number of their group."""

    length: int
    first: int
    group: int
    kind: PlaceKind


class ArrangedGroup(NamedTuple):
    """One section or unit as a form says it."""

    number: int
    name: str
    points: Decimal


@lru_cache(maxsize=1024)
def read_frame(text: str) -> tuple[Sequence[ArrangedGroup], Sequence[Run]]:
    groups, runs = json.loads(text)
    return (
        tuple(ArrangedGroup(number, name, Decimal(points)) for number, name, points in groups),
        tuple(Run(length, first, group, PlaceKind(*kind)) for length, first, group, *kind in runs),
    )


def arranged(form: Mapping[str, Any]) -> str:
    """Return the arrangement of a form as `draw_form` freezes it."""
    label, first = ("unit", 0) if "units" in form else ("section", 1)

    def facts(numbered: tuple[int, Mapping[str, Any]]) -> tuple[Any, ...]:
        """What is the same for all places of a run: also how far the position is from the place."""
        place, position_facts = numbered
        return (
            position_facts["position"] - place,
            position_facts[label] + first,
            position_facts["type"],
            position_facts["credit"],
            position_facts["points"],
        )

    places = form["positions"]
    runs: list[list[Any]] = []
    for (_, *same), run in groupby(enumerate(places), key=facts):
        own = list(run)
        runs.append([len(own), own[0][1]["position"], *same])
    frame = canonical_json([list(_groups(form)), runs])
    return "\n".join([frame, *(_line(one) for one in places)])


def place_of(line: str) -> dict[str, Any]:
    """Return what a line says of a place, under the names a form has for it."""
    item, version, part, order, *more = json.loads(line)
    rest: dict[str, Any] = more[0] if more else {}
    return {"item": item, "version": version, "part": part, "order": order, **rest}


def items_in(lines: Iterable[str]) -> set[tuple[str, int]]:
    return {(item, version) for item, version, *_ in map(json.loads, lines)}


def _groups(form: Mapping[str, Any]) -> Iterator[list[Any]]:
    for unit in form.get("units", ()):
        yield [unit["number"], unit["name"], f"{Decimal(unit['points']):f}"]
    if "units" not in form:
        for number, section in enumerate(form["sections"], 1):
            yield [number, section["name"], f"{section['count'] * Decimal(section['points_each']):f}"]


def _line(position_facts: Mapping[str, Any]) -> str:
    item, version, part, order = (
        _json(position_facts["item"]),
        position_facts["version"],
        position_facts["part"],
        position_facts["order"],
    )
    head = f"[{item},{version},{'null' if part is None else part},{_orders(tuple(order))}"
    if position_facts.keys() <= _ELSEWHERE:
        return f"{head}]"
    rest = {
        name: value for name, value in position_facts.items() if name not in _ELSEWHERE and value is not None
    }
    return f"{head},{canonical_json(rest)}]" if rest else f"{head}]"


@lru_cache(maxsize=16_384)
def _json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=16_384)
def _orders(order: tuple[int, ...]) -> str:
    return canonical_json(order)


ItemPart = tuple[str, int | None, int | None]
"""An item, its part and its version; None: the item as a whole, and whichever version."""


@dataclass(frozen=True, slots=True)
class KeyRevision:
    """What changes for one item, or one part of a case (0-based).

    `answer_key` replaces the key (改答案), `accept` lists further right answers (多答案), `give_all` gives
    everybody the points (送分), `void` takes the position out, so that the others of its section or unit
    share its points (作废). Keys are in authored places, as in `ItemContent`. What counts is the `version` that
    a form asks, however the item was edited since; None is whichever.

    Source: R-54.
    """

    item_ref: str
    part: int | None = None
    answer_key: AnswerKey | None = None
    accept: tuple[AnswerKey, ...] = ()
    give_all: bool = False
    void: bool = False
    version: int | None = None


@dataclass(frozen=True, slots=True)
class KeyRevisions:
    """All corrections in force for a paper, one for each item or part."""

    by_part: dict[ItemPart, KeyRevision] = field(default_factory=dict)

    @classmethod
    def of(cls, revisions: Iterable[KeyRevision]) -> KeyRevisions:
        """Join corrections in the order they were made; later ones add to earlier ones of the same part."""
        joined: dict[ItemPart, KeyRevision] = {}
        for later in revisions:
            place = (later.item_ref, later.part, later.version)
            earlier = joined.get(place)
            joined[place] = later if earlier is None else _join(earlier, later)
        return cls(joined)

    def find(self, item_ref: str, part: int | None, version: int | None = None) -> KeyRevision | None:
        own = self.by_part.get((item_ref, part, version))
        return own if own is not None or version is None else self.by_part.get((item_ref, part, None))


NO_REVISIONS = KeyRevisions()


def keys_in_force(content: ItemContent, revision: KeyRevision | None) -> tuple[AnswerKey, ...]:
    """Return every answer that counts as right. Source: R-54."""
    own = content.answer_key
    if revision is None:
        return () if own is None else (own,)
    first = own if revision.answer_key is None else revision.answer_key
    return (*(() if first is None else (first,)), *revision.accept)


def _join(earlier: KeyRevision, later: KeyRevision) -> KeyRevision:
    return replace(
        earlier,
        answer_key=earlier.answer_key if later.answer_key is None else later.answer_key,
        accept=earlier.accept + later.accept,
        give_all=earlier.give_all or later.give_all,
        void=earlier.void or later.void,
    )


def share_of(
    position: Mapping[str, Any],
    content: ItemContent,
    canonical: str | None,
    *,
    revision: KeyRevision | None = None,
) -> Fraction | None:
    """Return the share of a position's points an answer earns, from 0 to 1, as an exact fraction.

    `content` is the item's, also for a part of a case. Where several answers count as right the best match
    decides. None is an answer that people mark (待阅); where nothing was answered there is nothing to mark.

    Source: R-50, R-51, R-52, R-54.
    """
    part = content.part(position["part"])
    if revision is not None and revision.give_all:
        return ALL
    if canonical is None:
        return NOTHING
    if part.by_people:
        return None
    keys = keys_in_force(part, revision)
    return part.share(position, canonical, keys, PartialCredit(position["credit"]))


@dataclass(frozen=True, slots=True)
class PeopleMark:
    """What people gave an answer: a share of its points from 0 to 1, and the refs of the marks that say so."""

    share: Fraction
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlaceToMark:
    """An answer that people have to mark: at which position of a form, and what is asked there."""

    position: int
    item_ref: str
    version: int
    part: int | None
    points: Decimal


NO_MARKS: Mapping[str, PeopleMark] = {}
KEPT_ANSWERS = 64
"""So many different answers of a place are kept with what they earn: what can be typed has no end."""
KEPT_LINES = 100_000
"""So many places of a kind are kept."""
KEPT_EARNED = 16_384
"""So many pieces of sheets are kept: in whatever order an item stands, it earns nothing or everything."""
Earned = tuple[bytes, int | Fraction | None]
"""A place's piece of the sheet up to its position, and the share of its points; None: it waits."""
ContentKey = tuple[str, int]


class NotMet(LookupError):
    """The content of an item has not been read yet."""


class PlaceMarks(dict[str | None, Earned]):
    """What is asked at a place, and what each answer to it earns; None and "" are no answer."""

    def __init__(self, kind: PlaceKind, line: str, marks: Marks) -> None:
        super().__init__()
        place = place_of(line)
        item, part = place["item"], place["part"]
        self._position = {**place, "type": kind.type, "credit": kind.credit, "points": kind.points}
        content = marks.contents.get((item, place["version"]))
        if content is None:
            raise NotMet(item)
        self._points, self._content = kind.points, content
        self._revision = marks.revisions.find(item, part, place["version"])
        self.void = self._revision is not None and self._revision.void
        self._of_item = f',"item":{canonical_json(item)}'
        self._of_part = f',"part":{"null" if part is None else part}'

    def __missing__(self, answer: str | None) -> Earned:
        """Work out what an answer earns, and keep it."""
        share: Fraction | None = NOTHING
        if not self.void:
            share = share_of(self._position, self._content, answer or None, revision=self._revision)
        parts = None if share is None else (share.numerator, share.denominator)
        earned = _earned(self._of_item + self._of_part, self._points, bool(answer), parts)
        if len(self) < KEPT_ANSWERS:
            self[answer] = earned
        return earned

    def marked(self, mark: PeopleMark) -> Earned:
        """Return what an answer earns by what people gave it; the piece of the sheet names their marks."""
        of_item = f'{self._of_item},"marks":{canonical_json(mark.refs)}{self._of_part}'
        # Refs are of this answer alone: kept, they would drive out pieces that come up again.
        return _earned.__wrapped__(
            of_item, self._points, True, (mark.share.numerator, mark.share.denominator)
        )

    def to_mark(self, position: str) -> PlaceToMark:
        """Return what of this place whoever marks has to know."""
        place = self._position
        return PlaceToMark(
            int(position), place["item"], place["version"], place["part"], Decimal(self._points)
        )


class KindMarks(dict[str, PlaceMarks]):
    """The places of one kind by their lines."""

    def __init__(self, kind: PlaceKind, marks: Marks) -> None:
        super().__init__()
        self._kind, self._marks = kind, marks

    def __missing__(self, line: str) -> PlaceMarks:
        if len(self) >= KEPT_LINES:
            self.clear()
        place = self[line] = PlaceMarks(self._kind, line, self._marks)
        return place


class Marks(dict[PlaceKind, KindMarks]):
    """The places of one bank's forms by their kinds.

    `contents` holds every item version of the forms by (ref, version); it may grow meanwhile.
    """

    def __init__(
        self, contents: dict[ContentKey, ItemContent], revisions: KeyRevisions = NO_REVISIONS
    ) -> None:
        super().__init__()
        self.contents, self.revisions = contents, revisions

    def __missing__(self, kind: PlaceKind) -> KindMarks:
        places = self[kind] = KindMarks(kind, self)
        return places


@lru_cache(maxsize=256)
def _plain(points: str) -> str:
    return f"{Decimal(points):f}"


@lru_cache(maxsize=KEPT_EARNED)
def _earned(kind: str, points: str, answered: bool, share: tuple[int, int] | None) -> Earned:
    """Return what a share of the points is at a place that asks this, the same object each time."""
    head = f'{{"answered":{"true" if answered else "false"},"earned":'
    worth = f',"points":"{_plain(points)}","position":'
    if share is None:
        return f'{head}null{kind},"pending":true{worth}'.encode(), None
    exact = Fraction(*share)
    rounded = decimal_of(exact * Fraction(points))
    return f'{head}"{rounded:f}"{kind}{worth}'.encode(), exact if share[1] > 1 else share[0]


HALF = Fraction(1, 2)
WAITING = None, None, None, b'],"raw":null,"score":null}'
_VERDICTS = {True: "true", False: "false", None: "null"}


@dataclass(frozen=True, slots=True)
class ScoreSheet:
    """The score of one attempt. `score` is `raw` rounded once; there is neither, and no verdict, while a
    position waits for people who mark it.

    `content` is the evidence in canonical JSON: what each position and each section or unit earned, and the
    verdict; null is what is not known yet, and a position that waits is `pending`. The same answers give the
    same bytes.

    Source: R-51, R-53, R-54.
    """

    raw: Decimal | None
    score: Decimal | None
    passed: bool | None
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


class FormScorer:
    """Scores attempts at one frozen form.

    `contents` holds every item version of the form by (ref, version). A score is summed in whole parts of a
    point, small enough for every section or unit, and in fractions of those where partial credit needs them;
    the only rounding is that of the whole paper. The sheets are joined from pieces of canonical JSON, worked
    out when an answer comes up for the first time.

    Source: R-50, R-53, R-54.
    """

    def __init__(
        self,
        form: Mapping[str, Any],
        contents: dict[ContentKey, ItemContent],
        *,
        paper: Paper,
        key_revision: KeyRevisions = NO_REVISIONS,
    ) -> None:
        self._arrange(arranged(form), Marks(contents, key_revision), paper)

    @classmethod
    def of(cls, arrangement: str, marks: Marks, *, paper: Paper) -> FormScorer:
        """Return the scorer of a form by its arrangement, with what other forms of its bank have shown already."""
        scorer = cls.__new__(cls)
        scorer._arrange(arrangement, marks, paper)
        return scorer

    def _arrange(self, arrangement: str, marks: Marks, paper: Paper) -> None:
        frame, *lines = arrangement.split("\n")
        runs = read_frame(frame)[1]
        if sum(run.length for run in runs) != len(lines):
            raise ValueError("an arrangement has as many lines as its frame says")
        self._places: list[PlaceMarks] = []
        for run in runs:
            begun = len(self._places)
            self._places += map(marks[run.kind].__getitem__, lines[begun : begun + run.length])
        voids = tuple([place.void for place in self._places]) if marks.revisions.by_part else ()
        self._frame = _frame_of(frame, voids, paper.void_points)
        self._pass_points, self._step = paper.pass_points, str(paper.score_step)
        self._head = f'],"paper":{_score_json(paper.code)},"pass_points":"{paper.pass_points:f}","passed":'

    def score(self, answers: Mapping[str, str], marks: Mapping[str, PeopleMark] = NO_MARKS) -> ScoreSheet:
        """Return the sheet of one attempt.

        `answers` holds the canonical answer of each position that has one, by the position as it is written;
        "" is an answer that was cleared.
        `marks` are those that people gave answers of theirs, by position; one counts only where people mark.
        """
        frame = self._frame
        earned = list(map(getitem, self._places, map(answers.get, frame.keys)))
        if marks:
            for place, key in enumerate(frame.keys):
                if key in marks and earned[place][1] is None:
                    earned[place] = self._places[place].marked(marks[key])
        shares = [share for _, share in earned]
        groups: list[str] = []
        total: int | Fraction = 0
        waits = False
        for gift, pick, worths, rest in frame.groups:
            own = pick(shares)
            if None in own:
                waits = True
                groups.append(f'{{"earned":null{rest}')
                continue
            points = gift + sum(map(mul, own, worths))
            groups.append(f'{{"earned":"{_shown(points.numerator, points.denominator * frame.parts)}"{rest}')
            total += points
        whole, mark = total.denominator * frame.parts, self._pass_points
        raw, score, passed, end = WAITING if waits else _verdict(total.numerator, whole, self._step, mark)
        head = f'{{"groups":[{",".join(groups)}{self._head}{_VERDICTS[passed]}'
        pieces = [b""] * (2 * len(earned))
        pieces[::2], pieces[1::2] = [piece for piece, _ in earned], frame.tails
        return ScoreSheet(raw, score, passed, b"".join((head.encode(), b',"positions":[', *pieces, end)))

    def to_mark(self, answers: Mapping[str, str]) -> list[PlaceToMark]:
        """Return what of these answers people have to mark, in the order of the form. Source: R-51."""
        keyed = zip(self._places, self._frame.keys, strict=True)
        return [place.to_mark(key) for place, key in keyed if place[answers.get(key)][1] is None]


@dataclass(frozen=True, slots=True)
class _Frame:
    """What forms have in common: how each position is written, and what its group makes of a share of its points.

    A tail is the end of a place's piece of the sheet, from its position on. A group is what it gives away, what
    picks its places, what a share of each adds in parts of a point, and the end of its piece of the sheet.
    """

    keys: Sequence[str]
    tails: Sequence[bytes]
    parts: int
    groups: Sequence[tuple[int, Callable[[Sequence[Any]], Sequence[Any]], Sequence[int], str]]


@lru_cache(maxsize=1024)
def _frame_of(text: str, voids: tuple[bool, ...], void_points: str) -> _Frame:
    """Read a frame; `voids` says which places are void, () where none is, `void_points` who gets their points."""
    listed, runs = read_frame(text)
    keys = [str(run.first + nth) for run in runs for nth in range(run.length)]
    points = [run.kind.points for run in runs for _ in range(run.length)]
    places: dict[int, list[int]] = {group.number: [] for group in listed}
    numbers = [run.group for run in runs for _ in range(run.length)]
    for place, number in enumerate(numbers):
        places[number].append(place)
    void = voids or (False,) * len(keys)
    groups = [_group(group, places[group.number], points, void) for group in listed]
    if any(void) and void_points != "group":
        groups = _over_the_paper(groups, is_shared=void_points == "paper")
    parts = lcm(*(one.denominator for group in groups for one in (group.gift, *group.worths.values())))
    return _Frame(
        keys,
        _tails(keys, void),
        parts,
        [
            (
                int(group.gift * parts),
                _picking(group.places),
                [int(group.worths.get(points[place], NOTHING) * parts) for place in group.places],
                group.rest,
            )
            for group in groups
        ],
    )


def _tails(keys: Sequence[str], voids: Sequence[bool]) -> Sequence[bytes]:
    tails = [f'{key},"void":{"true" if void else "false"}}}' for key, void in zip(keys, voids, strict=True)]
    return [*(f"{one},".encode() for one in tails[:-1]), tails[-1].encode()]


def _picking(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return what picks these places, which mostly stand side by side."""
    first, count = (places[0], len(places)) if places else (0, 0)
    if list(places) == list(range(first, first + count)):
        return itemgetter(slice(first, first + count))
    return itemgetter(*places)


@dataclass(frozen=True, slots=True)
class _Group:
    """One section or unit; its raw share × its points is what it earns. Source: R-53."""

    places: Sequence[int]
    points: Fraction
    counted: Fraction
    """Which part of its points is left to be earned where some of its places are void."""
    worths: Mapping[str, Fraction]
    """What a position of so many points adds to the raw score at most."""
    gift: Fraction
    """Nothing is left to score in a group that is void as a whole: it costs nobody anything."""
    rest: str


def _group(
    group: ArrangedGroup, places: Sequence[int], points: Sequence[str], voids: Sequence[bool]
) -> _Group:
    counted = Counter(points[place] for place in places if not voids[place])
    possible = sum((count * Fraction(each) for each, count in counted.items()), NOTHING)
    listed = sum((Fraction(points[place]) for place in places), NOTHING)
    whole = Fraction(group.points)
    worths = {each: Fraction(each) * whole / possible for each in counted} if possible else {}
    rest = f',"name":{_score_json(group.name)},"number":{group.number},"points":"{group.points:f}"}}'
    left = possible / listed if listed else ALL
    return _Group(places, whole, left, worths, NOTHING if worths else whole, rest)


def _over_the_paper(groups: Sequence[_Group], *, is_shared: bool) -> list[_Group]:
    """Return groups whose void points all positions of the paper share, or, not `is_shared`, nobody gets.

    Where the whole paper is void, its points cost nobody anything.

    Source: R-54.
    """
    left = sum((group.points * group.counted for group in groups), NOTHING)
    if not left:
        return list(groups)
    more = sum((group.points for group in groups), NOTHING) / left if is_shared else ALL
    return [
        replace(
            group,
            worths={each: worth * group.counted * more for each, worth in group.worths.items()},
            gift=group.gift * more if group.counted == ALL else NOTHING,
        )
        for group in groups
    ]


@lru_cache(maxsize=4096)
def _score_json(text: str) -> str:
    return canonical_json(text)


@lru_cache(maxsize=4096)
def _shown(numerator: int, denominator: int) -> str:
    return f"{decimal_of(Fraction(numerator, denominator)):f}"


@lru_cache(maxsize=4096)
def _verdict(
    numerator: int, denominator: int, step: str, pass_points: Decimal
) -> tuple[Decimal, Decimal, bool, bytes]:
    """Return the raw score, the rounded one, whether it passes, and the end of the sheet that says them."""
    exact = Fraction(numerator, denominator)
    raw, score = decimal_of(exact), round_score(exact, Decimal(step))
    return raw, score, passes(score, pass_points), f'],"raw":"{raw:f}","score":"{score:f}"}}'.encode()


def round_score(raw: Decimal | Fraction, step: Decimal) -> Decimal:
    """Return a paper's points rounded half up to a multiple of `step`, with as many places as the step.

    Source: R-53.
    """
    steps = (Fraction(raw) / Fraction(step) + HALF).__floor__()
    return (steps * step).quantize(step, rounding=ROUND_FLOOR)


def passes(score: Decimal, pass_points: Decimal) -> bool:
    """Return whether a rounded score passes: 60 及以上, so the mark itself does.

    Source: R-3, R-53.
    """
    return score >= pass_points
