"""等值: forms held against each other by their items in common, for information alone."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from python_calamine import CalamineWorkbook
from scipy import special
from sqlalchemy import select

from cbt.results.analysis.child import report_of
from cbt.results.analysis.figures import METHODS, Equating, FormChoice, FormPair, ItemColumn, PaperAnswers
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.helpers import flat
from tests.printing.paper import told
from tests.results.analysis_scene import hold
from tests.results.test_analysis import analysed
from tests.world import World

ITEMS, COMMON, OWN = 50, 20, 30
"""Items of a form, those that both forms have, and those that one has alone."""
HARDER = 0.4
"""By so many logits the own items of form B are harder: five points of a hundred for whoever has 60 of them."""


def two_forms(people: int, *, ability: float = -0.2, common: int = COMMON, seed: int = 3) -> PaperAnswers:
    """Return answers to forms A and B, half of the people each; those of B, whose ability is given, are less able.

    Items 0 to `common` are in common and stand at the end of form B. Each item has two choices, 0 being the key.
    """
    rng = np.random.default_rng(seed)
    half, own = people // 2, ITEMS - common
    hard = np.concatenate([np.linspace(-1.5, 1, common), np.linspace(-1.5, 1, own)])
    rows: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    scores: list[float] = []
    for form in (0, 1):
        able = rng.normal((0.0, ability)[form], 1, half)
        harder = np.where(np.arange(ITEMS) < common, 0, form * HARDER)
        right = rng.random((half, ITEMS)) < special.expit(able[:, None] - hard - harder)
        items = np.where(np.arange(ITEMS) < common, np.arange(ITEMS), np.arange(ITEMS) + form * own)
        order = np.argsort(items if form == 0 else -items)
        scores += (right.sum(axis=1) * 2.0).tolist()
        number = np.repeat(np.arange(half) + form * half, ITEMS)
        rows.append((number, np.tile(items[order], half), right[:, order].ravel()))
    person, item, right = (np.concatenate([row[at] for row in rows]) for at in range(3))
    column = partial(ItemColumn, version=1, part=None, type="single_choice", group="", point="", range="")
    return PaperAnswers(
        title="",
        points=100.0,
        pass_points=60.0,
        scores=scores,
        items=[
            column(ref=f"i{number}", importance="", expert=3, choices=2, key=1)
            for number in range(ITEMS + own)
        ],
        person=person.astype(np.int32).tobytes(),
        item=item.astype(np.int32).tobytes(),
        stratum=np.zeros(len(item), np.int32).tobytes(),
        earned=(right * 2.0).tobytes(),
        worth=np.full(len(item), 2.0).tobytes(),
        chosen=np.where(right, 1, 2).astype(np.int32).tobytes(),
        answered=np.ones(len(item), np.int8).tobytes(),
        forms=[0] * half + [1] * half,
        places=[0] * (2 * half),
        place_names=["甲"],
        genders=[""] * (2 * half),
        names={},
        weights={},
    )


def equated(answers: PaperAnswers) -> Equating:
    equating = report_of(answers).equating
    assert equating is not None
    return equating


def pair_of(answers: PaperAnswers, *, new: int = 2, old: int = 1) -> FormPair:
    pair = equated(answers).pair(FormChoice(1, new, old))
    assert pair is not None
    return pair


def at(pair: FormPair, points: float) -> dict[str, tuple[float, float]]:
    row = next(row for row in pair.rows if row.at == points)
    return {method: (own.points, own.error) for method, own in zip(METHODS, row.by_method, strict=True)}


@pytest.mark.once
def test_a_form_that_is_five_points_harder_is_seen_through_groups_that_differ() -> None:
    pair = pair_of(two_forms(6000))
    assert (pair.items, pair.points, pair.why_not) == (list(range(COMMON)), 2.0 * COMMON, "")
    assert [row.at for row in pair.rows] == [10.0 * tenth for tenth in range(11)]
    here = at(pair, 60)
    for method in ("tucker", "levine", "circle_arc"):
        assert here[method][0] == pytest.approx(65, abs=0.9)
        assert 0.1 < here[method][1] < 0.5
    # Whoever takes the groups for equally able takes the weaker group for a harder form.
    assert min(here["mean"][0], here["linear"][0]) > 68


@pytest.mark.once
def test_errors_shrink_with_people_and_either_form_may_be_the_reference() -> None:
    few, many = at(pair_of(two_forms(200)), 60), at(pair_of(two_forms(3200)), 60)
    for method in METHODS:
        assert few[method][1] / many[method][1] == pytest.approx(4, rel=0.35)
    answers = two_forms(2000)
    ahead = at(pair_of(answers), 60)["levine"][0]
    slope = (at(pair_of(answers, new=1, old=2), 70)["levine"][0] - 60) / (70 - ahead)
    assert slope == pytest.approx(1, abs=0.15)


@pytest.mark.once
def test_the_form_of_most_people_is_the_reference_unless_somebody_chose() -> None:
    answers = two_forms(200)
    forms = [0] * 60 + [1] * 140
    equating = equated(msgspec.structs.replace(two_forms(200, common=ITEMS), forms=forms))
    assert [(form.number, form.n) for form in equating.forms] == [(1, 140), (0, 60)]

    def chosen(new: int, old: int) -> tuple[int, int]:
        pair = equating.pair(FormChoice(1, new, old))
        assert pair is not None
        return pair.new, pair.old

    assert [chosen(0, 0), chosen(1, 2), chosen(2, 1), chosen(2, 0), chosen(2, 2), chosen(9, 9)] == [
        (0, 1), (0, 1), (1, 0), (1, 0), (0, 1), (0, 1)
    ]  # fmt: skip
    assert equated(answers).forms[0].n == 100


def changed(
    answers: PaperAnswers, item: int, form: int, *, void: bool = False, share: float = 0, but: int = 0
) -> PaperAnswers:
    """Return the same answers with an item of one form void, or with `share` of its points whatever was chosen.

    The first people, as many as `but`, keep what they have.
    """
    person, items = np.frombuffer(answers.person, np.int32), np.frombuffer(answers.item, np.int32)
    there = (
        (items == item)
        & (person % (len(answers.forms) // 2) >= but)
        & (np.array(answers.forms)[person] == form)
    )
    earned = np.frombuffer(answers.earned, np.float64).copy()
    worth = np.frombuffer(answers.worth, np.float64)
    earned[there] = share * worth[there]
    kept = ~there if void else np.ones(len(items), bool)
    cells = {
        name: np.frombuffer(getattr(answers, name), kind)[kept].tobytes()
        for name, kind in (
            ("person", np.int32), ("item", np.int32), ("stratum", np.int32), ("worth", np.float64),
            ("chosen", np.int32), ("answered", np.int8),
        )
    }  # fmt: skip
    return msgspec.structs.replace(answers, earned=earned[kept].tobytes(), **cells)


@pytest.mark.once
def test_an_item_that_was_void_or_scored_by_another_key_in_one_form_is_not_in_common() -> None:
    answers = two_forms(400)
    assert pair_of(answers).items == list(range(COMMON))
    void = pair_of(changed(answers, 3, 1, void=True))
    assert (void.items, void.points) == ([place for place in range(COMMON) if place != 3], 38.0)
    assert void.rows
    # As where one form was taken in two sittings, and the item is void in one of them.
    assert 3 not in pair_of(changed(answers, 3, 1, void=True, but=100)).items
    for form in (0, 1):
        assert 4 not in pair_of(changed(answers, 4, form, share=1)).items
    # Full marks for everybody in both: no key is unlike, and nothing is told.
    both = changed(changed(answers, 5, 0, share=1), 5, 1, share=1)
    assert 5 not in pair_of(both).items
    # Another version of an item is another item.
    columns = list(answers.items)
    columns[6] = msgspec.structs.replace(columns[6], version=2)
    assert len(pair_of(msgspec.structs.replace(answers, items=columns)).items) == COMMON


@pytest.mark.once
@pytest.mark.parametrize(
    ("people", "common", "why"),
    [
        pytest.param(200, 10, "", id="a fifth"),
        pytest.param(200, 9, "share", id="less than a fifth"),
        pytest.param(200, 4, "items", id="too few items"),
    ],
)
def test_too_few_items_in_common_are_told_instead_of_figures(people: int, common: int, why: str) -> None:
    pair = pair_of(two_forms(people, common=common))
    assert (pair.why_not, bool(pair.rows), len(pair.items)) == (why, not why, common)


@pytest.mark.once
def test_too_few_people_are_told_and_of_one_form_nothing_is() -> None:
    equating = equated(two_forms(58))
    assert (equating.forms, equating.pairs, equating.pair(FormChoice())) == ([], [], None)
    assert len(equated(two_forms(60)).pairs) == 2
    answers = two_forms(60)
    assert report_of(msgspec.structs.replace(answers, forms=[0] * 60)).equating is None


@pytest.mark.once
def test_page_report_and_workbook_say_what_forms_are_worth_and_that_no_mark_moves(
    world: World, tmp_path: Path
) -> None:
    held = hold(world, 66, forms=2)
    paper = analysed(world, held)
    equating = paper.equating
    assert equating is not None
    pair = equating.pair(FormChoice(1, 1, 2))
    assert pair is not None
    here = at(pair, 60)
    client, base = world.staff("officer"), f"/results/{held.sitting_ref}/analysis"
    chosen = {"paper": 1, "new": 1, "old": 2}
    for locale, information, new in (
        ("zh", "仅供参考，不改变及格线：及格线仍为 60 分。", "新卷：第 1 卷"),
        ("en", "For information only, no mark is moved by it: the pass mark stays 60.", "New: Form 1"),
    ):
        client.set_cookie("locale", locale)
        page = flat(client.get(f"{base}?new=1&old=2").text)
        cells = [f"{points:.1f} ({error:.1f})" for points, error in here.values()]
        for wanted in (information, new, *cells):
            assert wanted in page
        assert '<input type="hidden" name="new" value="1">' in page
        text = told(client.post(f"{base}/report", data=chosen), tmp_path)
        for wanted in (information, new, *cells):
            assert wanted.replace(" ", "") in text
        assert "analysis." not in text
        book = CalamineWorkbook.from_filelike(BytesIO(client.post(f"{base}/workbook", data=chosen).data))
        rows = book.get_sheet_by_index(5).to_python()
        (row,) = [row for row in rows if row[0] == 60]
        assert row[1 : 2 * len(METHODS) + 1] == pytest.approx(
            [figure for own in here.values() for figure in own]
        )
        assert [information] == [row[0] for row in rows if row[0] == information]
        assert {paper.items[place].column.ref for place in pair.items} <= {row[0] for row in rows}
    # What nobody chose is the form of most people, here the first.
    page = flat(client.get(base).text)
    assert "Reference: Form 1" in page


@pytest.mark.once
def test_forms_of_several_sittings_are_told_apart_by_their_names(world: World) -> None:
    hold(world, 31, seed=1)
    second = hold(world, 32, seed=2, first=100)
    with world.app.app_context(), unit_of_work() as session:
        session.scalars(select(Sitting).where(Sitting.ref == second.sitting_ref)).one().name = "下午场"
    page = flat(world.staff("officer").get(f"/results/years/{world.clock.now().year}/analysis").text)
    assert "新卷：第 1 卷 · 第 1 场" in page
    assert "参照卷：第 2 卷 · 下午场" in page
    alone = hold(world, 31, seed=3, first=200)
    assert 'id="equating"' not in world.staff("officer").get(f"/results/{alone.sitting_ref}/analysis").text
