"""Every byte of a sheet is what the plain rules in fractions give, whatever was asked, answered or corrected."""

import json
import random
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.canonical import canonical_json, decimal_of
from cbt.rules.exam import Paper
from cbt.rules.form_score import KEPT_ANSWERS, FormScorer, KeyRevision, KeyRevisions, PeopleMark, PlaceToMark

from .builders import content, position, skills, theory
from .oracle import sheet_of

KINDS = (
    "true_false",
    "single_choice",
    "multiple_choice",
    "fill_blank",
    "numeric",
    "matching",
    "ordering",
    "short_answer",
    "hotspot",
)
CONTENTS = {(kind, 1): content(kind) for kind in KINDS} | {("case", 1): content("case")}
CREDITS = {
    "multiple_choice": "subset",
    "fill_blank": "per_part",
    "matching": "per_part",
    "hotspot": "subset",
    "ordering": "adjacent_pairs",
}
POINTS = ("1", "0.5", "1.50", "3", "0.1", "7", "0")
STEPS = ("0.1", "0.10", "0.5", "1", "0.001")


def places(kind: str, rng: random.Random) -> dict[str, Any]:
    """How a position of this kind shows what it has."""
    count = {"true_false": 2, "single_choice": 4, "multiple_choice": 4, "matching": 4, "ordering": 4}.get(
        kind, 0
    )
    shown: dict[str, Any] = {"order": rng.sample(range(count), count)}
    if kind == "matching":
        shown["lefts"] = rng.sample(range(3), 3)
    return shown | ({"blanks": 2} if kind == "fill_blank" else {})


def answer(kind: str, rng: random.Random) -> Any:
    """An answer that may come in for this kind."""
    match kind:
        case "true_false":
            return rng.choice("AB")
        case "single_choice":
            return rng.choice("ABCD")
        case "multiple_choice":
            return "".join(sorted(rng.sample("ABCD", rng.randint(1, 4))))
        case "fill_blank":
            return [rng.choice(["24", "二十四", "", "x"]), rng.choice(["VIP专席", "", "“引”\n\u2028"])]
        case "numeric":
            return rng.choice(["86.7", "８６．７５", "3", "约3"])
        case "matching":
            return [rng.choice([1, 2, 3, 4, None]) for _ in range(3)]
        case "hotspot":
            return rng.sample([[5, 5], [60, 40], [90, 65], [30, 30]], rng.randint(1, 3))
        case "short_answer":
            return rng.choice(["及时。", "“引”\n\u2028"])
        case _:
            return rng.sample([1, 2, 3, 4], 4)


def one_position(rng: random.Random) -> tuple[str, dict[str, Any]]:
    part = rng.choice([None, None, None, 0, 1])
    kind = rng.choice(KINDS) if part is None else ("true_false", "numeric")[part]
    credit = rng.choice(["all_or_nothing", CREDITS.get(kind, "all_or_nothing")])
    item = kind if part is None else "case"
    return kind, position(
        kind, item=item, part=part, points=rng.choice(POINTS), credit=credit, **places(kind, rng)
    )


@dataclass
class Exam:
    """A form with everything it takes to score it."""

    form: dict[str, Any]
    kinds: list[str]
    paper: Paper
    revisions: KeyRevisions

    def answers(self, rng: random.Random) -> dict[str, str]:
        """Some positions answered, some cleared again, some left."""
        given: dict[str, str] = {}
        for number, kind in enumerate(self.kinds, 1):
            if rng.random() < 0.8:
                given[str(number)] = canonical_json(answer(kind, rng)) if rng.random() < 0.9 else ""
        return given


def drawn(rng: random.Random) -> Exam:
    """A form of units or of sections, in which a whole group may be void."""
    by_unit, positions, kinds, listed = rng.random() < 0.5, [], [], []
    for group in range(rng.randint(1, 4)):
        own = [one_position(rng) for _ in range(rng.randint(1, 6))]
        kinds += [kind for kind, _ in own]
        positions += [{**one, "unit": group + 1} if by_unit else {**one, "section": group} for _, one in own]
        name = rng.choice(["判断题", 'an "odd" name', "单元一"])
        if by_unit:
            listed.append({"number": group + 1, "name": name, "points": rng.choice(["25", "30", "10.5"])})
        else:
            listed.append({"name": name, "count": len(own), "points_each": rng.choice(POINTS)})
    form = {
        "paper": "theory",
        ("units" if by_unit else "sections"): listed,
        "positions": [{**one, "position": number} for number, one in enumerate(positions, 1)],
    }
    whole = dict.fromkeys((one["item"], one["part"]) for one in positions)
    corrected = [
        KeyRevision(
            *(item, part),
            give_all=rng.random() < 0.3,
            void=rng.random() < 0.5,
            version=rng.choice([None, 1, 2]),
        )
        for item, part in whole
        if rng.random() < 0.4
    ]
    changes = {
        "score_step": Decimal(rng.choice(STEPS)),
        "pass_points": Decimal(rng.choice(["60", "9.5", "0"])),
        "void_points": rng.choice(["group", "paper", "dropped"]),
    }
    paper = skills(**changes) if by_unit else theory(**changes)
    return Exam(form, kinds, paper, KeyRevisions.of(corrected))


