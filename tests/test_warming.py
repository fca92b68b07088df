"""A process that comes into an exam has templates, texts and selects ready; on a quiet morning it needs none."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterator

import pytest
from sqlalchemy import literal_column, select, update
from sqlalchemy.dialects import sqlite

from cbt.ops import prewarm
from cbt.ops.prewarm import warm_up
from cbt.sittings.models import SittingRoom
from cbt.storage import prepared
from cbt.storage.prepared import PreparedChange, PreparedSelect, RawSelect
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from tests.world import World

TILES = "proctoring/board/parts/_tiles.html"


def compiled(world: World) -> set[str]:
    """Return the templates that the app has compiled."""
    cache = world.app.jinja_env.cache
    assert cache is not None
    return {name for _, name in cache.keys()}  # noqa: SIM118  # a cache of theirs, no mapping


def forget(world: World) -> None:
    cache = world.app.jinja_env.cache
    assert cache is not None
    cache.clear()


def in_state(world: World, state: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(SittingRoom).values(state=state))


@pytest.mark.parametrize("state", ["admitting", "running", "held"])
def test_what_the_pages_of_an_exam_are_made_with_is_there(world: World, state: str) -> None:
    in_state(world, state)
    forget(world)
    assert warm_up(world.app)
    there = compiled(world)
    assert {TILES, "door/seat.html", "base.html"} <= there
    assert not any(name.startswith(("bank/", "enrolment/", "results/")) for name in there)


def test_what_takes_longer_than_it_may_is_left_for_later(world: World) -> None:
    in_state(world, "running")
    forget(world)
    looks = itertools.count()
    assert not warm_up(world.app, within=3, timer=lambda: next(looks))
    assert 0 < len(compiled(world)) <= 3
    assert warm_up(world.app, within=3, timer=lambda: 0)
    assert TILES in compiled(world)


@pytest.mark.parametrize("state", ["published", "ended"])
def test_without_an_exam_nothing_is_made_before_it_is_asked_for(world: World, state: str) -> None:
    in_state(world, state)
    forget(world)
    assert not warm_up(world.app)
    assert TILES not in compiled(world)


def test_selects_and_changes_are_put_together(world: World) -> None:
    with world.app.app_context():
        dialect = db.engine.dialect
    query = select(SittingRoom.id)
    raw, known = RawSelect(query, dialect), PreparedSelect(query)
    changed = PreparedChange(lambda _: update(SittingRoom).values(armed=False))
    assert ("_made" in vars(raw), known._of, changed._of) == (False, {}, {})
    prepared.put_together(dialect)
    assert "_made" in vars(raw)
    assert "_made" in vars(known._of[dialect.name])
    assert changed._of[dialect.name].text.startswith("UPDATE sitting_room")


def test_they_are_gone_through_while_requests_make_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first questions of a hall are put together beside the thread that puts all of them together."""
    one, other = Statement(), Statement()
    comes = threading.Thread(target=lambda: prepared.remember(other))

    class WhileItComes(weakref.WeakSet[prepared.PreparedStatement]):
        def __iter__(self) -> Iterator[prepared.PreparedStatement]:
            for each in super().__iter__():
                comes.start()
                comes.join(0.2)  # it waits, or it has come by now
                yield each

    monkeypatch.setattr(prepared, "_known", WhileItComes([one]))
    prepared.put_together(sqlite.dialect())
    comes.join()
    assert (one.times, other.times, weakref.ref(other) in prepared._known.data) == (1, 0, True)


class Statement:
    """Counts how often it was put together."""

    times = 0

    def prepare(self, _dialect: object) -> None:
        self.times += 1


def test_a_database_that_cannot_be_read_keeps_nobody_from_serving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prewarm, "_UNDER_WAY", select(literal_column("nothing")))
    assert not warm_up(world.app)
