"""Scheduled backups are made in their time, and one that fails is seen by everybody whom it concerns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import func, select, update

from cbt.application import backups
from cbt.application.app import create_app
from cbt.application.backup_hook import SEND
from cbt.application.backups import (
    BACKUP,
    EARLY,
    FRESH,
    RETRY,
    BackupStanding,
    PlaceFacts,
    back_up_when_due,
    check_folder,
    fault_of,
    mount_points,
    note_made,
    standing_of,
    this_machine,
)
from cbt.candidates.jobs import PRINT
from cbt.config import Settings, as_environment
from cbt.console.exits import REFUSED
from cbt.errors import InvalidInput, Unavailable
from cbt.jobs import queue, worker
from cbt.jobs.models import Job, JobState
from cbt.jobs.worker import SYSTEM, JobRun, Worker, run_due
from cbt.ops.backup.commands import on_record
from cbt.ops.preparation import in_child, prepare
from cbt.ops.serve import announced
from cbt.storage import backup_folder
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.conftest import base_settings, close_engine
from tests.file_jobs import wait_until
from tests.helpers import FakeClock
from tests.safety.conftest import settings_of
from tests.safety.released import RELEASED, lay_out
from tests.world import World

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE_DATABASE = pytest.mark.parametrize("database_kind", ["sqlite"])
"""For what no statement of SQL decides."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the scheduled backups, a new one."""
    place = tmp_path / "备份"
    place.mkdir()
    return place


@pytest.fixture
def kept(world: World, folder: Path) -> Iterator[World]:
    """The world with scheduled backups, one an hour."""
    close_engine(world.app)
    app = with_backups(settings_of(world), folder, world.clock)
    yield world.on(app, world.clock)
    close_engine(app)


def with_backups(settings: Settings, folder: Path, clock: FakeClock) -> flask.Flask:
    """Return an app of an installation that makes backups into `folder`."""
    app = create_app(replace(settings, backup_dir=folder), clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    return app


def standing(world: World) -> BackupStanding:
    """Return what is on record."""
    with world.app.app_context(), reading() as session:
        found = standing_of(session, settings_of(world))
    assert found is not None
    return found


def back_up(world: World, *, now: datetime = NOON, on_purpose: bool = False) -> None:
    """Make a backup into the folder of the settings."""
    settings = settings_of(world)
    assert settings.backup_dir is not None
    with world.app.app_context():
        on_record(settings, settings.backup_dir, make_folder=on_purpose, now=now)


def healthy(world: World, at: datetime) -> list[str]:
    """Return the warnings of `/healthz` some time after what is on record was read."""
    world.clock.set(at)
    reply = world.app.test_client().get("/healthz")
    assert reply.status_code == 200, "an exam goes on without backups"
    return [name for name in reply.get_json().get("warnings", []) if name.startswith("backup")]


THERE = PlaceFacts(there=True, writable=True, unmounted="", gone=False)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(THERE, "", id="all is well"),
        pytest.param(replace(THERE, there=False, writable=False), "missing", id="no folder"),
        pytest.param(replace(THERE, writable=False), "read_only", id="not to be written"),
        pytest.param(replace(THERE, gone=True), "gone", id="no backup of those that were made"),
        pytest.param(replace(THERE, unmounted="/mnt/x"), "unmounted", id="a disk that is not mounted"),
        pytest.param(
            PlaceFacts(there=False, writable=False, unmounted="/mnt/x", gone=True),
            "unmounted",
            id="all of it",
        ),
    ],
)
def test_what_is_wrong_with_a_folder(facts: PlaceFacts, expected: str) -> None:
    assert fault_of(facts) == expected


def test_where_disks_belong_is_read_from_fstab(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "# /dev/sdb1 /mnt/no ext4",
        "UUID=1 / ext4",
        "/dev/sdc1 /mnt/back\\040up ext4",
        "/swap none swap",
        "",
    ]
    assert mount_points(lines) == [Path("/mnt/back up")]
    fstab = tmp_path / "fstab"
    monkeypatch.setattr(backups, "MOUNTS", fstab)
    check_folder(folder, None)  # a machine without one
    fstab.write_text(f"/dev/sdb1 {tmp_path / 'elsewhere'} ext4\n", "utf-8")
    check_folder(folder, None)
    fstab.write_text(f"/dev/sdb1 {folder} ext4\n", "utf-8")
    with pytest.raises(Unavailable, match=r"backup\.unmounted"):
        check_folder(folder / "deeper", None)


