"""Closing and scoring ask the database about a chunk, never about one attempt after another."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from cbt.runner.close.closure import expire_overdue
from cbt.scoring.service import score_closed, verify_sitting
from tests.delivery.driver import Page
from tests.helpers import count_queries
from tests.world import PLANNED, World

SITTERS = ("theory", "second", "skills", "factor")


@pytest.fixture
def overdue(world: World) -> World:
    """Four candidates of different papers have answered something, and their time is up."""
    world.admit_all()
    world.start()
    for name in SITTERS:
        page = Page(world, name)
        assert page.start().status_code == 200
        page.answer(1, "A")
    world.clock.set(PLANNED + timedelta(hours=3))
    return world


def test_no_statement_is_repeated_for_every_attempt(overdue: World) -> None:
    now = overdue.clock.now()
    with overdue.app.app_context():
        with count_queries(overdue.app) as closing:
            assert expire_overdue(now=now) == len(SITTERS)
        with count_queries(overdue.app) as scoring:
            assert score_closed(now=now) == len(SITTERS)
        with count_queries(overdue.app) as verifying:
            assert [one.ok for one in verify_sitting(overdue.sitting_ref)] == [True] * len(SITTERS)
    for seen in (closing, scoring, verifying):
        # The items of each form and its blueprint are read once by a process and never again.
        asked = Counter(one for one in seen if "item_version" not in one and "blueprint_version" not in one)
        assert max(asked.values()) == 1
