"""Whether a paper can be drawn: the answer beside every way to choose, and never one of chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cbt.errors import Conflict
from cbt.rules.assembly import selection
from cbt.rules.assembly.coverage import Stock, cover
from cbt.rules.assembly.exact import DrawGroup, PaperBounds, Refused, Undecided, exact_selection
from cbt.rules.assembly.form import PaperSource, comparable, draw_form
from cbt.rules.assembly.pools import Drawable, apportion
from cbt.rules.assembly.selection import Tally, mutual_enemies
from cbt.rules.exam import Paper, Section
from cbt.rules.items.content import ItemType

from .builders import case_bank, drawable, skills, theory
from .draws import BANK, IMPORTANCES, WEIGHTS, draw, draw_cases, judgement, refused

TRUTH, CHOICE = ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE
KINDS = (TRUTH, CHOICE)


def paper(truths: int, choices: int, *, one_per_point: bool = True) -> Paper:
    """A paper of one range."""
    sections = [
        Section(kind.value, kind, count, Decimal(1))
        for kind, count in zip(KINDS, (truths, choices), strict=True)
        if count
    ]
    return theory(sections=tuple(sections), one_per_point=one_per_point)


@st.composite
def small_banks(draw: st.DrawFn) -> tuple[Paper, list[Drawable]]:
    """At most nine items of four points, some excluding others, and a paper of at most four of them."""
    items = [
        drawable(
            f"I{number}",
            type=kind,
            point=f"R-A-{draw(st.integers(1, 4)):03}",
            difficulty=draw(st.sampled_from((2, 3, 3, 4))),
            truth=draw(st.booleans()) if kind is TRUTH else None,
            enemies=frozenset(draw(st.lists(st.sampled_from(("I1", "I2", "I3")), max_size=1))),
        )
        for number, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=9)), 1)
    ]
    items = [replace(item, importance="XXYZ"[int(item.point[-1]) - 1]) for item in items]
    truths = draw(st.integers(0, 2))
    sections = paper(truths, draw(st.integers(0 if truths else 1, 2)), one_per_point=draw(st.booleans()))
    return sections, items


def is_form(form: Paper, bank: Sequence[Drawable], some: Sequence[Drawable]) -> bool:
    """Say whether these items are all that a form of one range must be."""
    need = {section.type: section.count for section in form.sections}
    shares = Counter({item.point: item.importance for item in bank if item.type in need}.values())
    quotas = {name: count for name, count in apportion(sum(need.values()), shares).items() if count}
    tally = Tally(sum(need.values()), need.get(TRUTH, 0), form.difficulty, mutual_enemies(bank))
    for item in some:
        tally.add(item)
    return (
        Counter(item.type for item in some) == need
        and Counter(item.importance for item in some) == quotas
        and (not form.one_per_point or len({item.point for item in some}) == len(some))
        and tally.holds
    )


def can_be_drawn(form: Paper, bank: Sequence[Drawable]) -> bool:
    total = sum(section.count for section in form.sections)
    return any(is_form(form, bank, some) for some in combinations(bank, total))


@settings(max_examples=300, deadline=None)
@given(small_banks(), st.integers(0, 2**20))
def test_a_draw_is_refused_exactly_where_no_choice_of_items_is_a_form(
    world: tuple[Paper, list[Drawable]], seed: int
) -> None:
    form, bank = world
    by_ref = {item.ref: item for item in bank}
    told = PaperSource(form, bank, {"R-A": 100}, {}).refusal()
    assert (told is None) == can_be_drawn(form, bank)
    if told is None:
        drawn = draw_form(form, bank, {"R-A": 100}, {}, rng=random.Random(seed))
        assert is_form(form, bank, [by_ref[place["item"]] for place in drawn["positions"]])
    else:
        with pytest.raises(Conflict) as caught:
            draw_form(form, bank, {"R-A": 100}, {}, rng=random.Random(seed))
        assert (caught.value.code, caught.value.params) == (told.code, told.params)


FEW_OF_A_CLASS = (
    paper(2, 1, one_per_point=False),
    [
        drawable("I1", type=TRUTH, point="R-A-001", importance="X", truth=False),
        drawable("I2", type=CHOICE, point="R-A-003", importance="Y"),
        drawable("I3", type=TRUTH, point="R-A-003", importance="Y", truth=True),
    ],
)
"""Two of X are due and there is one: what Y has too many of does not stand for it."""


@settings(max_examples=300, deadline=None)
@given(small_banks())
@example(FEW_OF_A_CLASS)
def test_what_swaps_of_chance_do_not_find_is_found(world: tuple[Paper, list[Drawable]]) -> None:
    form, bank = world
    with pytest.MonkeyPatch.context() as now:
        now.setattr(selection, "STARTS", 0)
        told = PaperSource(form, bank, {"R-A": 100}, {}).refusal()
    assert (told is None) == can_be_drawn(form, bank)


@settings(max_examples=200, deadline=None)
@given(small_banks())
def test_the_coverage_lacks_nothing_wherever_a_form_can_be_drawn(
    world: tuple[Paper, list[Drawable]],
) -> None:
    form, bank = world
    stock = [Stock(item.point, "R-A", item.type, item.difficulty, 1) for item in bank]
    counted = [entry for entry in stock if entry.type in {section.type for section in form.sections}]
    importances = {item.point: item.importance for item in bank if item.type in {one.type for one in counted}}
    (ranged,) = cover(form, counted, {"R-A": 100}, importances)
    told = PaperSource(form, bank, {"R-A": 100}, importances).refusal()
    by_counts = {
        "assembly.shortfall",
        "assembly.shortfall_items",
        "assembly.importance",
        "assembly.importance_mix",
    }
    assert bool(ranged.lacks) == (told is not None and told.code in by_counts)


def test_a_bank_as_shipped_is_drawn_from_without_any_chance_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert PaperSource(theory(), BANK, WEIGHTS, IMPORTANCES).refusal() is None
    monkeypatch.setattr(selection, "STARTS", 0)
    forms = [draw(seed) for seed in range(3)]
    assert comparable(forms, BANK) == []
    drawn = [{place["item"] for place in form["positions"]} for form in forms]
    assert max(len(one & other) for one, other in combinations(drawn, 2)) < 80, "not the same for everybody"


SCARCE = [
    *(judgement(number, point=f"R-A-{number:03}") for number in (1, 2)),
    *(drawable(f"S{number}", point=f"R-A-{number % 4:03}") for number in range(40)),
]
"""Two judgements among forty choices: of items taken by chance hardly ever both are among them."""


def test_two_types_of_which_one_is_scarce_are_drawn_with_every_seed() -> None:
    free = paper(2, 3, one_per_point=False)
    for seed in range(60):
        form = draw_form(free, SCARCE, {"R-A": 100}, {}, rng=random.Random(seed))
        assert {place["item"] for place in form["positions"][:2]} == {"T1", "T2"}


def test_a_place_of_an_importance_is_given_up_where_another_type_needs_it() -> None:
    bank = [
        judgement(1, importance="X"),
        drawable("S2", point="R-A-002", importance="X"),
        drawable("S3", point="R-A-003", importance="Y"),
    ]
    form = paper(1, 1)
    importances = {"R-A-001": "X", "R-A-002": "X", "R-A-003": "Y", "R-A-005": "Y"}
    with pytest.MonkeyPatch.context() as now:
        now.setattr("cbt.rules.assembly.pools.TRIES", 1)
        for seed in range(30):
            drawn = draw_form(form, bank, {"R-A": 100}, importances, rng=random.Random(seed))
            assert [place["item"] for place in drawn["positions"]] == ["T1", "S3"]


@pytest.mark.parametrize(
    ("bank", "code", "params"),
    [
        pytest.param(
            [judgement(1, truth=True), judgement(2, truth=True)],
            "assembly.true_share",
            {"low": 1, "high": 1, "near": 2},
            id="all true",
        ),
        pytest.param(
            [judgement(1, difficulty=5), judgement(2, difficulty=4)],
            "assembly.difficulty",
            {"low": "3.00", "high": "3.00", "near": "4.50"},
            id="too difficult",
        ),
        pytest.param(
            [
                judgement(1, truth=True, difficulty=3),
                judgement(2, truth=True, difficulty=3),
                judgement(3, truth=False, difficulty=4),
            ],
            "assembly.true_difficulty",
            {"low": "3.00", "high": "3.00", "near": "3.50"},
            id="one or the other",
        ),
        pytest.param(
            [judgement(1, enemies=frozenset({"T2"})), judgement(2)], "assembly.enemies", {}, id="enemies"
        ),
    ],
)
def test_a_refusal_says_which_constraint_and_how_near_the_bank_comes(
    bank: list[Drawable], code: str, params: dict[str, object]
) -> None:
    told = PaperSource(paper(2, 0), bank, {"R-A": 100}, {}).refusal()
    assert told is not None
    assert (told.code, told.params) == (code, {"paper": "理论知识", **params})


def test_what_takes_too_long_to_say_is_left_undecided() -> None:
    places = [{TRUTH: [judgement(number)]} for number in range(6)]
    group = DrawGroup(2, places, {TRUTH: 2}, ends=True)
    bounds = PaperBounds((1, 1), (6, 6))
    with pytest.raises(Undecided):
        exact_selection([group], bounds, {}, rng=random.Random(1), steps=5)
    enough = exact_selection([group], bounds, {}, rng=random.Random(1), steps=500)
    assert not isinstance(enough, Refused)
    assert len(enough) == 2


def test_a_draw_that_is_undecided_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "exact_selection", undecided)
    hard = [judgement(1, difficulty=5), judgement(2, difficulty=4)]
    told = PaperSource(paper(2, 0), hard, {"R-A": 100}, {}).refusal()
    assert told is not None
    assert (told.code, told.params) == ("assembly.undecided", {"paper": "理论知识"})


def undecided(*_given: object, **_named: object) -> list[Drawable]:
    raise Undecided


def test_cases_that_chance_does_not_find_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each unit but one all cases exclude those of the others, but for one of them."""
    monkeypatch.setattr(selection, "CASE_TRIES", 0)
    foes = frozenset(f"U{unit}-C{number}" for unit in (2, 3, 4) for number in (1, 2))
    bank = [replace(case, enemies=foes) if case.unit == 1 else case for case in case_bank(skills(), each=3)]
    for seed in range(5):
        cases = [unit["item"] for unit in draw_cases(seed, bank=bank)["units"]]
        assert cases[1:] == ["U2-C3", "U3-C3", "U4-C3"]


def test_a_case_of_a_neighbour_is_taken_where_all_others_exclude_each_other() -> None:
    bank = [
        replace(case, enemies=frozenset({"U2-C1", "U2-C2"})) if case.ref == "U1-C2" else case
        for case in case_bank(skills(), each=2)
    ]
    form = draw_cases(bank=bank, avoid_cases={1: frozenset({"U1-C1"})})
    assert form["units"][0]["item"] == "U1-C1"
    single = [case for case in bank if case.ref.endswith("2")]
    assert refused(lambda: draw_cases(bank=single))[0] == "assembly.enemies"
