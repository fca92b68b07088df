"""A paper of whatever a bank has: a few of each type, one of a point, no two that exclude each other."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cbt.rules.assembly.form import draw_look
from cbt.rules.assembly.pools import Drawable
from cbt.rules.items.content import ItemType

NAMES = {kind: kind.value for kind in ItemType}
KINDS = st.sampled_from(
    [ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE, ItemType.CASE]
)


def item(number: int, kind: ItemType, point: int, enemy: int) -> Drawable:
    """An item that excludes the one of number `enemy`."""
    shape = {"choices": 4, "fixed_order": False} if kind is not ItemType.TRUE_FALSE else {}
    return Drawable(
        f"i{number}", 1, "", kind, f"p{point}", "A", "X", 3, enemies=frozenset({f"i{enemy}"} - {f"i{number}"}),
        shape=shape,
    )  # fmt: skip


def test_a_paper_of_what_there_is_has_a_section_of_each_type() -> None:
    items = [
        item(1, ItemType.TRUE_FALSE, 1, 1),
        item(2, ItemType.TRUE_FALSE, 1, 2),  # of the same point
        item(3, ItemType.SINGLE_CHOICE, 1, 4),
        item(4, ItemType.SINGLE_CHOICE, 2, 4),  # excluded by the one before
        item(5, ItemType.SINGLE_CHOICE, 3, 5),
        item(6, ItemType.CASE, 4, 6),
    ]
    for seed in range(9):
        paper, form = draw_look(NAMES, items, rng=random.Random(seed))
        kinds = [(section.type, section.count) for section in paper.sections]
        assert kinds == [(ItemType.TRUE_FALSE, 1), (ItemType.SINGLE_CHOICE, 2)]
        shown = {place["item"] for place in form["positions"]}
        assert len(shown & {"i1", "i2"}) == len(shown & {"i3", "i4"}) == 1
        assert shown - {"i1", "i2", "i3", "i4"} == {"i5"}
    paper, _form = draw_look(NAMES, items, rng=random.Random(0), most=1)
    assert (paper.points, [section.count for section in paper.sections]) == (2, [1, 1])


@given(
    st.lists(st.tuples(KINDS, st.integers(0, 5), st.integers(0, 40)), max_size=30),
    st.integers(0, 9),
    st.integers(1, 4),
)
def test_what_is_shown_is_a_few_of_each_and_nothing_that_excludes_another(
    given_items: list[tuple[ItemType, int, int]], seed: int, most: int
) -> None:
    items = [item(number, *facts) for number, facts in enumerate(given_items)]
    paper, form = draw_look(NAMES, items, rng=random.Random(seed), most=most)
    by_ref = {one.ref: one for one in items}
    shown = [by_ref[place["item"]] for place in form["positions"]]
    refs = {one.ref for one in shown}
    assert len(refs) == len(shown) == sum(section.count for section in paper.sections) == paper.points
    assert not any(one.enemies & refs for one in shown)
    for section in paper.sections:
        own = [one.point for one in shown if one.type is section.type]
        assert len(own) == len(set(own)) == section.count <= most
    assert ItemType.CASE not in {one.type for one in shown}
    if any(one.type is not ItemType.CASE for one in items):
        assert shown
    again = draw_look(NAMES, items[::-1], rng=random.Random(seed), most=most)
    assert again == (paper, form)
