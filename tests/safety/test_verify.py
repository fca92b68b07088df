"""What was changed behind the product's back is found, and where."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.errors import Unavailable
from cbt.http.app_context import register_factory
from cbt.ops.backup.commands import verify
from cbt.ops.backup.verification import CHECKS, StoredCheck, all_findings, verify_everything
from cbt.ops.preflight import bringing_back
from cbt.runner.attempt_changes import reopen_attempt
from cbt.runner.models import Attempt
from cbt.runner.save.digest import journal_digests
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from tests.conftest import base_settings, close_engine
from tests.delivery.driver import Page
from tests.safety.conftest import end_everything, settings_of
from tests.world import World

PAGE = 4096


@pytest.fixture
def scored(exam: Page, world: World) -> World:
    """The world after everybody's deadline: closed and scored."""
    end_everything(world)
    return world


def run(world: World) -> dict[str, StoredCheck]:
    """Verify and return the checks by name."""
    with world.app.app_context():
        return {check.name: check for check in verify_everything()}


def found(world: World) -> list[tuple[str, str]]:
    """Return what verifying finds."""
    return [(one.what, one.where) for one in all_findings(list(run(world).values()))]


def change(world: World, *statements: str) -> None:
    """Change rows behind the product's back."""
    with world.app.app_context(), unit_of_work() as session:
        for statement in statements:
            session.execute(text(statement))


def test_an_exam_as_it_was_written_is_intact(scored: World) -> None:
    checks = run(scored)
    assert list(checks) == [name for name, _ in CHECKS]
    assert [check for check in checks.values() if not check.ok] == []
    assert checks["scores"].looked_at == checks["journals"].looked_at
    assert checks["scores"].looked_at
    assert checks["forms"].looked_at == len(scored.sitters)
    embedded = settings_of(scored).embedded
    for name in ("integrity", "cipher"):
        assert (checks[name].looked_at is not None) is embedded
    assert checks["foreign_keys"].looked_at


def test_a_running_exam_is_intact_too(exam: Page, world: World) -> None:
    assert found(world) == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        pytest.param("UPDATE form SET content = content || ' ' WHERE id = {form}", {"form"}, id="a form"),
        pytest.param(
            "UPDATE journal SET value = '\"B\"' WHERE attempt_id = {attempt} AND position = 1",
            {"journal"},
            id="an answer",
        ),
        pytest.param("DELETE FROM journal WHERE attempt_id = {attempt}", {"journal"}, id="answers removed"),
        pytest.param(
            "UPDATE score SET score = '100.0' WHERE attempt_id = {attempt}", {"score"}, id="the points shown"
        ),
        pytest.param(
            "UPDATE score SET sha256 = 'x' WHERE attempt_id = {attempt}", {"score_hash"}, id="a sheet's hash"
        ),
        pytest.param(
            "DELETE FROM score WHERE attempt_id = {attempt}", {"score_missing"}, id="a score removed"
        ),
        pytest.param(
            "UPDATE form SET content = '{{}}' WHERE id = {form}",
            {"form", "score_impossible"},
            id="a form that scores nobody",
        ),
    ],
)
def test_a_change_is_found_with_its_place_and_hides_no_other_check(
    scored: World, statement: str, what: set[str]
) -> None:
    attempt = scored.sitters["theory"]
    with scored.app.app_context(), db.engine.connect() as connection:
        form = connection.execute(
            text(
                "SELECT f.id, f.ref FROM form f JOIN attempt a ON a.form_id = f.id "
                f"WHERE a.id = {attempt.attempt_id}"
            )
        ).one()
    change(scored, statement.format(attempt=attempt.attempt_id, form=form.id))
    seen = found(scored)
    assert what <= {name for name, _ in seen}
    assert {where for _, where in seen} <= {attempt.attempt_ref, form.ref}


def test_an_answer_changed_together_with_its_digest_is_found_by_the_audit_log(scored: World) -> None:
    attempt = scored.sitters["theory"]
    change(
        scored,
        f"DELETE FROM journal WHERE attempt_id = {attempt.attempt_id} AND position = 2",
    )
    with scored.app.app_context(), unit_of_work() as session:
        forged = journal_digests(session, [attempt.attempt_id])[attempt.attempt_id]
    change(scored, f"UPDATE attempt SET journal_digest = '{forged}' WHERE id = {attempt.attempt_id}")
    assert ("journal_seal", attempt.attempt_ref) in found(scored)


def test_a_changed_log_entry_is_found(scored: World) -> None:
    change(scored, "UPDATE audit_entry SET reason = 'forged' WHERE id = 3")
    assert found(scored) == [("audit", "audit_entry 3")]


def test_one_persons_number_that_cannot_be_read_is_that_persons(scored: World) -> None:
    change(scored, "UPDATE candidate SET document_index = 'x' WHERE id = 1")
    with scored.app.app_context(), db.engine.connect() as connection:
        ref = connection.scalar(text("SELECT ref FROM candidate WHERE id = 1"))
    assert found(scored) == [("personal", ref)]


