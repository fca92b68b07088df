"""The folder of blueprints at a start: what is new is taken, what is faulty stops nothing and is told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import flask
import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.blueprints import store
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.reasons import version_in_force
from cbt.blueprints.versions import faults, load_folder, look, store_blueprint
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.exams.sources import REASONS, minutes, shipped
from tests.helpers import FakeClock
from tests.world import World

SOUND = shipped("l3").read_text("utf-8")
EARLIER = SOUND.replace("earliest = 30", "earliest = 20", 1)
FAULTY = SOUND.replace("count = 40", "count = 41", 1)
REF = "customer-service-l3"


def start(app: flask.Flask, clock: FakeClock, folder: Path) -> None:
    """Take what is in the folder, a minute after the last time."""
    now = clock.advance(minutes(1))
    with app.app_context():
        found = look(folder)
        with unit_of_work() as session:
            load_folder(session, folder, found, now=now, actor="cli")


def in_force(app: flask.Flask) -> str:
    with app.app_context(), reading() as session:
        return store.current_version(session, REF).source


def test_a_faulty_file_leaves_in_force_what_was_and_is_logged(
    app: flask.Flask, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "l3.toml"
    for text in (SOUND, FAULTY, "schema = [", SOUND.replace("ref = ", "ref = 1 #"), "\x00"):
        file.write_text(text, "utf-8")
        (tmp_path / "reasons.toml").write_text(REASONS if text == SOUND else "schema = 2", "utf-8")
        with caplog.at_level(logging.ERROR, logger="cbt.blueprints.versions"):
            start(app, clock, tmp_path)
        assert in_force(app) == SOUND
        assert (
            ("l3.toml is not used" in caplog.text)
            == ("reasons.toml is not used" in caplog.text)
            == (text != SOUND)
        )
        caplog.clear()
    with app.app_context(), reading() as session:
        assert version_in_force(session) == 1
    file.write_bytes(b"\xff\xfe")
    with app.app_context():
        assert [one.name for one in faults(tmp_path)] == ["l3.toml", "reasons.toml"]


def test_of_two_files_with_one_ref_the_first_holds(
    app: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text(SOUND, "utf-8")
    (tmp_path / "b.toml").write_text(EARLIER, "utf-8")
    for _ in range(2):
        start(app, clock, tmp_path)
        assert in_force(app) == SOUND
    with app.app_context():
        assert [(one.name, one.error and one.error.code) for one in faults(tmp_path)] == [
            ("b.toml", "blueprint.ref_twice")
        ]


def test_a_start_does_not_undo_what_was_decided_since_its_file_last_changed(
    app: flask.Flask, clock: FakeClock, tmp_path: Path
) -> None:
    file, brought = tmp_path / "l3.toml", SOUND.replace("pass_points = 60", "pass_points = 70", 1)
    file.write_text(SOUND, "utf-8")
    start(app, clock, tmp_path)
    with app.app_context(), unit_of_work() as session:
        store_blueprint(session, brought, now=clock.now(), actor="staff:officer", act="blueprint.keep")
    start(app, clock, tmp_path)
    assert in_force(app) == brought
    file.write_text(EARLIER, "utf-8")
    start(app, clock, tmp_path)
    assert in_force(app) == EARLIER
    file.write_text(SOUND, "utf-8")
    start(app, clock, tmp_path)
    start(app, clock, tmp_path)
    assert in_force(app) == SOUND
    with app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.subject == f"blueprint:{REF}")).all()
        assert len(session.scalars(select(BlueprintVersion)).all()) == 3
    assert acts == ["blueprint.load", "blueprint.keep", "blueprint.load", "blueprint.load"]


def test_a_version_that_comes_later_holds_though_the_clock_was_set_back(
    app: flask.Flask, clock: FakeClock
) -> None:
    for text, span in ((SOUND, 0), (EARLIER, -5), (SOUND, -5)):
        now = clock.advance(minutes(span))
        with app.app_context(), unit_of_work() as session:
            store_blueprint(session, text, now=now, actor="cli")
        assert in_force(app) == text


def test_officers_are_told_on_their_first_page(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "l3.toml").write_text(FAULTY, "utf-8")
    bad = replace(world.app.extensions["cbt_settings"], blueprint_dir=tmp_path)
    monkeypatch.setitem(world.app.extensions, "cbt_settings", bad)
    assert "l3.toml" in world.staff("officer").get("/staff").get_data(as_text=True)
    assert "l3.toml" not in world.staff("proctor").get("/staff").get_data(as_text=True)
