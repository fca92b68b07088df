"""The score of a whole form."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.form_score import FormScorer, KeyRevision, KeyRevisions, ScoreSheet, passes, round_score

from .builders import content, position, skills, theory

KEYS = {("J", 1): content("true_false"), ("D", 1): content("single_choice"), ("K", 1): content("case")}


def theory_form() -> dict[str, Any]:
    """40 true_false and 60 single_choice positions of one point each."""
    judged = [position("true_false", item="J", order=[0, 1]) for _ in range(40)]
    chosen = [position("single_choice", item="D", order=[3, 2, 1, 0], section=1) for _ in range(60)]
    return {
        "paper": "theory",
        "sections": [
            {"name": "判断题", "type": "true_false", "count": 40, "points_each": "1"},
            {"name": "单选题", "type": "single_choice", "count": 60, "points_each": "1"},
        ],
        "positions": [{**one, "position": number} for number, one in enumerate(judged + chosen, 1)],
    }


def skills_form() -> dict[str, Any]:
    """Two units of one case each; the parts are worth 4 and 6 of 10, in unit 2 of 20."""
    parts = [
        position("true_false", item="K", part=0, order=[0, 1], points="4"),
        position("numeric", item="K", part=1, points="6"),
    ]
    return {
        "paper": "skills",
        "units": [
            {"number": number, "name": f"单元{number}", "points": points}
            for number, points in ((1, "10"), (2, "20"))
        ],
        "positions": [
            {**part, "unit": unit, "position": unit * 2 - 2 + number}
            for unit in (1, 2)
            for number, part in enumerate(parts, 1)
        ],
    }


def score(form: dict[str, Any], answers: dict[int, str], **given: Any) -> ScoreSheet:
    scorer = FormScorer(form, KEYS, **({"paper": theory()} | given))
    return scorer.score({str(number): text for number, text in answers.items()})


def shown(sheet: ScoreSheet, what: str, name: str) -> list[Any]:
    """What the sheet says of all its positions or groups; points as numbers."""
    found = [one[name] for one in json.loads(sheet.text)[what]]
    return [Decimal(one) if isinstance(one, str) else one for one in found]


@pytest.mark.parametrize(
    ("judged", "chosen", "points", "passed"),
    [
        pytest.param(0, 0, "0.0", False, id="an empty paper"),
        pytest.param(20, 39, "59.0", False, id="one short"),
        pytest.param(20, 40, "60.0", True, id="on the mark"),
        pytest.param(40, 60, "100.0", True, id="everything"),
    ],
)
def test_a_point_for_each_right_answer(judged: int, chosen: int, points: str, passed: bool) -> None:
    answers = dict.fromkeys(range(1, judged + 1), '"A"') | dict.fromkeys(range(41, 41 + chosen), '"B"')
    sheet = score(theory_form(), answers)
    assert (str(sheet.score), sheet.passed) == (points, passed)
    assert (shown(sheet, "groups", "number"), shown(sheet, "groups", "earned")) == ([1, 2], [judged, chosen])


def test_a_wrong_answer_takes_nothing_away() -> None:
    sheet = score(theory_form(), {1: '"A"', 2: '"B"', 41: '"A"'})
    assert sheet.raw == 1
    assert shown(sheet, "positions", "answered")[1:3] == [True, False]


def test_a_unit_gives_its_raw_share_of_its_points() -> None:
    sheet = score(skills_form(), {1: '"B"', 4: '"3"'})
    assert (shown(sheet, "groups", "number"), shown(sheet, "groups", "earned")) == ([1, 2], [4, 12])
    assert shown(sheet, "positions", "earned") == [4, 0, 0, 6]
    assert sheet.raw == 16


def test_a_void_position_leaves_its_points_to_the_rest_of_its_unit() -> None:
    void = KeyRevisions.of([KeyRevision("K", 1, void=True)])
    sheet = score(skills_form(), {1: '"B"', 2: '"3"', 4: '"3"'}, key_revision=void)
    assert shown(sheet, "groups", "earned") == [10, 0]
    assert shown(sheet, "positions", "void") == [False, True, False, True]
    assert shown(sheet, "positions", "earned")[1] == 0


def test_a_unit_void_as_a_whole_costs_nobody_anything() -> None:
    void = KeyRevisions.of([KeyRevision("K", part, void=True) for part in (0, 1)])
    assert score(skills_form(), {}, key_revision=void).raw == 30


@pytest.mark.parametrize(
    ("void_points", "half", "one_left"),
    [
        pytest.param("group", "70", "41.017", id="its section or unit shares them"),
        pytest.param("paper", "50", "1.695", id="the paper shares them"),
        pytest.param("dropped", "30", "1", id="nobody gets them"),
    ],
)
def test_points_of_a_void_item_go_where_the_blueprint_says(
    void_points: str, half: str, one_left: str
) -> None:
    paper = theory(void_points=void_points)
    judged = [KeyRevision("J", void=True, version=1), KeyRevision("D", void=True, version=2)]
    void = KeyRevisions.of(judged)
    answers = dict.fromkeys(range(41, 71), '"B"')
    assert str(score(theory_form(), answers, key_revision=void, paper=paper).raw) == half
    form = theory_form()
    form["positions"][41]["item"] = "J"  # of the other section's points one is void, too
    form["positions"][41] |= {"type": "true_false", "order": [0, 1]}
    sheet = score(form, {41: '"B"'}, key_revision=void, paper=paper)
    assert round(Decimal(sheet.raw or 0), 3) == Decimal(one_left)
    everything = KeyRevisions.of([KeyRevision("J", void=True), KeyRevision("D", void=True)])
    assert score(theory_form(), {}, key_revision=everything, paper=paper).raw == 100


def test_points_given_to_all_need_no_answer() -> None:
    given_to_all = KeyRevisions.of([KeyRevision("K", 0, give_all=True)])
    assert score(skills_form(), {}, key_revision=given_to_all).raw == 12


@pytest.mark.parametrize(
    ("raw", "step", "rounded"),
    [
        pytest.param("59.94", "0.1", "59.9", id="down"),
        pytest.param("59.95", "0.1", "60.0", id="half goes up"),
        pytest.param("59.949999999999", "0.1", "59.9", id="just under half"),
        pytest.param("60", "0.1", "60.0", id="nothing to round"),
        pytest.param("59.75", "0.5", "60.0", id="half a point"),
        pytest.param("59.5", "1", "60", id="whole points"),
    ],
)
def test_a_paper_is_rounded_half_up_to_the_step(raw: str, step: str, rounded: str) -> None:
    assert str(round_score(Decimal(raw), Decimal(step))) == rounded


def test_thirds_that_make_a_whole_are_whole() -> None:
    assert round_score(Fraction(2, 3) * 6 + Fraction(1, 3) * 3, Decimal("0.001")) == 5


def test_what_is_shown_as_60_passes() -> None:
    shown = round_score(Decimal("59.95"), Decimal("0.1"))
    assert (str(shown), passes(shown, Decimal(60))) == ("60.0", True)
    assert not passes(Decimal("59.9"), Decimal(60))


def test_a_sheet_reads_back_with_points_as_text() -> None:
    sheet = json.loads(score(skills_form(), {1: '"B"'}).text)
    assert (sheet["raw"], sheet["score"], sheet["passed"], sheet["pass_points"]) == ("4", "4.0", False, "60")
    assert sheet["positions"][0] == {
        "position": 1,
        "item": "K",
        "part": 0,
        "points": "4",
        "earned": "4",
        "answered": True,
        "void": False,
    }
    assert sheet["groups"][1] == {"number": 2, "name": "单元2", "points": "20", "earned": "0"}


@given(
    st.dictionaries(st.integers(1, 100), st.sampled_from(['"A"', '"B"'])), st.randoms(use_true_random=False)
)
def test_scoring_again_gives_the_same_bytes(answers: dict[int, str], rng: random.Random) -> None:
    shuffled = list(answers.items())
    rng.shuffle(shuffled)
    first = score(theory_form(), answers).text
    assert score(theory_form(), dict(shuffled)).text == first


@given(st.dictionaries(st.integers(1, 4), st.sampled_from(['"A"', '"B"', '"3"'])))
def test_a_score_stays_between_nothing_and_everything(answers: dict[int, str]) -> None:
    numbers, choices = (2, 4), (1, 3)
    kept = {n: '"3"' if n in numbers else a for n, a in answers.items() if n in numbers or a != '"3"'}
    sheet = score(skills_form(), kept, paper=skills())
    assert set(kept) <= {*numbers, *choices}
    assert 0 <= sheet.score <= 30
