"""What a process knows of attempts: whoever sits in one room is met with one query."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from cbt.errors import NotFound
from cbt.runner.save import attempt_row
from cbt.runner.save.attempt_row import InfoCache
from cbt.runner.save.journal import Journal
from tests.delivery.driver import Page
from tests.helpers import count_raw_readings
from tests.world import World


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Count the queries."""
    return count_raw_readings(monkeypatch, attempt_row)


def test_who_has_opened_their_paper_is_met_with_the_room_and_nobody_else(
    world: World, asked: list[Engine]
) -> None:
    """What is known of a form that nobody has before them could still change."""
    world.admit_all()
    world.start()
    for name in ("theory", "second"):
        assert Page(world, name).start().status_code == 200
    journal: Journal = world.app.extensions["cbt_journal"]
    met = InfoCache(journal.infos.engine, world.app.app_context)
    sitters = world.sitters
    assert met.get(sitters["theory"].attempt_ref).attempt_id == sitters["theory"].attempt_id
    assert met.get(sitters["second"].attempt_ref) == journal.infos.get(sitters["second"].attempt_ref)
    assert len(asked) == 1
    waiting = sitters["extra"]
    assert met.get(waiting.attempt_ref).attempt_id == waiting.attempt_id
    assert len(asked) == 2
    with pytest.raises(NotFound, match=r"attempt\.unknown"):
        met.get("at-nobody")
