"""Each backup is taken elsewhere by a program of the centre; one that fails is told, and tried again later."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cbt.application import backup_hook
from cbt.application.app import create_app
from cbt.application.backup_hook import SEND, send_when_due
from cbt.application.backups import FRESH, backup_watch
from cbt.config import Sourced
from cbt.jobs.models import Job, JobState
from cbt.jobs.worker import run_due
from cbt.ops.backup.commands import on_record
from cbt.ops.doctor.data import examine_backups
from cbt.ops.doctor.findings import Patient, Symptom
from cbt.storage.backup_folder import copies, read_sent, remove
from cbt.storage.unit_of_work import reading
from tests.conftest import close_engine
from tests.safety.conftest import settings_of
from tests.safety.test_scheduled_backups import HOUR, NOON
from tests.watching.scraped import scrape
from tests.world import World

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
_UPLOAD = """#!{python}
import os, pathlib, sys, urllib.request
assert not [name for name in os.environ if name.startswith("CBT_")], "it is handed no setting"
folder = pathlib.Path(sys.argv[1])
for file in sorted(folder.iterdir()):
    place = "{address}/exam-backups/" + folder.name + "/" + file.name
    urllib.request.urlopen(urllib.request.Request(place, data=file.read_bytes(), method="PUT"))
"""


@contextmanager
def storage() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Run what takes objects as S3 does, and yield its address and the objects."""
    objects: dict[str, bytes] = {}

    class Bucket(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", objects
        server.shutdown()
        thread.join()


@pytest.fixture
def hooked(world: World, tmp_path: Path) -> Iterator[World]:
    """The world whose backups are taken elsewhere by `tmp_path / "hook"`."""
    (tmp_path / "backups").mkdir()
    close_engine(world.app)
    settings = replace(settings_of(world), backup_dir=tmp_path / "backups", backup_hook=tmp_path / "hook")
    app = create_app(settings, clock=world.clock)
    app.testing = True
    yield world.on(app, world.clock)
    close_engine(app)


def lay(path: Path, *lines: str) -> None:
    """Write a program."""
    path.write_text("\n".join(lines), "utf-8")
    path.chmod(0o755)


def back_up(world: World, at: datetime) -> Path:
    """Make a scheduled backup and return its folder."""
    settings = settings_of(world)
    assert settings.backup_dir is not None
    with world.app.app_context():
        made, _manifest = on_record(settings, settings.backup_dir, make_folder=False, now=at)
    return made


def send(world: World, at: datetime) -> bool:
    """Do what the leader and its worker do; return whether the program was asked for."""
    world.clock.set(at)
    with world.app.app_context():
        is_asked_for = send_when_due(now=at)
        assert not is_asked_for or not send_when_due(now=at), "it waits already"
        run_due(now=at)
    return is_asked_for


def told(world: World) -> list[str]:
    """Return what doctor says of the program."""
    patient = Patient(Sourced(settings_of(world), None, {}, adrift=False), NOON, "")
    seen = [one for one in examine_backups(patient) if isinstance(one, Symptom)]
    return [one.code for one in seen if one.code in ("sent", "unsent", "hook_missing")]


def last_error(world: World) -> str:
    """Return with what the program's last job ended."""
    with world.app.app_context(), reading() as session:
        job = session.query(Job).where(Job.kind == SEND.code).order_by(Job.id.desc()).first()
        assert job is not None
        assert (job.state == JobState.FAILED) is bool(job.error)
        return job.error


def test_each_backup_arrives_in_a_storage_as_it_was_made(hooked: World, tmp_path: Path) -> None:
    with storage() as (address, objects):
        lay(tmp_path / "hook", *_UPLOAD.format(python=sys.executable, address=address).splitlines())
        assert not send(hooked, NOON), "there is none yet"
        for number in range(2):
            made = back_up(hooked, NOON + number * HOUR)
            assert send(hooked, NOON + number * HOUR)
            assert not send(hooked, NOON + number * HOUR + timedelta(seconds=10)), "once"
            for file in made.iterdir():
                assert objects[f"/exam-backups/{made.name}/{file.name}"] == file.read_bytes()
    assert len(objects) == 4
    assert told(hooked) == ["sent"]
    [first, _second] = copies(tmp_path / "backups")
    remove(first)
    back_up(hooked, NOON + 2 * HOUR)
    assert send(hooked, NOON + 2 * HOUR), "the storage is away by now"
    assert last_error(hooked) == "backup.hook_failed"
    assert first.name not in read_sent(tmp_path / "backups").sent


def test_a_failure_is_told_and_tried_again_with_the_next_backup(
    hooked: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lay(tmp_path / "hook", "#!/bin/sh", "echo AccessDenied; exit 3")
    first = back_up(hooked, NOON)
    assert send(hooked, NOON)
    assert last_error(hooked) == "backup.hook_failed"
    assert "exit=3" in caplog.text
    assert (tmp_path / "backups" / "hook.log").read_text() == "AccessDenied\n"
    hooked.clock.advance(FRESH)
    reply = hooked.app.test_client().get("/healthz")
    assert (reply.status_code, "backup.unsent" in reply.get_json()["warnings"]) == (200, True)
    assert scrape(hooked.app)["cbt_backups_unsent"] == 1
    assert told(hooked) == ["unsent"]
    page = hooked.staff("admin").get("/backups").get_data(as_text=True)
    assert f"没有送出备份 {first.name}（退出码 3）" in page
    assert not send(hooked, NOON + timedelta(minutes=5)), "not before there is another"
    taken = tmp_path / "taken"
    lay(tmp_path / "hook", "#!/bin/sh", f"basename $1 >> {taken}")
    second = back_up(hooked, NOON + HOUR)
    assert send(hooked, NOON + HOUR)
    assert taken.read_text().split() == [second.name, first.name]
    assert scrape(hooked.app)["cbt_backups_unsent"] == 0
    assert told(hooked) == ["sent"]
    with hooked.app.app_context():
        assert backup_watch().unsent(now=NOON + HOUR + FRESH) is None


def test_one_that_does_not_end_is_ended_with_all_it_began_and_one_that_is_not_there_is_named(
    hooked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(hooked, NOON)
    assert told(hooked) == ["hook_missing"]
    assert send(hooked, NOON)
    assert last_error(hooked) == "backup.hook_missing"
    gone = tmp_path / "gone"
    lay(tmp_path / "hook", "#!/bin/sh", f"trap 'echo over > {gone}; exit 0' TERM", "sleep 600 & wait")
    monkeypatch.setattr(backup_hook, "LIMIT_SECONDS", 0.3)
    back_up(hooked, NOON + HOUR)
    assert send(hooked, NOON + HOUR)
    assert last_error(hooked) == "backup.hook_late"
    assert gone.read_text() == "over\n"
    state = json.loads((tmp_path / "backups" / "hook.json").read_text("utf-8"))
    assert (state["sent"], state["failure"]) == ([], "backup.hook_late")
