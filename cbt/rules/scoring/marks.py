"""What answers earn at the places of forms, worked out when one comes up for the first time.

Forms of one's own differ in what they ask, where and in which order; an item in one order of its choices comes up
in many of them. So it is kept by the line of an arrangement that says it, not by form.

Source: R-50, R-51, R-52, R-54.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.items.basis.content import NOTHING, ItemContent
from cbt.rules.scoring.arrangement import PlaceKind, place_of
from cbt.rules.scoring.credit import share_of
from cbt.rules.scoring.key_revision import NO_REVISIONS, KeyRevisions

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
        self._revision = marks.revisions.find(item, part)
        self.void = self._revision is not None and self._revision.void
        self._asked = f',"item":{canonical_json(item)},"part":{"null" if part is None else part}'

    def __missing__(self, answer: str | None) -> Earned:
        """Work out what an answer earns, and keep it."""
        share: Fraction | None = NOTHING
        if not self.void:
            share = share_of(self._position, self._content, answer or None, revision=self._revision)
        parts = None if share is None else (share.numerator, share.denominator)
        earned = _earned(self._asked, self._points, bool(answer), parts)
        if len(self) < KEPT_ANSWERS:
            self[answer] = earned
        return earned


class KindMarks(dict[str, PlaceMarks]):
    """The places of one kind by their lines."""

    def __init__(self, kind: PlaceKind, marks: Marks) -> None:
        super().__init__()
        self._kind, self._marks = kind, marks

    def __missing__(self, line: str) -> PlaceMarks:
        """Read a line that was not met before."""
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
        """Begin with a kind that was not met before."""
        places = self[kind] = KindMarks(kind, self)
        return places


@lru_cache(maxsize=256)
def _plain(points: str) -> str:
    return f"{Decimal(points):f}"


@lru_cache(maxsize=KEPT_EARNED)
def _earned(asked: str, points: str, answered: bool, share: tuple[int, int] | None) -> Earned:
    """Return what a share of the points is at a place that asks this, the same object each time."""
    head = f'{{"answered":{"true" if answered else "false"},"earned":'
    worth = f',"points":"{_plain(points)}","position":'
    if share is None:
        return f'{head}null{asked},"pending":true{worth}'.encode(), None
    exact = Fraction(*share)
    said = decimal_of(exact * Fraction(points))
    return f'{head}"{said:f}"{asked}{worth}'.encode(), exact if share[1] > 1 else share[0]
