"""The life of an item from its first draft to the day it is drawn no more, as a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from cbt.errors import Conflict


class ItemState(StrEnum):
    """How far the version of an item is that its authors work on: 草稿, 待审, 已审, 停用."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    RETIRED = "retired"


class ItemEvent(StrEnum):
    """What can happen to an item at its desk."""

    WRITE = "write"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RETIRE = "retire"
    RESTORE = "restore"


# A reviewed item that is written anew is a draft again; what was reviewed before goes on being drawn until the new
# version is reviewed too. What was retired is written on only after it was taken back.
TRANSITIONS: Mapping[tuple[ItemState, ItemEvent], ItemState] = {
    (ItemState.DRAFT, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.DRAFT, ItemEvent.SUBMIT): ItemState.IN_REVIEW,
    (ItemState.DRAFT, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.IN_REVIEW, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.WITHDRAW): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.APPROVE): ItemState.REVIEWED,
    (ItemState.IN_REVIEW, ItemEvent.SEND_BACK): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.REVIEWED, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.REVIEWED, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.RETIRED, ItemEvent.RESTORE): ItemState.DRAFT,
}


def next_item_state(state: ItemState, event: ItemEvent) -> ItemState:
    """Return where an event takes an item; raise Conflict("item.transition") where it cannot happen."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("item.transition", state=state.value, event=event.value) from None


def may_review(reviewer: str, writers: Collection[str]) -> bool:
    """Return whether somebody may judge an item; `writers` wrote a version since the last reviewed one.

    Nobody reviews what they wrote; whether another account is another person, `second_person` says when they judge.
    Source: R-62.
    """
    return reviewer not in writers