@pytest.mark.parametrize(
    ("made", "failed", "expected"),
    [
        pytest.param(None, None, ["backup.old"], id="none yet"),
        pytest.param(timedelta(0), None, [], id="just made"),
        pytest.param(2 * HOUR + timedelta(minutes=5), None, [], id="two intervals and five minutes"),
        pytest.param(2 * HOUR + timedelta(minutes=5, seconds=1), None, ["backup.old"], id="a second more"),
        pytest.param(HOUR, timedelta(0), ["backup.failed"], id="the last one failed"),
        pytest.param(HOUR, HOUR + timedelta(seconds=1), [], id="the one before failed"),
        pytest.param(None, HOUR, ["backup.failed", "backup.old"], id="none but failed ones"),
    ],
)
def test_what_is_told(made: timedelta | None, failed: timedelta | None, expected: list[str]) -> None:
    found = BackupStanding(
        "/b",
        made_at=None if made is None else NOON - made,
        failed_at=None if failed is None else NOON - failed,
    )
    assert found.warnings(every=HOUR, now=NOON) == expected


def test_a_failure_is_one_truth_for_all_survives_a_restart_and_ends_with_the_next_that_is_made(
    kept: World, folder: Path
) -> None:
    back_up(kept)
    assert (standing(kept).made_by, standing(kept).made_bytes > 0) == (this_machine(), True)
    assert healthy(kept, NOON + timedelta(minutes=1)) == []
    moved = folder.rename(folder.with_name("away"))
    with pytest.raises(Unavailable, match=r"backup\.missing"):
        back_up(kept, now=NOON + HOUR)
    assert not folder.exists(), "no folder is made where a disk may be missing"
    assert healthy(kept, NOON + HOUR + FRESH) == ["backup.failed"]
    again = kept.on(with_backups(settings_of(kept), folder, kept.clock), kept.clock)
    assert healthy(again, NOON + HOUR + 2 * FRESH) == ["backup.failed"]
    moved.rename(folder)
    back_up(kept, now=NOON + HOUR + timedelta(minutes=5))
    assert healthy(again, NOON + HOUR + timedelta(minutes=6)) == []
    close_engine(again.app)


@ONE_DATABASE
def test_a_folder_that_lost_all_its_backups_is_taken_for_a_disk_that_is_not_mounted(
    kept: World, folder: Path
) -> None:
    back_up(kept)
    for copy in backup_folder.copies(folder):
        backup_folder.remove(copy)
    with pytest.raises(Unavailable, match=r"backup\.gone"):
        back_up(kept, now=NOON + HOUR)
    assert list(folder.iterdir()) == []
    back_up(kept, now=NOON + 2 * HOUR, on_purpose=True)
    back_up(kept, now=NOON + 3 * HOUR)
    assert len(backup_folder.copies(folder)) == 2


@ONE_DATABASE
def test_another_machine_s_backups_may_lie_elsewhere(kept: World, folder: Path) -> None:
    with kept.app.app_context(), unit_of_work() as session:
        note_made(session, folder, "cbt-20261124T110000Z", 1, at=NOON - HOUR)
    with kept.app.app_context():
        there = replace(standing(kept), made_by="another node")
        check_folder(folder, there)
        with pytest.raises(Unavailable, match=r"backup\.gone"):
            check_folder(folder, standing(kept))


