"""Every end, a millisecond before, at and after it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from cbt.rules import clock
from tests.databases import PostgresServer
from torture.arena import BEGIN, settings_in
from torture.deadlines.draw import MS, draw_people, draw_room
from torture.deadlines.moments import try_deadlines
from torture.deadlines.oracle import Grant, Life, Stop, Terms

MINUTE = timedelta(minutes=1)
THEORY = Terms(45 * MINUTE, (), timedelta(seconds=3), 30 * MINUTE, timedelta(0), carried=True, scaled=True)


@pytest.fixture
def url(database_kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database: "" for a file, else one of the server's."""
    if database_kind == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    yield server.create("deadlines")
    server.drop("deadlines")


def test_saves_and_hand_ins_around_every_end_follow_the_rules(url: str, tmp_path: Path) -> None:
    tried = try_deadlines(settings_in(tmp_path, database_url=url), cases=150 if url else 500, seed=11)
    assert tried.broken == []
    assert tried.cases >= (150 if url else 500)
    assert min(tried.saves, tried.submits, tried.sweeps) > 0


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        pytest.param(
            "accepts_answers",
            lambda now, *, opens_at, closes_at, grace: closes_at is not None and now <= closes_at + grace,
            id="the end of the grace still counts",
        ),
        pytest.param(
            "sweep_due",
            lambda now, *, closes_at, grace: closes_at is not None and closes_at + grace <= now,
            id="the sweep closes two seconds early",
        ),
        pytest.param(
            "may_submit",
            lambda now, *, earliest_at, closes_at, closed_before_end: now > earliest_at,
            id="the first moment of handing in is refused",
        ),
    ],
)
def test_a_rule_that_is_off_by_a_moment_is_found(
    name: str, wrong: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, name, wrong)
    assert try_deadlines(settings_in(tmp_path), cases=150, seed=3).broken != []


def test_the_oracle_gives_back_what_a_stopped_clock_lost_and_no_more() -> None:
    stops = [Stop(BEGIN + 10 * MINUTE, BEGIN + 15 * MINUTE, room=True)]
    stops.append(Stop(BEGIN + 12 * MINUTE, BEGIN + 20 * MINUTE, room=False))
    life = Life(THEORY, BEGIN, BEGIN + MINUTE, factor=Fraction(3, 2), stops=stops)
    assert life.closes_at() == BEGIN + timedelta(minutes=67.5) + 10 * MINUTE
    assert life.earliest_at() == BEGIN + 35 * MINUTE
    assert life.paused(BEGIN + 20 * MINUTE - MS)
    assert not life.paused(BEGIN + 20 * MINUTE)


def test_the_oracle_shifts_the_unit_open_at_a_grant_and_all_later_ones() -> None:
    terms = Terms(
        45 * MINUTE, (10 * MINUTE, 35 * MINUTE), timedelta(0), 30 * MINUTE, timedelta(0), carried=True, scaled=True
    )  # fmt: skip
    life = Life(terms, BEGIN, BEGIN, grants=[Grant(BEGIN + 2 * MINUTE, 4 * MINUTE, in_proportion=False)])
    assert [span.ended_at for span in life.units()] == [BEGIN + 14 * MINUTE, BEGIN + 49 * MINUTE]
    life.grants = [Grant(BEGIN, 45 * MINUTE, in_proportion=True)]
    assert [span.ended_at for span in life.units()] == [BEGIN + 20 * MINUTE, BEGIN + 90 * MINUTE]
    life.confirmed = [(1, BEGIN + 3 * MINUTE)]
    assert [(span.opened_at, span.confirmed) for span in life.units()] == [
        (BEGIN, True),
        (BEGIN + 3 * MINUTE, False),
    ]


def test_the_same_seed_draws_the_same_lives() -> None:
    assert draw_people(40, random.Random(5)) == draw_people(40, random.Random(5))
    assert draw_room(random.Random(5)) == draw_room(random.Random(5))
