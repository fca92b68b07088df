"""What goes to the child that computes, and the figures that come back: plain values, kept as JSON.

Nothing here needs numpy: pages and documents read the figures in processes that never load it.

Source: R-96, R-97.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FEW = 10
"""For fewer people than that no figure stands without 样本过少. Source: R-96."""
SURE, WORTH_A_LOOK = 0.05, 0.2
"""A place stands out below this chance, and from so many standard deviations on."""
EXCELLENT = 0.9
"""From this part of the full marks on a score counts as 优秀."""
GRADES = ((0.40, "good"), (0.30, "fair"), (0.20, "weak"))
"""From which D on a discrimination has which name; below the last it is to be mended. Source: R-97."""
MEND = "mend"

FEWEST_TAKERS = 30
"""A form is equated with another where so many people had each."""
MOST_FORMS = 6
"""So many forms are equated with each other: those that most people had."""
COMMON_ITEMS, COMMON_SHARE = 5, 0.2
"""So many items, and this part of either form's points, two forms have in common, or they are not equated."""
EquatingMethod = Literal["mean", "linear", "tucker", "levine", "circle_arc"]
METHODS: tuple[EquatingMethod, ...] = ("mean", "linear", "tucker", "levine", "circle_arc")

FLAGS = ("negative", "distractor_over_key", "key_missed", "too_hard", "too_easy", "unused")
"""What is to be looked at, the gravest first: the better do worse; the best prefer a distractor; most of the best
miss the key; nearly nobody, nearly everybody is right; a distractor that nobody takes."""


class ItemColumn(msgspec.Struct, frozen=True):
    """An item as it was asked, or a part of a case (0-based): where it belongs, and what its choices are."""

    ref: str
    version: int
    part: int | None
    type: str
    group: str
    """The section or unit."""
    point: str
    """The code of its 鉴定点."""
    range: str
    importance: str
    expert: int
    """The difficulty its author gave it, 1 to 5."""
    choices: int
    """How many there are to be taken; 0 where none is."""
    key: int
    """A bit for each choice of the key, in authored order."""
    bank: int = 0
    """The database's key of its bank; 0 where figures were kept without."""


