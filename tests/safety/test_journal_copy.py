"""Whatever was acknowledged is on the second path, and when it cannot be, that is said and not hidden."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import text

from cbt.application.app import create_app
from cbt.ops.backup.restore import rebuild
from cbt.storage import mirror
from cbt.storage.mirror import JournalCopy
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.storage.write_queue.write_lock import Gate
from tests.conftest import close_engine
from tests.safety.conftest import begin_exam, settings_of, with_copy
from tests.world import World

# Only there: PostgreSQL keeps its second copy itself.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
Query = "SELECT attempt_id, lease_epoch, seq, value FROM journal ORDER BY id"


@pytest.fixture
def rebuilt(tmp_path: Path) -> Callable[[World], list[Any]]:
    """Rebuild from the copy as it lies there now, somewhere else, and return the journal."""
    count = iter(range(1000))

    def read(world: World) -> list[Any]:
        place = tmp_path / f"rebuilt{next(count)}"
        for folding in (one for one in threading.enumerate() if one.name == "copy-fold"):
            folding.join()  # it takes files away that are about to be copied
        shutil.copytree(tmp_path / "copy", place / "copy")
        settings = replace(settings_of(world), journal_copy_dir=None, data_dir=place / "data")
        done = rebuild(settings, place / "copy")
        assert not done.torn
        assert not done.damaged
        return journal(create_app(settings, clock=world.clock))

    return read


def journal(app: Any) -> list[Any]:
    """Return the rows of the journal."""
    with app.app_context(), reading() as session:
        return [tuple(row) for row in session.execute(text(Query))]


def copy_of(world: World) -> JournalCopy:
    """Return the copier of a world."""
    copy = cast(Gate, world.app.extensions["cbt_gate"]).copy
    assert isinstance(copy, JournalCopy)
    return copy


def test_every_acknowledged_change_is_in_the_copy(copied: World, rebuilt: Any) -> None:
    page = begin_exam(copied)
    for position in range(1, 6):
        assert page.answer(position, "A").status_code == 200
        assert rebuilt(copied) == journal(copied.app)
    with copied.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE journal SET value = '\"C\"' WHERE seq = 1"))
    assert rebuilt(copied) == journal(copied.app)


def test_the_folder_stays_small_and_whole_while_logs_come_and_go(
    copied: World, rebuilt: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = begin_exam(copied)
    copy = copy_of(copied)
    copy._log._empty_at = 50
    monkeypatch.setattr(mirror, "EMPTY_AT", 50)
    first = mirror.read_copy(tmp_path / "copy")
    assert first
    for position in range(1, 61):
        assert page.answer(position, "A").status_code == 200
    with copy._log._tidying():  # what was begun to be tidied is done
        held = mirror.read_copy(tmp_path / "copy")
        assert held
        assert held.newest > first.newest + 2
        mirror.fold(tmp_path / "copy", copy._source.key)
    names = sorted(path.name for path in (tmp_path / "copy").iterdir())
    assert names == [
        *(f"cbt-{held.newest:08d}.{kind}" for kind in ("base", "log", "times")), "cbt.spare", "copy.json"
    ]  # fmt: skip
    assert len(journal(copied.app)) == 60
    assert rebuilt(copied) == journal(copied.app)


def test_a_reader_in_the_way_of_emptying_loses_nothing(
    copied: World, rebuilt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = begin_exam(copied)
    copy = copy_of(copied)
    monkeypatch.setattr(mirror, "EMPTY_AGAIN", 10)
    with copied.app.app_context(), reading() as session:
        session.execute(text("SELECT count(*) FROM journal"))
        copy._log._empty_at = 1
        for position in range(1, 11):
            assert page.answer(position, "A").status_code == 200
        number = copy._log._number
    for position in range(11, 21):
        assert page.answer(position, "A").status_code == 200
    assert copy._log._number > number
    assert rebuilt(copied) == journal(copied.app)


@pytest.mark.parametrize("leaves", ["before the log goes on", "afterwards"])
def test_a_reader_that_came_after_the_commit_does_not_let_the_log_begin_by_itself(
    copied: World, rebuilt: Any, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    page = begin_exam(copied)
    source = copy_of(copied)._source
    empty = source.empty
    readers = contextlib.ExitStack()

    def empty_while_read() -> None:
        session = readers.enter_context(reading())
        session.execute(text("SELECT count(*) FROM journal"))
        empty()
        if leaves == "before the log goes on":
            readers.close()

    monkeypatch.setattr(source, "empty", empty_while_read)
    copy_of(copied)._log._empty_at = 1
    with copied.app.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE attempt_live SET answered = 0"))
    readers.close()
    monkeypatch.setattr(source, "empty", empty)
    for position in (1, 2):
        assert page.answer(position, "A").status_code == 200
    assert rebuilt(copied) == journal(copied.app)


def _away(folder: Path) -> None:
    folder.rename(folder.with_name("unplugged"))


def test_a_second_path_that_is_gone_keeps_saves_from_being_acknowledged(
    copied: World, rebuilt: Any, tmp_path: Path
) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    _away(tmp_path / "copy")
    entry = page.entry(2, "B")
    refused = page.send(entry)
    assert refused.status_code == 503
    assert refused.get_json()["code"] == "copy.behind"
    again = page.send(page.entry(3, "A"))
    assert again.status_code == 503
    client = copied.app.test_client()
    well = client.get("/healthz")
    assert well.status_code == 503
    assert well.get_json()["warnings"] == ["copy.behind"]
    metrics = client.get("/metrics", headers={"Host": "127.0.0.1"}).get_data(as_text=True)
    assert "cbt_journal_copy_behind 1\n" in metrics
    [lag] = [line.split()[1] for line in metrics.splitlines() if line.startswith("cbt_journal_copy_behind_s")]
    assert 0 < float(lag) < 60
    (tmp_path / "unplugged").rename(tmp_path / "copy")
    assert page.send(entry).status_code == 200
    assert page.answer(4, "B").status_code == 200
    assert not (settings_of(copied).data_dir / "copy.behind").exists()
    assert client.get("/healthz").status_code == 503  # given again for a second
    assert [row[3] for row in rebuilt(copied)] == ['"A"', '"B"', '"B"']
    assert rebuilt(copied) == journal(copied.app)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_copy_that_was_not_forced_to_disk_is_written_anew_before_the_next_acknowledgement(
    copied: World, rebuilt: Any, monkeypatch: pytest.MonkeyPatch, code: int, tmp_path: Path
) -> None:
    page = begin_exam(copied)
    with monkeypatch.context() as patched:
        patched.setattr(mirror, "_sync", _raiser(code))
        entry = page.entry(1, "A")
        assert page.send(entry).status_code == 503
    held = mirror.read_copy(tmp_path / "copy")
    assert held
    path = mirror.log_path(tmp_path / "copy", held.newest)
    path.write_bytes(path.read_bytes()[:100] + bytes(path.stat().st_size - 100))  # none of it was
    assert page.send(entry).status_code == 200
    assert rebuilt(copied) == journal(copied.app) != []


def _raiser(code: int) -> Callable[[int], None]:
    def fail(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_when_it_is_not_required_saving_goes_on_and_everybody_is_told(
    copied: World, rebuilt: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy_of(copied)._required = False
    page = begin_exam(copied)
    _away(tmp_path / "copy")
    for position in (1, 2, 3):
        assert page.answer(position, "A").status_code == 200
    assert caplog.text.count("is behind") == 1
    assert (reply := copied.app.test_client().get("/healthz")).status_code == 200
    assert reply.get_json()["warnings"] == ["copy.behind"]
    assert "第二份副本没有跟上" in copied.staff("proctor").get("/staff").text
    (tmp_path / "unplugged").rename(tmp_path / "copy")
    assert page.answer(4, "A").status_code == 200
    assert "whole again" in caplog.text
    assert not copy_of(copied).behind
    assert rebuilt(copied) == journal(copied.app)


def test_a_copy_that_was_away_for_long_begins_anew(
    copied: World, rebuilt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_of(copied)._required = False
    page = begin_exam(copied)
    _away(tmp_path / "copy")
    monkeypatch.setattr(mirror, "LONGEST", 20)
    for position in range(1, 30):
        assert page.answer(position, "A").status_code == 200
    assert (settings_of(copied).data_dir / "cbt.db-wal").stat().st_size < 200 * 4120
    (tmp_path / "unplugged").rename(tmp_path / "copy")
    assert page.answer(30, "A").status_code == 200
    assert rebuilt(copied) == journal(copied.app)


def test_what_was_committed_and_not_copied_goes_with_the_next(
    copied: World, rebuilt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = begin_exam(copied)
    with monkeypatch.context() as killed:
        killed.setattr(JournalCopy, "follow", lambda _self: None)
        page.answer(1, "A")
    assert rebuilt(copied) != journal(copied.app)
    assert page.answer(2, "B").status_code == 200
    assert rebuilt(copied) == journal(copied.app)


def test_the_next_process_goes_on_where_the_copy_ends(copied: World, rebuilt: Any, tmp_path: Path) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    close_engine(copied.app)
    held = mirror.read_copy(tmp_path / "copy")
    assert held
    path = mirror.log_path(tmp_path / "copy", held.newest)
    path.write_bytes(path.read_bytes()[:-5000])  # the power went before it was on disk
    settings = replace(settings_of(copied), journal_copy_dir=None)
    app = with_copy(settings, tmp_path / "copy", copied.clock)
    page.go_on_at(app)
    assert page.answer(2, "B").status_code == 200
    assert mirror.read_copy(tmp_path / "copy") == held
    assert rebuilt(copied) == journal(app)
    close_engine(app)


def test_a_log_that_another_program_began_is_followed_by_a_new_base(
    copied: World, rebuilt: Any, tmp_path: Path
) -> None:
    page = begin_exam(copied)
    assert page.answer(1, "A").status_code == 200
    other = create_app(replace(settings_of(copied), journal_copy_dir=None), clock=copied.clock)
    with other.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE journal SET value = '\"D\"'"))
    with other.app_context(), db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA query_only = 0")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    with other.app_context(), unit_of_work() as session:
        session.execute(text("UPDATE attempt_live SET answered = 0"))
    close_engine(other)
    before = mirror.read_copy(tmp_path / "copy")
    assert page.answer(2, "B").status_code == 503  # nothing is promised until the base is there
    assert page.answer(3, "A").status_code == 200
    after = mirror.read_copy(tmp_path / "copy")
    assert before
    assert after
    assert after.newest == before.newest + 1
    assert rebuilt(copied) == journal(copied.app)


def test_a_damaged_log_that_cannot_be_marked_ends_no_thread_with_a_traceback(
    copied: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder of the data is away just then: it is said, and asked again when the next log begins."""
    damaged, full = ValueError("cbt-00000001.log"), OSError(errno.ENOSPC, "full")

    def fail(error: Exception) -> Any:
        def failing(*_args: object, **_options: object) -> None:
            raise error

        return failing

    page = begin_exam(copied)
    monkeypatch.setattr(mirror, "fold", fail(damaged))
    monkeypatch.setattr(mirror.BehindMark, "ask_for_base", fail(full))
    copy_of(copied)._log._empty_at = 1
    assert page.answer(1, "A").status_code == 200
    for folding in (one for one in threading.enumerate() if one.name == "copy-fold"):
        folding.join()
    assert "cannot be tidied yet: OSError" in caplog.text