@ONE_DATABASE
def test_administrators_are_told_on_every_page_and_why_on_one(kept: World, folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(Unavailable):
        back_up(kept, now=kept.clock.now())
    admin, proctor = kept.staff("admin"), kept.staff("proctor")
    assert str(folder) in admin.get("/staff").get_data(as_text=True)
    assert str(folder) not in proctor.get("/staff").get_data(as_text=True)
    page = admin.get("/backups").get_data(as_text=True)
    assert f"备份文件夹 {folder} 不存在" in page
    assert "mkdir" in page
    assert proctor.get("/backups").status_code == 403


@ONE_DATABASE
def test_an_installation_without_scheduled_backups_says_so_on_that_page_alone(world: World) -> None:
    admin = world.staff("admin")
    assert "CBT_BACKUP_DIR" in admin.get("/backups").get_data(as_text=True)
    assert "backups" not in admin.get("/staff").get_data(as_text=True).split("<main")[1].split("home-part")[0]
    assert healthy(world, NOON) == []


def test_a_start_says_what_is_wrong_with_the_folder(tmp_path: Path) -> None:
    settings = replace(base_settings(tmp_path), backup_dir=tmp_path / "not there")
    prepared = in_child(prepare, settings)
    said = announced(settings, prepared)
    assert f"备份文件夹 {tmp_path / 'not there'} 不存在" in "\n".join(said.words)
    assert '"backup.missing"' in json.dumps(said.data, default=str)
    (tmp_path / "not there").mkdir()
    assert in_child(prepare, settings).backup_fault is None


class Copying:
    """A backup that is made, fails or goes on (None), without a process; `begun` counts them."""

    begun = 0
    ended = 0
    code: int | None = 0

    def __init__(self, command: list[str], **_options: Any) -> None:
        type(self).begun += 1
        self.returncode = self.code
        if self.code == 0:
            at = datetime.fromisoformat(command[command.index("--scheduled") + 1])
            place = Path(_options["env"]["CBT_BACKUP_DIR"]) / backup_folder.copy_name(at)
            place.mkdir()
            (place / "manifest.json").touch()

    def poll(self) -> int | None:
        """Return how it ended, None while it goes on."""
        return self.returncode

    def wait(self) -> int:
        """Return how it ended."""
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """End it, as far as it goes on."""
        if self.returncode is None:
            type(self).ended += 1
            self.returncode = -number


def copying(monkeypatch: pytest.MonkeyPatch, code: int | None) -> type[Copying]:
    """Have backups end so."""
    kind = type("Copied", (Copying,), {"code": code})
    monkeypatch.setattr(backups.subprocess, "Popen", kind)
    return kind


def last_job(world: World) -> Job:
    """Return the job of the backup that was asked for last."""
    with world.app.app_context(), reading() as session:
        job = session.scalars(select(Job).where(Job.kind == BACKUP.code).order_by(Job.id.desc())).first()
        assert job is not None
        session.expunge(job)
        return job


def tick(world: World, at: datetime) -> bool:
    """Do what the leader and its worker do at an instant; return whether a backup was asked for."""
    with world.app.app_context():
        is_asked_for = back_up_when_due(now=at)
        run_due(now=at)
    return is_asked_for


@pytest.mark.parametrize(
    ("minutes", "code", "begun"),
    [
        pytest.param(1, 0, 11, id="one a minute"),
        pytest.param(1, 2, 11, id="tried again every minute"),
        pytest.param(5, 0, 3, id="one every five"),
        pytest.param(60, 2, 3, id="tried again every five"),
    ],
)
@ONE_DATABASE
def test_a_minute_is_a_minute(
    kept: World, folder: Path, monkeypatch: pytest.MonkeyPatch, minutes: int, code: int, begun: int
) -> None:
    copies = copying(monkeypatch, code)
    kept.app.extensions["cbt_settings"] = replace(settings_of(kept), backup_minutes=minutes, backup_keep=4)
    # The scheduler calls every ten seconds, each time a little late, the first time past a second.
    late = [timedelta(milliseconds=300 + 200 * ((4 - number) % 5)) for number in range(61)]
    asked_for = [tick(kept, NOON + number * timedelta(seconds=10) + late[number]) for number in range(61)]
    assert (sum(asked_for), copies.begun) == (begun, begun)
    with kept.app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == min(begun, 4)


@ONE_DATABASE
def test_one_that_is_killed_is_on_record_too(kept: World, monkeypatch: pytest.MonkeyPatch) -> None:
    copying(monkeypatch, -9)
    assert tick(kept, NOON)
    assert standing(kept).failure == "backup.died"
    assert standing(kept).error.params["exit"] == "-9"
    assert (last_job(kept).state, last_job(kept).error) == (JobState.FAILED, "backup.died")
    assert healthy(kept, NOON + timedelta(minutes=1)) == ["backup.failed", "backup.old"]


@ONE_DATABASE
def test_what_a_child_put_on_record_stays(
    kept: World, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inside = settings_of(kept).data_dir / "inside"
    inside.mkdir()
    kept.app.extensions["cbt_settings"] = replace(settings_of(kept), backup_dir=inside)
    assert tick(kept, NOON)
    assert not tick(kept, NOON + RETRY - 2 * EARLY)
    assert "safety.place" in caplog.text
    assert standing(kept).failure == "safety.place"
    assert (last_job(kept).state, last_job(kept).error) == (JobState.FAILED, "safety.place")
    with kept.app.app_context(), pytest.raises(InvalidInput):
        on_record(settings_of(kept), inside, make_folder=False, now=NOON)


@ONE_DATABASE
def test_the_administrator_sees_each_and_tries_one_again_whose_disk_is_back(
    kept: World, folder: Path
) -> None:
    folder.rmdir()
    assert tick(kept, kept.clock.now())
    admin = kept.staff("admin")
    page = f"/jobs/{last_job(kept).ref}"
    shown = admin.get(page).get_data(as_text=True)
    assert f"备份文件夹 {folder} 不存在" in shown
    assert 'href="/backups"' in shown
    assert kept.staff("officer").get(page).status_code == 404
    assert f'href="{page}"' in admin.get("/backups").get_data(as_text=True)
    folder.mkdir()
    admin.post(f"{page}/retry")
    with kept.app.app_context():
        run_due(now=kept.clock.now() + timedelta(minutes=1))
    [made] = backup_folder.copies(folder)
    assert f"已备份：{made.name}" in admin.get(page).get_data(as_text=True)
    assert not standing(kept).failing


@ONE_DATABASE
def test_what_was_tried_again_is_not_made_twice_at_a_time(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies, at = copying(monkeypatch, -9), kept.clock.now()
    assert tick(kept, at)
    failed = last_job(kept)
    with kept.app.app_context():
        assert back_up_when_due(now=at + RETRY)
    admin = kept.staff("admin")
    admin.post(f"/jobs/{failed.ref}/retry")
    assert "同样的任务" in admin.get(f"/jobs/{failed.ref}").get_data(as_text=True)
    with kept.app.app_context():
        run_due(now=at + RETRY)
    assert copies.begun == 2


@ONE_DATABASE
def test_one_that_is_cancelled_ends_and_is_not_begun_again_at_once(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies, at = copying(monkeypatch, None), kept.clock.now()
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.0)
    admin = kept.staff("admin")
    monkeypatch.setattr(backups.time, "sleep", lambda _: admin.post(f"/jobs/{last_job(kept).ref}/cancel"))
    assert tick(kept, at)
    assert (last_job(kept).state, copies.ended) == (JobState.CANCELLED, 1)
    assert not tick(kept, at + RETRY - 2 * EARLY)
    assert standing(kept).failed_at is None


@ONE_DATABASE
def test_one_is_made_on_the_machine_that_asked_and_another_waits_for_none_that_is_gone(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies, at = copying(monkeypatch, 0), kept.clock.now()
    monkeypatch.setattr(queue.platform, "node", lambda: "node-a")
    with kept.app.app_context():
        assert back_up_when_due(now=at)
    monkeypatch.setattr(queue.platform, "node", lambda: "node-b")
    with kept.app.app_context():
        assert run_due(now=at) == 0
        with unit_of_work() as session:
            held = update(Job).values(state=JobState.WORKING, holder="wo-a", held_until=at)
            session.execute(held)
        assert not back_up_when_due(now=at), "node-a is at it"
        assert back_up_when_due(now=at + timedelta(seconds=1))
        assert run_due(now=at + timedelta(seconds=1)) == 1
    assert (copies.begun, last_job(kept).subject) == (1, "server:node-b")


@ONE_DATABASE
def test_a_backup_takes_no_place_of_another_job(kept: World) -> None:
    """A worker with as many jobs as it has places begins a backup, and none of any other kind."""
    here = Worker(kept.app)
    with kept.app.app_context():
        for number in range(worker.AT_ONCE):
            here._runs[Future()] = JobRun(
                Job(kind=PRINT.code, asked=str(number), outcome="{}", actor=SYSTEM), now=NOON
            )
        assert here._kinds_with_room() == {BACKUP.code, SEND.code}
        for kind in (BACKUP, SEND):
            run = JobRun(Job(kind=kind.code, asked="{}", outcome="{}", actor=SYSTEM), now=NOON)
            here._runs[Future()] = run
        assert not here._kinds_with_room()


_SLOW = """
from cbt.cli import main
from cbt.ops.backup import snapshot
snapshot.PAUSE_SECONDS = 600
main()
"""
"""A copy that rests after its first step until it is told to end."""


@ONE_DATABASE
def test_one_that_is_told_to_end_takes_away_what_it_had_begun(kept: World, folder: Path) -> None:
    command = [sys.executable, "-c", _SLOW, "backup", "--scheduled", NOON.isoformat()]
    environment = os.environ | as_environment(settings_of(kept))
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as child:
        wait_until(lambda: list(folder.iterdir()))
        child.terminate()
        assert child.wait(60) == REFUSED
    assert list(folder.iterdir()) == []


def test_earlier_data_has_no_place_for_it_and_is_backed_up_all_the_same(tmp_path: Path, folder: Path) -> None:
    settings = replace(lay_out(RELEASED[0], "sqlite", tmp_path / "old", None), backup_dir=folder)
    app = create_app(settings, clock=FakeClock(NOON))
    with app.app_context():
        made, _ = on_record(settings, folder, make_folder=False, now=NOON)
    close_engine(app)
    assert made.is_dir()