def test_a_reference_to_nothing_is_found(scored: World) -> None:
    if settings_of(scored).embedded:
        with scored.app.app_context(), db.engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            cursor = raw.cursor()
            for statement in (
                "PRAGMA query_only = 0", "PRAGMA foreign_keys = OFF",
                "INSERT INTO unit_done (attempt_id, unit, at) VALUES (9999, 1, 0)",
                "PRAGMA foreign_keys = ON",
            ):  # fmt: skip
                cursor.execute(statement)
        assert found(scored) == [("foreign_key", "unit_done 1 → attempt")]
    else:
        change(
            scored,
            "ALTER TABLE unit_done DROP CONSTRAINT fk_unit_done_attempt_id_attempt",
            "ALTER TABLE unit_done ADD CONSTRAINT fk_unit_done_attempt_id_attempt "
            "FOREIGN KEY (attempt_id) REFERENCES attempt (id) NOT VALID",
        )
        assert found(scored) == [("foreign_key", "fk_unit_done_attempt_id_attempt")]


# Only there: PostgreSQL's files are not ours to read.
@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_flipped_bit_in_the_file_is_found_on_its_page(scored: World) -> None:
    settings = settings_of(scored)
    with scored.app.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA query_only = 0")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = 'message'"
        ).scalar()
        connection.exec_driver_sql("BEGIN")
    close_engine(scored.app)
    assert page
    path: Path = settings.data_dir / "cbt.db"
    body = bytearray(path.read_bytes())
    body[(page - 1) * 4096 + 100] ^= 1
    path.write_bytes(body)
    seen = found(scored)
    assert any(what == "cipher" and where.endswith(f"page {page}") for what, where in seen)
    # A table nobody reads while checking: the other checks go on and are right.
    assert {what for what, _ in seen} <= {"cipher", "integrity", "unreadable", "table_unknown"}
    assert ("table_unknown", "message") in seen
    told = _invoke(scored)
    assert told.exit_code == 2
    assert "表 message " in told.output
    [last] = [line for line in told.output.splitlines() if "最短的恢复办法" in line]
    assert last.endswith(bringing_back(settings))
    assert json.loads(_invoke(scored, "--json").stdout)["next"] == bringing_back(settings)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_page_that_a_power_cut_tore_in_a_checkpoint_is_no_damage_while_the_log_holds_it(
    exam: Page, world: World
) -> None:
    path = settings_of(world).data_dir / "cbt.db"
    log = path.with_name("cbt.db-wal").read_bytes()
    logged = {int.from_bytes(log[at : at + 4], "big") for at in range(32, len(log), PAGE + 24)}
    page = max(number for number in logged if number * PAGE <= path.stat().st_size)
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE + PAGE // 2)
        file.write(bytes(512))
    assert found(world) == []


def _invoke(world: World, *arguments: str) -> Result:
    register_factory(lambda: world.app)
    return CliRunner().invoke(click.Group("cbt", commands={"verify": verify}), ["verify", *arguments])


def test_the_command_exits_with_2_and_says_what_and_where(scored: World) -> None:
    assert _invoke(scored).exit_code == 0
    ref = scored.sitters["theory"].attempt_ref
    change(scored, f"DELETE FROM score WHERE attempt_id = {scored.sitters['theory'].attempt_id}")
    told = _invoke(scored)
    assert told.exit_code == 2
    assert ref in told.output
    shown = json.loads(_invoke(scored, "--json").stdout)
    assert shown["ok"] is False
    wrong = [check for check in shown["checks"] if not check["ok"]]
    assert wrong == [
        {"name": "scores", "looked_at": wrong[0]["looked_at"], "ok": False, "waits": False,
         "findings": [{"what": "score_missing", "where": ref}]}
    ]  # fmt: skip


def test_it_shows_no_name_and_no_number(scored: World) -> None:
    change(scored, "UPDATE candidate SET document_index = 'x' || id WHERE id > 1")
    told = _invoke(scored).output + _invoke(scored, "--json").output
    for sitter in scored.sitters.values():
        assert sitter.name not in told
        assert sitter.document not in told


def test_an_empty_database_and_a_later_versions_are_refused(tmp_path: Path) -> None:
    begin_installation(base_settings(tmp_path))
    app = create_app(base_settings(tmp_path))
    with app.app_context():
        with pytest.raises(Unavailable, match=r"safety\.no_database"):
            verify_everything()
        migrate()
        with unit_of_work() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Unavailable, match=r"db\.newer"):
            verify_everything()
    close_engine(app)


def test_an_attempt_reopened_and_closed_again_is_held_to_its_last_closing(exam: Page, world: World) -> None:
    world.clock.advance(timedelta(minutes=25))
    assert exam.submit().status_code == 200
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        reopen_attempt(session, attempt, now=world.clock.now(), reason="误交卷", actor="staff:test")
    assert exam.start().status_code == 200
    assert exam.answer(5, "A").status_code == 200
    end_everything(world)
    assert found(world) == []
