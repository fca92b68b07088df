"""What a draw keeps to, and how it says that it cannot."""

import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from cbt.rules.assembly.form import Shortfall, comparable, draw_form, shortfalls
from cbt.rules.assembly.pools import Drawable
from cbt.rules.exam import DifficultyMix, Section
from cbt.rules.items.content import ItemType

from .builders import case_bank, drawable, minutes, skills, theory
from .draws import BANK, CASES, IMPORTANCES, ONE_SECTION, WEIGHTS, draw, draw_cases, judgement, refused, small


def test_a_range_with_too_few_points_is_named() -> None:
    thin = [item for item in BANK if not (item.range == "R-C" and item.type == "single_choice")]
    shortfall = {
        "paper": theory().name,
        "section": "单选题",
        "range": "R-C",
        "need": 3,
        "have": 0,
        "short": 3,
    }
    assert refused(lambda: draw(bank=thin)) == ("assembly.shortfall", shortfall)
    assert shortfalls(theory(), thin, WEIGHTS) == [Shortfall("单选题", "R-C", 3, 0)]


def test_one_point_cannot_serve_two_sections() -> None:
    four_points = [item for item in BANK if item.point != "R-C-005"]
    (short,) = shortfalls(theory(), four_points, WEIGHTS)
    assert (short.range, short.need - short.have) == ("R-C", 1)


def test_a_bank_that_is_large_enough_is_short_of_nothing() -> None:
    assert shortfalls(theory(), BANK, WEIGHTS) == []
    assert shortfalls(skills(), CASES, {}) == []


def test_a_unit_without_a_fitting_case_is_named() -> None:
    worth_less = [replace(case, parts=case.parts[1:]) if case.unit == 3 else case for case in CASES]
    expected = {"paper": skills().name, "units": ["服务质量及过程控制"]}
    assert refused(lambda: draw_cases(bank=worth_less)) == ("assembly.no_case", expected)
    assert shortfalls(skills(), worth_less, {}) == [Shortfall("服务质量及过程控制", "", 1, 0)]


def test_a_paper_may_ask_a_point_more_than_once_where_its_blueprint_says_so() -> None:
    one_each = {(item.range, IMPORTANCES[item.point]): item.point for item in BANK}
    few = [item for item in BANK if item.point in one_each.values()]
    free = replace(theory(), one_per_point=False)
    more = [replace(item, ref=f"{item.ref}-{copy}") for item in few for copy in range(6)]
    assert refused(lambda: draw(bank=more))[0] == "assembly.shortfall"
    assert shortfalls(free, more, WEIGHTS) == []
    form = draw(bank=more, paper=free)
    points = {item.ref: item.point for item in more}
    drawn = [one["item"] for one in form["positions"]]
    assert len(set(drawn)) == len(drawn) == sum(section.count for section in free.sections)
    assert {points[ref] for ref in drawn} == {item.point for item in few}
    assert draw(bank=list(reversed(more)), paper=free) == form
    lacking = refused(lambda: draw(bank=few[:1], paper=free))
    assert lacking[0] == "assembly.shortfall_items"


def test_declared_enemies_never_stand_in_one_form() -> None:
    three = [judgement(1, enemies=frozenset({"T2"})), judgement(2), judgement(3), judgement(4)]
    for seed in range(20):
        paper = theory(sections=ONE_SECTION)
        form = draw_form(paper, three, {"R-A": 100}, {}, rng=random.Random(seed))
        assert {one["item"] for one in form["positions"]} != {"T1", "T2"}


@pytest.mark.parametrize(
    ("items", "code", "told"),
    [
        pytest.param(
            [judgement(1, enemies=frozenset({"T2"})), judgement(2)], "assembly.enemies", {}, id="enemies"
        ),
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
            id="all difficult",
        ),
    ],
)
def test_a_constraint_that_cannot_be_kept_is_named(
    items: list[Drawable], code: str, told: dict[str, object]
) -> None:
    assert refused(lambda: small(items)) == (code, {"paper": "理论知识", **told})


def test_a_difficult_paper_can_be_asked_for() -> None:
    hard = [judgement(1, difficulty=5), judgement(2, difficulty=4)]
    form = small(hard, difficulty=DifficultyMix((0, 0, 0, 1, 1)))
    assert {one["item"] for one in form["positions"]} == {"T1", "T2"}


def test_a_range_with_spare_points_keeps_its_share_of_importance() -> None:
    spare = [
        judgement(number, importance="XXXYZ"[number % 5], point=f"R-A-{number:03}") for number in range(1, 21)
    ]
    classes = {item.ref: item.importance for item in spare}
    for seed in range(10):
        section = replace(ONE_SECTION[0], count=10)
        paper = theory(sections=(section,))
        form = draw_form(paper, spare, {"R-A": 100}, {}, rng=random.Random(seed))
        drawn = Counter(classes[one["item"]] for one in form["positions"])
        assert drawn == {"X": 6, "Y": 2, "Z": 2}


def test_importance_that_the_items_cannot_have_is_named() -> None:
    core_only = [judgement(number, point=f"R-A-{number:03}") for number in range(1, 6)]
    importances = {f"R-A-{number:03}": "X" if number <= 5 else "Y" for number in range(1, 11)}
    paper = theory(sections=(replace(ONE_SECTION[0], count=4),))

    def draws() -> None:
        draw_form(paper, core_only, {"R-A": 100}, importances, rng=random.Random(1))

    expected = {"range": "R-A", "importance": "Y", "need": 2, "have": 0}
    assert refused(draws) == ("assembly.importance", expected)


