"""A database that is moved away, exchanged or written over under a server: nothing is saved, everybody is told."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from cbt.errors import Unavailable
from cbt.jobs.scheduler import FileLock, run_job
from cbt.runner.close.outage import beat
from cbt.sittings.service import create_batch
from cbt.storage.engine import files_of
from cbt.storage.file_guard import HELD, GuardedFiles
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work
from tests.proctoring.desk import Desk
from tests.safety.conftest import begin_exam, settings_of
from tests.safety.held import aside, empty_log, held, put_log_in
from tests.world import World

__all__ = ["held"]
# Only there: PostgreSQL looks after its files itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])


def data_of(world: World) -> Path:
    """Return the data folder."""
    return settings_of(world).data_dir


def another(world: World) -> GuardedFiles:
    """Return what another process of the server knows of the files."""
    files = files_of(world.app)
    assert files is not None
    return GuardedFiles(data_of(world) / "cbt.db", files.hold, gate=data_of(world) / "write.lock")


def _away(data: Path, name: str) -> Callable[[], Any]:
    there, elsewhere = (data, data.with_name("away")) if not name else (data / name, data.with_name("away"))
    there.rename(elsewhere)
    return lambda: elsewhere.rename(there)


@pytest.mark.parametrize(
    "name", ["cbt.db", "cbt.db-wal", "cbt.db-shm", ""], ids=lambda name: name or "folder"
)
def test_what_was_moved_away_stops_saving_until_it_is_back(held: World, name: str) -> None:
    page, client = begin_exam(held), held.app.test_client()
    assert page.answer(1, "A").status_code == 200
    come_back = _away(data_of(held), name)
    entry = page.entry(2, "B")
    refused = page.send(entry)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "db.gone")
    assert refused.get_json()["path"] == str(data_of(held) / (name or "cbt.db"))
    well = client.get("/healthz")
    assert (well.status_code, well.get_json()["database"]) == (503, "gone")
    assert well.get_json()["warnings"] == ["db.gone"]
    come_back()
    assert page.send(entry).status_code == 200
    assert client.get("/healthz").status_code == 200


def test_nothing_is_made_in_the_place_of_what_is_gone(held: World) -> None:
    page = begin_exam(held)
    for path in data_of(held).iterdir():
        path.unlink()
    held.app.extensions["cbt_journal"].commits.close()
    with held.app.app_context():
        db.engine.dispose()
        with pytest.raises(Unavailable, match=r"db\.gone"), unit_of_work():
            pytest.fail("let in")
    assert page.answer(1, "A").get_json()["code"] == "db.gone"
    assert list(data_of(held).iterdir()) == []


def test_another_database_in_the_place_is_neither_read_nor_written(held: World) -> None:
    page = begin_exam(held)
    other = aside(data_of(held) / "cbt.db", "older.db")
    body = other.read_bytes()
    other.rename(data_of(held) / "cbt.db")
    refused = page.answer(1, "A")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "db.exchanged")
    assert held.app.test_client().get("/healthz").get_json()["database"] == "exchanged"
    with held.app.app_context():
        db.engine.dispose()
        with pytest.raises(Unavailable, match=r"db\.exchanged"):
            db.engine.connect()
    assert (data_of(held) / "cbt.db").read_bytes() == body


def test_an_older_file_copied_over_the_database_is_told_by_its_bytes(held: World) -> None:
    page = begin_exam(held)
    empty_log(held)
    older = aside(data_of(held) / "cbt.db", "older.db")
    assert page.answer(1, "A").status_code == 200
    empty_log(held)
    assert page.answer(2, "A").status_code == 200
    shutil.copyfile(older, data_of(held) / "cbt.db")
    os.utime(data_of(held) / "cbt.db")
    for _ in range(2):
        refused = page.answer(3, "A")
        assert (refused.status_code, refused.get_json()["code"]) == (503, "db.overwritten")
    assert held.app.test_client().get("/healthz").get_json()["database"] == "overwritten"


@pytest.mark.parametrize("how", ["PASSIVE", "TRUNCATE"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_file_copied_over_while_the_log_is_emptied_is_told_by_the_logs_own_pages(
    held: World, how: str, first: bool
) -> None:
    page = begin_exam(held)
    empty_log(held)
    older = aside(data_of(held) / "cbt.db", "older.db")
    if first:  # what is in the log is brought again: something else has to differ
        with held.app.app_context(), unit_of_work() as session:
            create_batch(session, name="第二批", now=held.clock.now(), actor="test")
        empty_log(held)
    assert page.answer(1, "A").status_code == 200
    with pytest.raises(Unavailable, match=r"db\.overwritten"), held.app.extensions["cbt_gate"]():
        if first:
            shutil.copyfile(older, data_of(held) / "cbt.db")
        put_log_in(held, how)
        if not first:
            shutil.copyfile(older, data_of(held) / "cbt.db")
    assert page.answer(3, "A").get_json()["code"] == "db.overwritten"
    assert held.app.test_client().get("/healthz").get_json()["database"] == "overwritten"


def test_what_was_committed_on_a_file_copied_over_is_not_put_into_the_second_copy(
    held: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, gate, followed = begin_exam(held), held.app.extensions["cbt_gate"], []
    empty_log(held)
    older = aside(data_of(held) / "cbt.db", "older.db")
    assert page.answer(1, "A").status_code == 200
    empty_log(held)
    follower = SimpleNamespace(ready=lambda: None, follow=lambda: followed.append("followed"))
    monkeypatch.setattr(gate, "copy", follower)
    with gate():
        pass
    assert followed == ["followed"]
    with pytest.raises(Unavailable, match=r"db\.overwritten"), gate():
        shutil.copyfile(older, data_of(held) / "cbt.db")
    assert followed == ["followed"]
    monkeypatch.undo()
    assert page.answer(3, "A").get_json()["code"] == "db.overwritten"
    trouble = another(held).trouble()
    assert trouble is not None  # another process does not go on with it
    assert trouble.code == "db.overwritten"


@pytest.mark.parametrize("how", ["PASSIVE", "TRUNCATE"])
def test_a_log_emptied_as_far_as_a_reader_allows_is_no_alarm(held: World, how: str) -> None:
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    with held.app.app_context(), db.engine.connect() as reader:
        reader.exec_driver_sql("PRAGMA busy_timeout = 1")
        reader.execute(text("SELECT count(*) FROM journal")).scalar()
        assert page.answer(2, "A").status_code == 200
        with held.app.extensions["cbt_gate"]():
            put_log_in(held, how)
        assert page.answer(3, "A").status_code == 200
    empty_log(held)
    for number in range(4, 8):
        assert page.answer(number, "A").status_code == 200
        with held.app.extensions["cbt_gate"]():
            put_log_in(held, "PASSIVE")
    assert held.app.test_client().get("/healthz").status_code == 200


def test_another_process_sees_what_one_found_overwritten(held: World) -> None:
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    other = another(held)
    assert other.trouble() is None
    os.truncate(data_of(held) / "cbt.db", 4096)
    trouble = other.trouble()
    assert trouble is not None
    assert (trouble.code, trouble.suffix) == ("db.overwritten", "")


def test_a_log_cut_while_somebody_writes_is_found_before_anything_is_acknowledged(held: World) -> None:
    page = begin_exam(held)

    def cut() -> None:
        held.app.extensions["cbt_journal"].commits.before_commit = None
        os.truncate(data_of(held) / "cbt.db-wal", 0)

    held.app.extensions["cbt_journal"].commits.before_commit = cut
    refused = page.answer(1, "A")
    assert (refused.status_code, refused.get_json()["code"]) == (503, "db.overwritten")
    assert page.answer(2, "A").get_json()["code"] == "db.overwritten"
    assert another(held).trouble() is not None  # another process finds it, too


@pytest.mark.parametrize(
    ("seconds", "expected"), [pytest.param(1, 200, id="rounded"), pytest.param(3, 503, id="another time")]
)
def test_a_time_that_moved_little_over_the_same_bytes_is_no_alarm(
    held: World, seconds: int, expected: int
) -> None:
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    at = (data_of(held) / "cbt.db").stat().st_mtime_ns + seconds * 10**9
    os.utime(data_of(held) / "cbt.db", ns=(at, at))
    assert page.answer(2, "A").status_code == expected


def test_what_a_killed_writer_left_counts_as_it_is(held: World) -> None:
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    lock = data_of(held) / "write.lock"
    raw = bytearray(lock.read_bytes())
    raw[8] = 1  # at work
    lock.write_bytes(raw)
    at = (data_of(held) / "cbt.db").stat().st_mtime_ns + 10**11
    os.utime(data_of(held) / "cbt.db", ns=(at, at))
    assert page.answer(2, "A").status_code == 200


def test_who_does_not_know_of_the_hold_leaves_no_mark(held: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page = begin_exam(held)
    assert page.answer(1, "A").status_code == 200
    files = files_of(held.app)
    assert files is not None
    hold, files.hold = files.hold, None
    assert page.answer(2, "A").status_code == 200
    assert (data_of(held) / "write.lock").stat().st_size == 0
    empty_log(held)
    monkeypatch.delenv(HELD)
    files.join_server()  # as a command beside a server does
    assert files.hold == hold
    assert page.answer(3, "A").status_code == 200


def test_a_gate_that_was_removed_is_made_anew(held: World) -> None:
    page = begin_exam(held)
    for make in (Path.unlink, lambda path: path.with_name("fresh").replace(path)):
        (data_of(held) / "fresh").touch()
        make(data_of(held) / "write.lock")
        assert page.answer(1, "A").status_code == 200
        assert (data_of(held) / "write.lock").stat().st_size > 0  # the next writer's mark


def test_board_and_pages_of_the_staff_say_so_and_what_to_do(held: World) -> None:
    begin_exam(held)
    desk, officer = Desk(held), held.staff("officer")
    assert "cbt rescue" not in desk.client.get(f"{desk.url}/live").text
    _away(data_of(held), "cbt.db")
    live = desk.client.get(f"{desk.url}/live").text
    assert "cbt.db 不见了" in live
    assert "cbt rescue" in live
    assert desk.client.get(desk.url).text.count("cbt.db 不见了") == 1
    assert officer.get("/staff").text.count("cbt.db 不见了") == 1


def test_whatever_is_refused_meanwhile_pages_are_shown(held: World) -> None:
    page, officer = begin_exam(held), held.staff("officer")
    assert officer.get("/staff").status_code == 200
    come_back = _away(data_of(held), "cbt.db")
    for position in range(1, 16):  # more than connections are kept
        assert page.answer(position, "A").status_code == 503
    assert officer.get("/staff").text.count("cbt.db 不见了") == 1
    come_back()
    assert page.answer(1, "A").status_code == 200


def test_a_page_that_cannot_ask_who_it_is_for_says_what_happened(held: World) -> None:
    officer = held.staff("officer")
    _away(data_of(held), "cbt.db")
    with held.app.app_context():
        db.engine.dispose()
    for path in ("/staff", "/office/batches"):
        reply = officer.get(path)
        assert reply.status_code == 503
        assert "cbt.db" in reply.text
        assert "cbt rescue" in reply.text


def test_jobs_wait_and_say_nothing(held: World, caplog: pytest.LogCaptureFixture) -> None:
    _away(data_of(held), "cbt.db")
    with caplog.at_level(logging.WARNING):
        run_job(held.app, beat)
    assert caplog.text == ""


def test_no_leader_is_found_in_a_folder_that_is_gone(held: World, tmp_path: Path) -> None:
    assert FileLock(tmp_path / "gone" / "leader.lock").take() is False


def test_without_a_hold_everything_is_well(world: World) -> None:
    files = files_of(world.app)
    assert files is not None
    assert files.trouble() is None
    files.check_closely()
    with world.app.app_context(), unit_of_work() as session:
        session.execute(text("SELECT 1"))
