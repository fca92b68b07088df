"""Until when the office changes a registration, at each edge."""

from __future__ import annotations

import pytest

from cbt.rules.planning.changes import RegistrationChange as Change
from cbt.rules.planning.changes import hindrance
from cbt.rules.states import SittingState as Room


@pytest.mark.parametrize("change", Change)
@pytest.mark.parametrize("room", [Room.DRAFT, Room.PUBLISHED, Room.ADMITTING])
def test_before_the_start_everything_is_the_offices(change: Change, room: Room) -> None:
    assert hindrance(change, room=room, met=False, begun=False) == ""


@pytest.mark.parametrize(
    ("change", "room", "met", "begun", "why"),
    [
        pytest.param(Change.SEAT, Room.ADMITTING, True, False, "met", id="a seat of somebody in the house"),
        pytest.param(Change.PLACE, Room.ADMITTING, True, False, "met", id="a room of somebody in the house"),
        pytest.param(Change.PAPER, Room.ADMITTING, True, False, "met", id="a paper of somebody in the house"),
        pytest.param(Change.WITHDRAW, Room.ADMITTING, True, False, "met", id="absent is not withdrawn"),
        pytest.param(Change.TERMS, Room.ADMITTING, True, False, "", id="accommodation until the start"),
        pytest.param(Change.KIND, Room.ADMITTING, True, False, "", id="kind until the start"),
        pytest.param(Change.TERMS, Room.RUNNING, False, False, "started", id="accommodation after the start"),
        pytest.param(Change.WITHDRAW, Room.HELD, False, False, "started", id="held is started"),
        pytest.param(Change.WITHDRAW, Room.RUNNING, False, True, "begun", id="an opened paper first"),
        pytest.param(Change.PLACE, Room.ENDED, False, False, "over", id="ended"),
        pytest.param(Change.PLACE, Room.SCORED, True, False, "over", id="scored"),
        pytest.param(Change.KIND, Room.RELEASED, False, False, "over", id="released"),
        pytest.param(Change.PLACE, Room.ABORTED, False, False, "aborted", id="aborted: a fresh sitting"),
        pytest.param(Change.PLACE, Room.CANCELLED, True, False, "", id="cancelled: another sitting"),
        pytest.param(Change.WITHDRAW, Room.CANCELLED, False, False, "", id="cancelled: gives up"),
        pytest.param(Change.SEAT, Room.CANCELLED, False, False, "cancelled", id="cancelled: no seat there"),
    ],
)
def test_why_it_cannot_be(change: Change, room: Room, met: bool, begun: bool, why: str) -> None:
    assert hindrance(change, room=room, met=met, begun=begun) == why
