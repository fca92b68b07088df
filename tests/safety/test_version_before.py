"""What an earlier version of the product left behind is opened, verified and scored to the same bytes.

`before/<schema>/` holds a backup that the version of that schema made itself, packed: both papers of both
levels, three candidates each, answered by chance, closed at the deadline and scored; its two keys; and what it
wrote as score and as the hash of each score sheet.

Source: R-54; I6, I7.
"""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import flask
import pytest
from sqlalchemy import delete, select, text, update

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.ops.backup.restore import restore
from cbt.ops.backup.verification import all_findings, verify_everything
from cbt.rules.states import State
from cbt.runner.models import Attempt
from cbt.scoring.models import Score
from cbt.scoring.service import score_closed, verify_sitting
from cbt.storage.migrate import migrate
from cbt.storage.raw_connection import open_raw
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import close_engine
from tests.helpers import FakeClock

VERSIONS = sorted(path.parent for path in (Path(__file__).parent / "before").glob("*/manifest.json"))
LATER = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
KEYS = ("audit.key", "personal.key")

pytestmark = pytest.mark.filterwarnings("ignore:CBT_DB_ENCRYPTION=off")


@pytest.fixture(params=VERSIONS, ids=[path.name for path in VERSIONS])
def before(request: pytest.FixtureRequest) -> Path:
    """Return the folder of one earlier version."""
    return Path(request.param)


@pytest.fixture
def backup(before: Path, tmp_path: Path) -> Path:
    """Return the backup of that version, unpacked."""
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / "cbt.db").write_bytes(lzma.decompress((before / "cbt.db.xz").read_bytes()))
    shutil.copy(before / "manifest.json", folder)
    return folder


@pytest.fixture
def settings(before: Path, tmp_path: Path) -> Settings:
    """Return the settings of an empty installation that holds that version's keys."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    for name in KEYS:
        (keys / name).write_bytes((before / name).read_bytes())
        (keys / name).chmod(0o600)
    return Settings(data_dir=tmp_path / "data", key_dir=keys, db_encryption=False)


@pytest.fixture(params=["its database", "its backup"])
def opened(request: pytest.FixtureRequest, backup: Path, settings: Settings) -> Iterator[flask.Flask]:
    """Yield the app on that version's installation, brought up to today's schema."""
    if request.param == "its backup":
        restore(settings, backup)
    else:
        settings.data_dir.mkdir(mode=0o700)
        shutil.copy(backup / "cbt.db", settings.data_dir)
    app = create_app(settings, clock=FakeClock(LATER))
    with app.app_context():
        migrate()
    yield app
    close_engine(app)


def written(before: Path) -> list[tuple[str, str, str]]:
    """Return attempt, score and hash of the score sheet, as that version wrote them."""
    return [(ref, score, sha256) for ref, score, sha256 in json.loads((before / "scores.json").read_text())]


def scores() -> list[tuple[str, str, str]]:
    """Return the same of the database as it is."""
    query = select(Attempt.ref, Score.score, Score.sha256).join(Score, Score.attempt_id == Attempt.id)
    with reading() as session:
        return [
            (ref, str(score), sha256) for ref, score, sha256 in session.execute(query.order_by(Attempt.id))
        ]


def test_all_that_is_stored_verifies(opened: flask.Flask) -> None:
    with opened.app_context():
        assert list(all_findings(verify_everything())) == []


def test_every_score_is_rescored_to_the_same_bytes(opened: flask.Flask, before: Path) -> None:
    with opened.app_context():
        with reading() as session:
            refs = session.scalars(text("SELECT ref FROM sitting")).all()
        checked = [one for ref in refs for one in verify_sitting(ref)]
        assert len(checked) == len(written(before)) > 0
        assert all(one.ok for one in checked)
        assert scores() == written(before)


def test_what_is_scored_anew_is_what_that_version_wrote(opened: flask.Flask, before: Path) -> None:
    with opened.app_context():
        with unit_of_work() as session:
            session.execute(delete(Score))
            session.execute(update(Attempt).where(Attempt.state == State.SCORED).values(state=State.CLOSED))
        assert score_closed(now=LATER) == len(written(before))
        assert scores() == written(before)


def test_an_answer_that_was_changed_since_is_found(backup: Path, settings: Settings) -> None:
    settings.data_dir.mkdir(mode=0o700)
    shutil.copy(backup / "cbt.db", settings.data_dir)
    with closing(open_raw(settings.data_dir / "cbt.db", None)) as connection:
        other = """CASE value WHEN '"A"' THEN '"B"' ELSE '"A"' END"""
        connection.execute(f"UPDATE journal SET value = {other} WHERE id = (SELECT min(id) FROM journal)")
    app = create_app(settings, clock=FakeClock(LATER))
    with app.app_context():
        migrate()
        assert list(all_findings(verify_everything()))
    close_engine(app)
