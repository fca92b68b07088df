"""A lost `personal.key`: the numbers stay sealed, everything else goes on, and every place says so in words."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from sqlalchemy import select

from cbt.application.app import create_app
from cbt.audit.models import AuditEntry
from cbt.config import Settings
from cbt.errors import Conflict, Unavailable
from cbt.ops.keys import give_up_personal
from cbt.ops.preflight import ask, find
from cbt.storage.crypto import named_keys, personal_was_lost
from cbt.storage.unit_of_work import reading
from tests.conftest import close_engine
from tests.safety.conftest import settings_of
from tests.world import World

pytestmark = pytest.mark.past_sqlalchemy


@pytest.fixture
def stopped(world: World) -> Settings:
    """An installation with people in it, stopped."""
    close_engine(world.app)
    return settings_of(world)


@pytest.fixture
def lost(stopped: Settings, world: World) -> Iterator[flask.Flask]:
    """The same once its `personal.key` was lost and given up."""
    (stopped.keys / "personal.key").unlink()
    give_up_personal(stopped)
    app = create_app(stopped, clock=world.clock)
    app.config["WTF_CSRF_ENABLED"] = False
    yield app
    close_engine(app)


def test_a_key_that_is_there_is_not_lost(stopped: Settings) -> None:
    with pytest.raises(Conflict) as refused:
        give_up_personal(stopped)
    assert refused.value.code == "key.personal_not_lost"


def test_another_key_is_not_given_up_under_that_name(stopped: Settings) -> None:
    if not stopped.embedded:
        pytest.skip("PostgreSQL has no key of its own here")
    for name in ("database", "personal"):
        (stopped.keys / f"{name}.key").unlink()
    with pytest.raises(Unavailable) as refused:
        give_up_personal(stopped)
    assert refused.value.code == "belonging.keys_missing"
    assert not (stopped.keys / "personal.key").exists()


def test_what_follows_is_whole_and_logged(lost: flask.Flask, stopped: Settings) -> None:
    ask(stopped)
    with lost.app_context(), reading() as session:
        assert named_keys(session)["personal"] == find(stopped).keys["personal"]
        assert personal_was_lost(session)
        assert session.scalars(select(AuditEntry.act).order_by(AuditEntry.id.desc())).first() == "key.lost"


def test_anothers_key_is_kept_under_its_print(stopped: Settings) -> None:
    (stopped.keys / "personal.key").write_bytes(b"x" * 32)
    others = find(stopped).keys["personal"]
    path, print_ = give_up_personal(stopped)
    assert (stopped.keys / f"personal-{others}.key").read_bytes() == b"x" * 32
    assert print_ not in ("", others)
    assert path.read_bytes() != b"x" * 32
