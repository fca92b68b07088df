"""The 猜中率: what gives keys away is found out, and where nothing does, guessing stays at chance."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt.bank.lint.guess_rate import (
    BIAS,
    SHAPES,
    GuessRate,
    chances,
    guess_findings,
    guess_rates,
    learn,
    questions,
    shapes_of,
    weight,
)
from cbt.items.draft import ItemDraft
from cbt.rules.items.content import LETTERS, ItemType
from cbt.translations.compiler import LANGUAGES, texts_of
from tests.bank import drafts
from tests.bank.drafts import WHERE, draft

Wording = Callable[[random.Random, str, bool], str]
WORDS = [chr(0x4E00 + 37 * n) + chr(0x5E00 + 41 * n) for n in range(120)]


def plain(rng: random.Random, text: str, right: bool) -> str:
    """Return a wording that tells nothing."""
    return text


def words(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(WORDS, k=count))


def singles(count: int, word: Wording, *, seed: int = 7, stem: str = "恰当的是（　　）。") -> list[ItemDraft]:
    """Return single choices of made-up words, whose key and distractors `word` has made different."""
    rng = random.Random(seed)
    found = []
    for n in range(count):
        place = rng.randrange(4)
        choices = [word(rng, words(rng, 4), each == place) for each in range(4)]
        found.append(
            draft(
                drafts.single(words(rng, 5) + stem, choices=choices, answer=LETTERS[place]),
                f"A-A-A-{n:03d}-S1",
            )
        )
    return found


def truths(count: int, word: Wording, *, seed: int = 7) -> list[ItemDraft]:
    rng = random.Random(seed)
    found = []
    for n in range(count):
        right = rng.random() < 0.5
        found.append(
            draft(drafts.truth(word(rng, words(rng, 7), right) + "。", answer=right), f"A-A-A-{n:03d}-T1")
        )
    return found


def only(found: list[GuessRate]) -> GuessRate:
    assert len(found) == 1
    return found[0]


def longer(rng: random.Random, text: str, right: bool) -> str:
    return text + words(rng, 2) if right else text


def test_a_bank_whose_keys_are_the_longest_choice_is_found_out() -> None:
    found = only(guess_rates(singles(100, longer)))
    assert found.rate > 0.95
    first = found.telltales[0]
    assert (first.name, first.keys, first.others) == ("longest", 100, 0)
    assert first.weight > 2
    assert found.surest[0].reasons[0] in {("longest", True), ("length", True)}
    assert [one.code for one in guess_findings([found], WHERE)] == ["guessed_single_choice"]
    assert sorted(found.surest, key=lambda one: -one.share)[0] == found.surest[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_nothing_tells_guessing_stays_at_chance(seed: int) -> None:
    found = guess_rates([*singles(150, plain, seed=seed), *truths(150, plain, seed=seed)])
    assert [one.type for one in found] == [ItemType.SINGLE_CHOICE, ItemType.TRUE_FALSE]
    for one in found:
        assert abs(one.rate - one.chance) < 1.5 * one.margin
    assert (found[0].chance, found[1].chance) == (0.25, 0.5)
    assert guess_findings(found, WHERE) == []


def test_choices_that_all_look_alike_are_blind_guesses_wherever_the_key_stands() -> None:
    same = [
        draft(drafts.single(choices=["甲甲", "乙乙", "丙丙", "丁丁"], answer="A"), f"A-A-A-{n:03d}-S1")
        for n in range(40)
    ]
    for n, one in enumerate(same):
        rows = [chr(0x4E00 + 10 * n + each) * 2 for each in range(4)]
        same[n] = one.with_data({**one.data, "choices": rows})
    assert only(guess_rates(same)).rate == pytest.approx(0.25)


def test_words_of_wrong_statements_are_named() -> None:
    def said(rng: random.Random, text: str, right: bool) -> str:
        return text if right else f"一律{text}"

    found = only(guess_rates(truths(80, said)))
    assert found.rate > 0.95
    told = {one.name: (one.keys, one.others) for one in found.telltales}
    wrong = sum(1 for one in truths(80, said) if not one.data["answer"])
    assert told["absolute"] == (0, wrong)
    assert next(one for one in found.telltales if one.is_word).name in {"⟨一律", "一律", "⟨一"}


def test_a_word_speaks_for_the_opposite_where_the_stem_asks_for_what_does_not_hold() -> None:
    def said(rng: random.Random, text: str, right: bool) -> str:
        return text if right else f"一律{text}"

    def turned(rng: random.Random, text: str, right: bool) -> str:
        return f"一律{text}" if right else text

    some = singles(60, said)
    negative = singles(20, turned, seed=8, stem="下列做法**不恰当**的是（　　）。")
    negative = [draft(one.data, f"A-A-B-{n:03d}-S1") for n, one in enumerate(negative)]
    found = only(guess_rates([*some, *negative]))
    assert found.rate > 0.95


def test_several_choices_are_guessed_as_a_set() -> None:
    rng = random.Random(3)
    found = []
    for n in range(60):
        right = sorted(rng.sample("ABCDE", 2))
        choices = [words(rng, 4) + ("并" + words(rng, 2) if letter in right else "") for letter in "ABCDE"]
        found.append(draft(drafts.multiple(choices=choices, answer="".join(right)), f"A-A-A-{n:03d}-M1"))
    rate = only(guess_rates(found))
    assert rate.rate > 0.8
    assert rate.chance == pytest.approx(1 / 26)


def test_the_parts_of_a_case_are_guessed_too_and_named_by_their_number() -> None:
    found = questions([draft(drafts.case(), "U1-C1")])
    assert [(one.name, one.type.value) for one in found] == [
        ("U1-C1#1", "single_choice"),
        ("U1-C1#2", "multiple_choice"),
    ]


def test_too_few_items_have_no_rate() -> None:
    assert guess_rates(singles(19, longer)) == []
    assert guess_rates([]) == []


def test_what_is_asked_twice_stands_on_one_side_of_every_split() -> None:
    choices = ["问候客户", "说明来意", "核对身份", "登记诉求"]
    asked = draft(drafts.single(choices=choices, answer="A"), "A-A-A-001-S1")
    again = draft(drafts.single(choices=choices[::-1], answer="D"), "A-A-A-001-S2")
    other = draft(drafts.single(choices=choices[:3], answer="A"), "A-A-A-001-S3")
    folds = {one.ref: one.fold for one in questions([again, other, asked])}
    assert folds["A-A-A-001-S1"] == folds["A-A-A-001-S2"] != folds["A-A-A-001-S3"]


def test_the_order_of_the_file_changes_nothing() -> None:
    bank = [*singles(60, longer), *truths(60, plain)]
    assert guess_rates(reversed(bank)) == guess_rates(bank)


def test_another_process_says_the_same() -> None:
    bank = "[*t.singles(60, t.plain), *t.truths(60, t.plain)]"
    said = f"import tests.bank.test_guess as t; print(t.guess_rates({bank}))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", said],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1


def test_a_word_weighs_more_the_surer_it_is() -> None:
    assert weight(0, 0, 0) == 0
    assert weight(8, 2, 2) == pytest.approx(0)
    assert weight(8, 8, 2) > weight(4, 4, 1) > weight(4, 2, 1) > 0 > weight(8, 0, 2)


def test_what_is_always_right_is_learned() -> None:
    learned = learn([(({"a": 1.0}, {"b": 1.0}), 0)] * 50)
    assert learned["a"] > 0 > learned["b"]
    assert chances(({"a": 1.0}, {"b": 1.0}), learned)[0] > 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shape_has_a_name(language: str) -> None:
    assert {f"bank.guess.shape.{name}" for name in SHAPES} <= texts_of(language).keys()


@given(
    stem=st.text(min_size=1, max_size=20),
    choices=st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=8, unique=True),
    kind=st.sampled_from(["single_choice", "multiple_choice", "true_false"]),
)
def test_whatever_is_written_has_shapes_with_names(stem: str, choices: list[str], kind: str) -> None:
    data: dict[str, Any] = {"type": kind, "stem": stem, "choices": choices, "answer": "A"}
    (question,) = questions([draft(data)])
    for shapes in shapes_of(question):
        assert shapes.keys() <= SHAPES | {BIAS}
        assert json.dumps(shapes, allow_nan=False)