class PaperAnswers(msgspec.Struct, frozen=True):
    """Everybody's answers to a paper: arrays are bytes, a number in the machine's own order for each cell."""

    title: str
    points: float
    pass_points: float
    scores: list[float]
    """Of each person; those that were rounded and shown."""
    items: list[ItemColumn]
    person: bytes
    """Places in `scores`, int32."""
    item: bytes
    """Places in `items`, int32."""
    stratum: bytes
    """Which section or unit a cell belongs to, int32."""
    earned: bytes
    """Points of the paper, float64."""
    worth: bytes
    chosen: bytes
    """A bit for each choice taken, int32; -1 where there is none to be taken."""
    answered: bytes
    """Whether something was answered, int8."""
    forms: list[int]
    """Which form each person had: places in the order they came up."""
    places: list[int]
    """Which place of `place_names` each person sat at."""
    place_names: list[str]
    genders: list[str]
    names: dict[str, str]
    """What ranges and points are called, by their codes."""
    weights: dict[str, int]
    """The 鉴定比重 of each lowest range, in per cent."""
    attempts: list[int] = []
    """The database's key of each person's attempt."""
    form_names: dict[int, str] = {}
    """In which sittings the forms that most people had were taken, by places in the order they came up."""
    seconds: bytes = b""
    """How long each cell's answer took, float32, NaN where nobody knows; none where nobody asked for it."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure between two bounds that hold it with 95 %; None is what cannot be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


class GroupFigures(msgspec.Struct, frozen=True):
    """People or items that belong together: how many, and their figures."""

    name: str
    n: int
    """Items, or people."""
    difficulty: float | None = None
    """The part of the points that was earned."""
    discrimination: float | None = None
    """The mean D of the items."""
    mean: float | None = None
    sd: float | None = None
    pass_rate: Estimate | None = None
    reliability: float | None = None
    interval: Estimate | None = None
    """The mean with its bounds."""
    apart: PlaceDifference | None = None
    """How far its people are from all others; None where either are too few."""


class PlaceDifference(msgspec.Struct, frozen=True):
    """How many points the people of a place have more than all others, and how likely that is by chance.

    `p` is corrected for how many places were looked at, `effect` is in standard deviations of a person (Hedges' g).
    """

    points: Estimate
    effect: float
    p: float

    @property
    def stands_out(self) -> bool:
        """Whether somebody should look at the place: more than chance, and enough to matter."""
        return self.p < SURE and abs(self.effect) >= WORTH_A_LOOK


class ChoiceFigures(msgspec.Struct, frozen=True):
    """Which part of the best, the middle and the weakest took a choice, and of all."""

    key: bool
    top: float | None
    middle: float | None
    bottom: float | None
    all: float


class ItemReport(msgspec.Struct, frozen=True):
    """One item: its column, among how many, its figures and what is to be looked at."""

    column: ItemColumn
    n: int
    difficulty: Estimate
    discrimination: Estimate
    correlation: Estimate
    omitted: float
    choices: list[ChoiceFigures]
    flags: list[str]
    """Codes of FLAGS; the gravest first."""

    @property
    def grade(self) -> str:
        """How its D is named; "" where there is none. Source: R-97."""
        d = self.discrimination.value
        if d is None:
            return ""
        return next((name for least, name in GRADES if d >= least), MEND)


class ReliabilityFigures(msgspec.Struct, frozen=True):
    """The reliability by its method, the standard error in points, and how sure the verdict is."""

    method: str
    value: Estimate
    error: float
    consistency: float | None
    kappa: float | None
    accuracy: float | None


class DifFigures(msgspec.Struct, frozen=True):
    """An item that two groups of the same points find unlike hard: ETS's class is B or C, or a test says so."""

    item: int
    """Its place among the items."""
    focal: str
    reference: str
    n: int
    """People of the focal group."""
    delta: float
    error: float
    size: str
    p: float
    crossing_p: float | None
    gain: float | None


class DifGroup(msgspec.Struct, frozen=True):
    """A comparison that was made: between whom, of how many items."""

    kind: str
    """`gender` or `place`."""
    focal: str
    reference: str
    n: int
    others: int
    items: int


class TableCell(msgspec.Struct, frozen=True):
    """One line of the 双向细目表: a range, a level of demand and a type; how many items and points a paper had."""

    range: str
    importance: str
    type: str
    items: float
    points: float
    expert: float
    difficulty: float | None


class EquatedForm(msgspec.Struct, frozen=True):
    """A form that enough people had to be equated: its place in the order they came up, and its people's points."""

    number: int
    name: str
    """In which sittings it was taken."""
    n: int
    mean: float
    sd: float


class CommonGroup(msgspec.Struct, frozen=True):
    """What the people of one form of two have on the items in common, and which part of the form these are."""

    mean: float
    sd: float
    share: float


class Equivalent(msgspec.Struct, frozen=True):
    """Points of the reference form, with their standard error."""

    points: float
    error: float


class EquivalentRow(msgspec.Struct, frozen=True):
    """Points of the new form, and what they are worth by each of METHODS."""

    at: float
    by_method: list[Equivalent]


class FormPair(msgspec.Struct, frozen=True):
    """A new form and the one it is held against (numbers of forms), by the items in common.

    The points of the items in common are those that they have in the reference form. `why_not` is "items", "share"
    or "flat" where nothing is equated: too few items, too small a part of the points, or points that go with
    nothing.
    """

    new: int
    old: int
    items: list[int]
    """Places among the paper's items."""
    points: float
    new_group: CommonGroup | None = None
    old_group: CommonGroup | None = None
    why_not: str = ""
    rows: list[EquivalentRow] = []


class FormChoice(msgspec.Struct, frozen=True):
    """Which two forms of which paper are to be held against each other: numbers from 1 on, 0 for nothing said."""

    paper: int = 0
    new: int = 0
    old: int = 0


class Equating(msgspec.Struct, frozen=True):
    """What forms of a paper are worth in each other's points, for information; `forms` with most people first.

    Source: R-100.
    """

    forms: list[EquatedForm]
    pairs: list[FormPair]
    """Each two of the forms, in both directions."""

    def pair(self, choice: FormChoice) -> FormPair | None:
        """Return two forms as somebody chose; what is not there is the form that most, or next most, people had."""
        numbers = [form.number for form in self.forms]
        if len(numbers) < 2:
            return None
        new, old = choice.new - 1, choice.old - 1
        reference = old if old in numbers else next(number for number in numbers if number != new)
        others = [number for number in numbers if number != reference]
        other = new if new in others else others[0]
        return next(pair for pair in self.pairs if (pair.new, pair.old) == (other, reference))

    def form(self, number: int) -> EquatedForm:
        return next(form for form in self.forms if form.number == number)


class PaperReport(msgspec.Struct, frozen=True):
    """All figures of one paper."""

    title: str
    points: float
    pass_points: float
    n: int
    mean: Estimate
    sd: float | None
    best: float
    worst: float
    median: float
    passed: Estimate
    excellent: Estimate
    bands: list[int]
    """How many scores lie in each tenth of the full marks, from below; the last holds the full marks."""
    difficulty: Estimate
    discrimination: float | None
    """The mean D of the items."""
    forms: int
    reliability: ReliabilityFigures | None
    items: list[ItemReport]
    by_type: list[GroupFigures]
    by_group: list[GroupFigures]
    by_range: list[GroupFigures]
    by_point: list[GroupFigures]
    by_form: list[GroupFigures]
    by_place: list[GroupFigures]
    table: list[TableCell]
    compared: list[DifGroup]
    dif: list[DifFigures]
    names: dict[str, str]
    weights: dict[str, int]
    equating: Equating | None = None
    """None of a paper that everybody had in one form."""

    @property
    def few(self) -> bool:
        """Whether its figures are of too few people to stand by themselves. Source: R-96."""
        return self.n < FEW

    @property
    def flagged(self) -> list[ItemReport]:
        """The items to be looked at, those with the gravest flags first."""
        looked_at = [item for item in self.items if item.flags]
        return sorted(looked_at, key=lambda item: [FLAGS.index(flag) for flag in item.flags])


class AnalysisReport(msgspec.Struct, frozen=True):
    """The figures of all papers of a scope, and of what they are."""

    subject: str
    name: str
    place_kind: str
    """What people are told apart by: `room` or `centre`."""
    papers: list[PaperReport]
    kind: str = "sitting"
    """What kind of scope it is."""
    sittings: int = 1


class ItemCurve(msgspec.Struct, frozen=True):
    """An item by both models of its answers, on the logit scale, each figure with its standard error."""

    ref: str
    part: int | None
    n: int
    share: float
    """Of those who were asked, how many were right."""
    difficulty: float
    """Rasch's."""
    difficulty_error: float
    slope: float
    slope_error: float
    location: float
    location_error: float


class CurveReport(msgspec.Struct, frozen=True):
    """Rasch's and the two-parameter model of a paper; no items where fewer than `least` people were asked any."""

    title: str
    n: int
    least: int
    people: int
    """Who was asked any of them."""
    items: list[ItemCurve]
    spread: float = 0.0
    """The standard deviation of abilities by Rasch's model, and its error."""
    spread_error: float = 0.0
    simple_likelihood: float = 0.0
    """The logarithms of the likelihoods: of Rasch's model, of the two-parameter one."""
    double_likelihood: float = 0.0
