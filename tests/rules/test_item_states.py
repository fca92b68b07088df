"""The life of an item at its desk."""

import pytest

from cbt.errors import Conflict
from cbt.rules.states import ITEM_TRANSITIONS, ItemEvent, ItemState, may_review, next_item_state


@pytest.mark.parametrize(
    ("events", "reached"),
    [
        pytest.param([ItemEvent.SUBMIT, ItemEvent.APPROVE], ItemState.REVIEWED, id="written and reviewed"),
        pytest.param(
            [ItemEvent.SUBMIT, ItemEvent.SEND_BACK, ItemEvent.WRITE], ItemState.DRAFT, id="sent back"
        ),
        pytest.param([ItemEvent.SUBMIT, ItemEvent.WITHDRAW], ItemState.DRAFT, id="taken back by its author"),
        pytest.param([ItemEvent.SUBMIT, ItemEvent.WRITE], ItemState.DRAFT, id="written anew while it waits"),
        pytest.param(
            [ItemEvent.SUBMIT, ItemEvent.APPROVE, ItemEvent.WRITE], ItemState.DRAFT, id="a newer version"
        ),
        pytest.param([ItemEvent.RETIRE, ItemEvent.RESTORE], ItemState.DRAFT, id="back from retirement"),
    ],
)
def test_an_item_goes_the_way_of_its_events(events: list[ItemEvent], reached: ItemState) -> None:
    state = ItemState.DRAFT
    for event in events:
        state = next_item_state(state, event)
    assert state is reached


def test_what_is_not_in_the_table_is_refused() -> None:
    refused = 0
    for state in ItemState:
        for event in ItemEvent:
            if (state, event) not in ITEM_TRANSITIONS:
                with pytest.raises(Conflict, match=r"item\.transition"):
                    next_item_state(state, event)
                refused += 1
    assert refused == len(ItemState) * len(ItemEvent) - len(ITEM_TRANSITIONS)


def test_only_review_leads_to_reviewed() -> None:
    """No event but an approval of what was handed in makes an item one that is drawn."""
    ways = [way for way, reached in ITEM_TRANSITIONS.items() if reached is ItemState.REVIEWED]
    assert ways == [(ItemState.IN_REVIEW, ItemEvent.APPROVE)]


def test_nobody_reviews_what_they_wrote() -> None:
    assert may_review("b", {"a"})
    assert not may_review("a", {"a", "b"})
