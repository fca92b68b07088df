"""An arrangement says of a form what scoring asks, and no more; what its lines show serves other forms, too."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.rules import form_score
from cbt.rules.canonical import canonical_json
from cbt.rules.form_score import FormScorer, Marks, NotMet, arranged, items_in, place_of, read_frame
from tests.rules.builders import theory
from tests.rules.test_score_sheets import CONTENTS, drawn, form_of_one

SAID = ("item", "version", "part", "order", "lefts", "blanks", "limits")


def test_what_is_asked_in_lines_is_each_version_once() -> None:
    form = form_of_one("single_choice")
    form["positions"] = [
        {**form["positions"][0], "position": number, "version": version, "order": [2, 0, 1, 3]}
        for number, version in enumerate((1, 2, 1), 1)
    ]
    _frame, *lines = arranged(form).split("\n")
    assert [place_of(line)["order"] for line in lines] == [[2, 0, 1, 3]] * 3
    assert items_in(lines) == {("single_choice", 1), ("single_choice", 2)}


@given(st.randoms(use_true_random=False))
def test_each_place_is_as_in_the_form(rng: random.Random) -> None:
    form = drawn(rng).form
    frame, *lines = arranged(form).split("\n")
    groups, runs = read_frame(frame)
    listed = form.get("units") or form["sections"]
    assert [(one.number, one.name) for one in groups] == [
        (number, one["name"]) for number, one in enumerate(listed, 1)
    ]
    places = [(run, run.first + nth) for run in runs for nth in range(run.length)]
    for (run, number), line, one in zip(places, lines, form["positions"], strict=True):
        assert (number, run.group) == (
            one["position"],
            one["unit"] if "units" in form else one["section"] + 1,
        )
        assert run.kind == (one["type"], one["credit"], one["points"])
        said = place_of(line)
        assert {name: said.get(name) for name in SAID} == {name: one.get(name) for name in SAID}
    assert items_in(lines) == {(one["item"], one["version"]) for one in form["positions"]}


@given(st.randoms(use_true_random=False))
def test_what_one_form_has_shown_serves_the_next(rng: random.Random) -> None:
    shared = Marks(CONTENTS)
    for exam in (drawn(rng), drawn(rng)):
        own = FormScorer(exam.form, CONTENTS, paper=exam.paper)
        other = FormScorer.of(arranged(exam.form), shared, paper=exam.paper)
        answers = exam.answers(rng)
        assert own.score(answers) == other.score(answers)


def test_forms_that_differ_in_numbers_alone_are_not_one_run() -> None:
    form = form_of_one("true_false")
    form["positions"] = [{**form["positions"][0], "position": number} for number in (1, 2, 5)]
    runs = read_frame(arranged(form).split("\n")[0])[1]
    assert [(run.first, run.length) for run in runs] == [(1, 2), (5, 1)]


def test_more_places_than_are_kept_are_scored_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_score, "KEPT_LINES", 1)
    shared = Marks(CONTENTS)
    orders: list[list[int]] = [[0, 1, 2, 3], [2, 1, 0, 3], [0, 1, 2, 3]]
    earned = []
    for order in orders:
        form: dict[str, Any] = form_of_one("single_choice")
        form["positions"][0]["order"] = order
        scorer = FormScorer.of(arranged(form), shared, paper=theory())
        earned.append([scorer.score({"1": canonical_json(letter)}).raw for letter in "ABCD"])
    assert earned[0] == earned[2] != earned[1]
    assert [len(places) for places in shared.values()] == [1]


@pytest.mark.parametrize("change", [lambda text: text + "\n[]", lambda text: text.rpartition("\n")[0]])
def test_an_arrangement_with_other_lines_than_its_frame_says_is_refused(change: Callable[[str], str]) -> None:
    text = arranged(form_of_one("true_false"))
    with pytest.raises(ValueError, match="as many lines"):
        FormScorer.of(change(text), Marks(CONTENTS), paper=theory())


def test_an_item_that_nobody_read_yet_is_asked_for_and_nothing_is_kept_of_its_place() -> None:
    text, shared = arranged(form_of_one("true_false")), Marks({})
    with pytest.raises(NotMet):
        FormScorer.of(text, shared, paper=theory())
    shared.contents.update(CONTENTS)
    assert FormScorer.of(text, shared, paper=theory()).score({}).raw == 0


def test_the_places_of_a_section_need_not_stand_side_by_side() -> None:
    form = form_of_one("true_false")
    form["sections"].append({"name": "二", "type": "true_false", "count": 1, "points_each": "10"})
    one = {**form["positions"][0], "order": [0, 1]}
    form["positions"] = [{**one, "position": place, "section": (0, 1, 0)[place - 1]} for place in (1, 2, 3)]
    form["sections"][0]["count"] = 2
    right = next(
        letter
        for letter in "AB"
        if FormScorer(form, CONTENTS, paper=theory()).score({"2": f'"{letter}"'}).raw
    )
    assert FormScorer(form, CONTENTS, paper=theory()).score({"2": f'"{right}"'}).raw == 10
    assert FormScorer(form, CONTENTS, paper=theory()).score({"1": f'"{right}"', "3": f'"{right}"'}).raw == 2