@given(st.randoms(use_true_random=False))
def test_a_sheet_is_what_the_plain_rules_give(rng: random.Random) -> None:
    exam = drawn(rng)
    scorer = FormScorer(exam.form, CONTENTS, paper=exam.paper, key_revision=exam.revisions)
    for _ in range(3):
        answers = exam.answers(rng)
        raw, score, passed, text = sheet_of(
            exam.form, CONTENTS, answers, paper=exam.paper, key_revision=exam.revisions
        )
        for _ in range(2):  # worked out, then remembered
            sheet = scorer.score(answers)
            assert sheet.text == text
            exact = None if raw is None else decimal_of(raw)
            assert (sheet.raw, str(sheet.score), sheet.passed) == (exact, str(score), passed)


def form_of_one(kind: str) -> dict[str, Any]:
    sections = [{"name": "一", "type": kind, "count": 1, "points_each": "1"}]
    return {"paper": "theory", "sections": sections, "positions": [position(kind, item=kind, blanks=2)]}


def test_more_different_texts_than_are_kept_are_scored_all_the_same() -> None:
    scorer = FormScorer(form_of_one("fill_blank"), CONTENTS, paper=theory())
    right, wrong = canonical_json(["24", "VIP 专席"]), canonical_json(["x", "y"])
    typed = [canonical_json([str(number), ""]) for number in range(1000, 1000 + KEPT_ANSWERS + 1)]
    assert {scorer.score({"1": text}).raw for text in typed} == {0}
    assert [scorer.score({"1": text}).raw for text in (right, wrong, right)] == [1, 0, 1]


def test_a_form_that_people_mark_has_no_total_and_no_verdict() -> None:
    form = form_of_one("true_false")
    form["sections"].append({"name": "二", "type": "short_answer", "count": 1, "points_each": "99"})
    form["positions"][0]["order"] = [0, 1]
    form["positions"].append(position("short_answer", item="short_answer", position=2, section=1))
    scorer = FormScorer(form, CONTENTS, paper=theory())
    waits = scorer.score({"1": '"A"', "2": '"及时。"'})
    assert (waits.raw, waits.score, waits.passed) == (None, None, None)
    said = json.loads(waits.text)
    assert (said["raw"], said["score"], said["passed"]) == (None, None, None)
    assert [group["earned"] for group in said["groups"]] == ["1", None]
    assert [one.get("pending") for one in said["positions"]] == [None, True]
    answers = {"1": '"A"', "2": '"及时。"'}
    place = PlaceToMark(2, "short_answer", 1, None, Decimal(str(form["positions"][1]["points"])))
    assert scorer.to_mark(answers) == [place]
    assert scorer.to_mark({"1": '"A"', "2": ""}) == []
    mark = PeopleMark(Fraction(1, 3), ("mk-1", "mk-2"))
    # What people gave counts where people mark, and nowhere else.
    marked = scorer.score(answers, {"2": mark, "1": mark})
    assert (marked.raw, marked.score, marked.passed) == (Decimal("34"), Decimal("34.0"), False)
    told = json.loads(marked.text)["positions"][1]
    assert (told["marks"], told["answered"], "pending" in told) == (["mk-1", "mk-2"], True, False)
    assert marked.text == canonical_json(json.loads(marked.text))
    assert scorer.score(answers).text == waits.text
    left = scorer.score({"1": '"A"'})
    assert (left.score, left.passed) == (1, False), "nothing was written, so nothing waits"
    assert "pending" not in left.text


@pytest.mark.parametrize(
    ("revision", "score"),
    [
        pytest.param(KeyRevision("short_answer", give_all=True), 1, id="everybody gets the points"),
        pytest.param(KeyRevision("short_answer", void=True), 1, id="the position is out"),
    ],
)
def test_what_a_correction_settles_waits_for_nobody(revision: KeyRevision, score: int) -> None:
    revisions = KeyRevisions.of([revision])
    scorer = FormScorer(form_of_one("short_answer"), CONTENTS, paper=theory(), key_revision=revisions)
    assert scorer.score({"1": '"及时。"'}).score == score