def test_types_that_cannot_be_had_with_the_importances_are_refused() -> None:
    """X has only choices and Y only judgements; two of each class would make two judgements, not three."""
    sections = (replace(ONE_SECTION[0], count=3), Section("单选题", ItemType.SINGLE_CHOICE, 1, Decimal(1)))
    points = [drawable(f"S{number}", point=f"R-A-{number:03}", importance="X") for number in (1, 2, 3)]
    points += [judgement(number, importance="Y") for number in (4, 5, 6)]

    def draws() -> None:
        draw_form(theory(sections=sections), points, {"R-A": 100}, {}, rng=random.Random(1))

    assert refused(draws) == ("assembly.importance_mix", {"range": "R-A"})


def test_a_swap_that_no_other_point_can_make_up_for_is_left() -> None:
    sections = (replace(ONE_SECTION[0], count=1), Section("单选题", ItemType.SINGLE_CHOICE, 1, Decimal(1)))
    points = [
        judgement(1, difficulty=5),
        drawable("S1", point="R-A-001", difficulty=1),
        drawable("S2", point="R-A-002", difficulty=5),
    ]

    def draws() -> None:
        draw_form(theory(sections=sections), points, {"R-A": 100}, {}, rng=random.Random(1))

    told = {"low": "3.00", "high": "3.00", "near": "5.00"}
    assert refused(draws) == ("assembly.difficulty", {"paper": "理论知识", **told})


def test_items_of_other_ranges_and_types_are_left_aside() -> None:
    strangers = [*CASES, drawable("S-other", point="R-Z-001", range="R-Z")]
    assert draw(bank=BANK + strangers) == draw()


def test_points_without_items_count_towards_the_importance_of_their_range() -> None:
    importances = {"R-A-001": "X", "R-A-002": "X", "R-A-003": "Y", "R-A-004": "Y"}

    def draws() -> None:
        draw_form(
            theory(sections=ONE_SECTION),
            [judgement(1), judgement(2)],
            {"R-A": 100},
            importances,
            rng=random.Random(1),
        )

    expected = {"range": "R-A", "importance": "Y", "need": 1, "have": 0}
    assert refused(draws) == ("assembly.importance", expected)


def test_a_longer_code_is_another_range() -> None:
    importances = {"R-A-001": "X", "R-A-002": "X", "R-AB-001": "Y", "R-AB-002": "Y"}
    form = draw_form(
        theory(sections=ONE_SECTION),
        [judgement(1), judgement(2)],
        {"R-A": 100},
        importances,
        rng=random.Random(1),
    )
    assert len(form["positions"]) == 2


def test_numeric_codes_of_points_begin_with_their_range() -> None:
    bank = [judgement(number, point=f"01{number}", range="01") for number in (1, 2)]
    importances = {"011": "X", "012": "X", "021": "Y"}
    form = draw_form(theory(sections=ONE_SECTION), bank, {"01": 100}, importances, rng=random.Random(1))
    assert len(form["positions"]) == 2


def test_cases_that_are_enemies_are_not_drawn_together() -> None:
    hostile = [replace(case, enemies=frozenset({"U2-C1"})) if case.ref == "U1-C1" else case for case in CASES]
    for seed in range(30):
        cases = {unit["item"] for unit in draw_cases(seed, bank=hostile)["units"]}
        assert not {"U1-C1", "U2-C1"} <= cases
    single = [case for case in hostile if case.ref.endswith("C1")]
    assert refused(lambda: draw_cases(bank=single)) == ("assembly.enemies", {"paper": "专业能力考核"})


def test_cases_of_uneven_difficulty_are_drawn_near_one_mean() -> None:
    uneven = [replace(case, difficulty=int(case.ref[-1]) + 1) for case in CASES]
    forms = [draw_cases(seed, bank=uneven) for seed in range(20)]
    assert comparable(forms, uneven) == []
    assert len({tuple(unit["item"] for unit in form["units"]) for form in forms}) > 5


def test_a_case_just_within_the_tolerance_is_drawn() -> None:
    """One case in five of unit 1 is harder: the bank's mean is 3.05, and 3 is exactly 0.05 below it."""
    bank = [replace(case, difficulty=4 if case.ref == "U1-C5" else 3) for case in case_bank(skills(), each=5)]
    drawn = {draw_cases(seed, bank=bank)["units"][0]["item"] for seed in range(40)}
    assert drawn == {"U1-C1", "U1-C2", "U1-C3", "U1-C4"}


def test_cases_that_cannot_come_near_one_mean_are_refused() -> None:
    odd = [replace(case, difficulty=1 if case.ref == "U1-C1" else 3) for case in case_bank(skills(), each=2)]
    told = {"low": "2.75", "high": "2.75", "near": "2.50"}
    assert refused(lambda: draw_cases(bank=odd)) == ("assembly.difficulty", {"paper": "专业能力考核", **told})


def test_a_pooled_paper_is_drawn_like_any_other() -> None:
    assert draw(paper=theory(duration=minutes(90)))["paper"] == "theory"
