"""States of a machine that was stopped: start and doctor say the same, and following them loses nothing.

Each state is made in a copy of one installation with a second copy and a backup, refused by the start, told by the
doctor alike, followed as its sentence says, and then it starts with every acknowledged answer.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from cbt.application.app import create_app
from cbt.config import Settings, Sourced, as_environment
from cbt.console.texts import explain
from cbt.errors import CbtError, Unavailable
from cbt.ops.backup.snapshot import back_up, database_key
from cbt.ops.doctor import server
from cbt.ops.doctor.commands import CHECKS
from cbt.ops.doctor.findings import Fetched, Grade, Patient, diagnosis, patient
from cbt.ops.doctor.machine import judge_space
from cbt.ops.keys import paper_lines, rotate
from cbt.ops.preflight import Intent
from cbt.ops.preparation import look, prepare_app
from cbt.ops.salvage import Sources, make_whole, secure
from cbt.ops.start_gates import GATES, READ_AT_START
from cbt.releases import newest_revision
from cbt.runner.close.outage import beat
from cbt.storage.engine import WRITE, database_path
from cbt.storage.file_guard import OVERWRITTEN, FileId, Hold
from cbt.storage.migrate import _config, revisions_after
from cbt.storage.raw_connection import open_raw, open_to_read
from cbt.storage.types import db
from tests.conftest import close_engine
from tests.delivery.driver import opened_page
from tests.helpers import FakeClock
from tests.product_processes import run_cbt
from tests.safety.held import holding
from tests.world import START, World
from torture.sites.waiting import free_port

ANSWERS = 3


@dataclass(frozen=True)
class Site:
    """An installation below a folder, which was stopped, and what its states are made of."""

    root: Path

    @property
    def settings(self) -> Settings:
        """Its settings: everything is below the folder."""
        root = self.root
        return Settings(
            data_dir=root / "data",
            key_dir=root / "keys",
            backup_dir=root / "backups",
            journal_copy_dir=root / "copy",
            host="127.0.0.1",
            port=free_port(),
        )

    def says(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Type a command of the product."""
        environment = dict(os.environ) | as_environment(self.settings)
        return run_cbt(arguments, environment, self.root, entered=typed)

    def answers(self) -> int:
        """Return how many answers the database holds."""
        with closing(open_to_read(database_path(self.settings), database_key(self.settings))) as connection:
            return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


@pytest.fixture(scope="module")
def stopped(templates: Any, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An installation that was stopped: one answer in the backup, one in the older file, three acknowledged."""
    site = Site(tmp_path_factory.mktemp("stopped"))
    _, made = templates.settings("sqlite", populated=True, target=site.root)
    clock = FakeClock(START)
    app = create_app(site.settings, clock=clock)
    app.testing, app.config["WTF_CSRF_ENABLED"] = True, False
    page = opened_page(made.on(app, clock))
    for number, kept in enumerate(("", "older.db", "")):
        assert page.answer(number + 1, "A").status_code == 200
        if kept:
            shutil.copyfile(database_path(site.settings), site.root / kept)
        elif number == 0:
            back_up(site.settings, site.root / "backups", now=START)
            app.extensions["cbt_journal"].close()
            with app.app_context():
                db.engine.dispose()
    close_engine(app)
    tidy(site)
    assert site.answers() == ANSWERS
    return site


@pytest.fixture
def site(stopped: Site, tmp_path: Path) -> Site:
    """A copy of it, to be broken."""
    target = tmp_path / "site"
    shutil.copytree(stopped.root, target)
    return Site(target)


def tidy(site: Site) -> None:
    """Leave the files as the last process of a server does, once nobody tidies its copy any more."""
    for thread in threading.enumerate():
        if thread.name == "copy-fold":
            thread.join()
    write(site, "PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        database_path(site.settings).with_name(f"cbt.db{suffix}").unlink()


def write(site: Site, statement: str) -> None:
    """Write into the database by hand."""
    with closing(open_raw(database_path(site.settings), database_key(site.settings))) as connection:
        connection.execute(statement)


def of_an_earlier_version(site: Site) -> None:
    app = create_app(replace(site.settings, journal_copy_dir=None))
    with app.app_context(), db.engine.execution_options(**{WRITE: True}).begin() as connection:
        config: Config = _config(connection)
        command.downgrade(config, "-1")
    close_engine(app)


def of_a_later_version(site: Site) -> None:
    write(site, "UPDATE alembic_version SET version_num = '9999'")


def without(name: str) -> Callable[[Site], None]:
    """Take a key away."""

    def lose(site: Site) -> None:
        path = site.settings.keys / f"{name}.key"
        path.rename(site.root / path.name)

    return lose


def moved(site: Site) -> None:
    write(site, "INSERT INTO departure VALUES (1, 'm1', 0, 'elsewhere', 'left')")


def rescued(site: Site, *, trouble: str = "db.gone") -> None:
    """Have the server secure what was taken away under it, and end."""
    settings = site.settings
    path = database_path(settings)
    log = path.with_name("cbt.db-wal")
    log.touch()
    files = [os.open(one, os.O_RDONLY) for one in (path, log)]
    ids = tuple(FileId(os.fstat(one).st_dev, os.fstat(one).st_ino) for one in files)
    rescue = secure(
        settings, Hold(str(path), "00" * 8, 1, ids, ()), Sources(*files), trouble=trouble, now=START
    )
    if trouble != OVERWRITTEN:
        make_whole(settings, rescue, now=START)
    for one in files:
        os.close(one)
    path.unlink()
    log.unlink()


def overwritten_under_the_server(site: Site) -> None:
    rescued(site, trouble=OVERWRITTEN)
    shutil.copyfile(site.root / "older.db", database_path(site.settings))


def exchanged(site: Site) -> None:
    """Put the backup's file in the place of the database."""
    [backup] = (site.root / "backups").iterdir()
    shutil.copyfile(backup / "cbt.db", database_path(site.settings))


def older(site: Site) -> None:
    shutil.copyfile(site.root / "older.db", database_path(site.settings))


def page_flipped(site: Site) -> None:
    """Flip a bit of the page that the table of the reasons begins at."""
    with closing(open_to_read(database_path(site.settings), database_key(site.settings))) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'reasons_version'"
        root = int(connection.execute(query).fetchone()[0])
    body = bytearray(database_path(site.settings).read_bytes())
    body[(root - 1) * 4096 + 2000] ^= 1
    database_path(site.settings).write_bytes(bytes(body))


def gone(site: Site) -> None:
    database_path(site.settings).unlink()


def gone_and_the_log_left(site: Site) -> None:
    gone(site)
    database_path(site.settings).with_name("cbt.db-wal").write_bytes(b"answers")


def folder_gone(site: Site) -> None:
    site.settings.data_dir.rename(site.root / "elsewhere")


def gone_with_the_copy(site: Site) -> None:
    gone(site)
    shutil.rmtree(site.root / "copy")


def under_the_former_key(site: Site) -> None:
    former = database_path(site.settings).read_bytes()
    rotate(site.settings)
    database_path(site.settings).write_bytes(former)


def typed_back(name: str) -> Callable[[Site], str]:
    """Return what somebody types who has the key on paper."""
    return lambda site: "\n".join(paper_lines((site.root / f"{name}.key").read_bytes()))


@dataclass(frozen=True)
class State:
    """What was done, what start and doctor say of it, their command (a pattern), and what following it leaves."""

    name: str
    made: Callable[[Site], None]
    code: str
    command: str
    typed: Callable[[Site], str] = lambda _site: ""
    more: str = ""
    """What the command asks for on this machine, where a sitting runs."""
    answers: int | None = ANSWERS
    """None: what the advice asks for is not on this machine, so it is not followed."""


REBUILT = r"mv -n \S+/data \S+/data\.kept && cbt restore --from-copy \S+/copy"
STATES = (
    State("data of an earlier version", of_an_earlier_version, "db.older", "cbt upgrade", more=" --anyway"),
    State("data of a later version", of_a_later_version, "db.newer", "", answers=None),
    State("audit.key gone", without("audit"), "audit.key_missing", "cbt key enter audit", typed_back("audit")),
    State(
        "database.key gone", without("database"), "belonging.keys_missing", "cbt key enter database",
        typed_back("database"),
    ),
    State(
        "personal.key gone", without("personal"), "belonging.keys_missing", "cbt key enter personal",
        typed_back("personal"),
    ),
    State("a database that was moved", moved, "db.moved", "", answers=None),
    State("a rescue not put back", rescued, "rescue.waiting", "cbt restore --from-rescue"),
    State("written over under the server", overwritten_under_the_server, "rescue.overwritten", REBUILT),
    State("another file put in while stopped", exchanged, "copy.other_database", REBUILT),
    State("an older copy put in while stopped", older, "copy.ahead", REBUILT),
    State("a page flipped", page_flipped, "belonging.damaged", REBUILT),
    State("the database gone and its log left", gone_and_the_log_left, "belonging.log_left", REBUILT),
    State("the database gone", gone, "copy.orphan", REBUILT),
    State("the folder gone", folder_gone, "copy.orphan", r"cbt restore --from-copy \S+/copy"),
    State(
        "the database and its copy gone", gone_with_the_copy, "belonging.database_gone",
        r"mv -n \S+/data \S+/data\.kept && cbt restore \S+/backups/cbt-\d+T\d+Z", answers=1,
    ),
    State(
        "the file of before a new key", under_the_former_key, "belonging.former_key",
        r"mv -n \S+database\.key \S+\.key && cp -p \S+\.key \S+database\.key",
    ),
)  # fmt: skip


def start_refusal(settings: Settings) -> CbtError | None:
    """Return what a start refuses with, None when it goes on."""
    try:
        look(settings)
    except CbtError as refused:
        return refused
    return None


def doctors(settings: Settings) -> list[tuple[str, str]]:
    """Return the codes and the next steps of what the doctor says of data and keys."""
    whole = patient(Sourced(settings, None, {}, adrift=False), now=START, url="")
    check = CHECKS["belonging"]
    return [
        (one.code, one.fix)
        for one in (diagnosis("belonging", check.codes, seen) for seen in check.examine(whole))
    ]


def content(folder: Path) -> dict[str, bytes]:
    """Return all files but the log and the index that reading makes, and the gate's."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and not re.search(r"-(wal|shm)$", path.name)
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_start_and_doctor_say_the_same_and_following_it_loses_nothing(site: Site, state: State) -> None:
    state.made(site)
    before = content(site.root)
    refused = start_refusal(site.settings)
    assert refused is not None
    said = doctors(site.settings)
    assert content(site.root) == before, "looking changes nothing"
    assert (refused.code, said) == (state.code, [(state.code, explain(refused)[1])])
    advice = re.search(state.command, explain(refused)[1])
    assert advice is not None
    if state.answers is None:
        return
    typed = advice[0].rstrip("。.；;，, ") + state.more
    for part in typed.split(" && "):
        argv = shlex.split(part)
        done = (
            site.says(*argv[1:], typed=state.typed(site))
            if argv[0] == "cbt"
            else subprocess.run(argv, check=False, capture_output=True, encoding="utf-8")
        )
        assert done.returncode == 0, (part, done.stdout, done.stderr)
    assert site.answers() == state.answers
    # A backup is another file than the one the copy follows: that is the one thing left to be said.
    assert start_refusal(site.settings) is None
    assert doctors(site.settings) == [("ok", "")]
    close_engine(prepare_app(site.settings))
    assert site.answers() == state.answers


def test_an_older_file_is_no_newer_by_the_first_commit_on_it(site: Site, tmp_path: Path) -> None:
    app = create_app(site.settings, clock=FakeClock(START))
    with app.app_context():
        beat(now=START)
        app.extensions["cbt_gate"].copy._log._empty_at = 1  # the log is emptied, and a new one begins
        beat(now=START + timedelta(seconds=1))
        shutil.copyfile(database_path(site.settings), site.root / "older.db")
        app.extensions["cbt_gate"].copy._log._empty_at = 4000
        beat(now=START + timedelta(seconds=2))
    close_engine(app)
    tidy(site)
    site = Site(shutil.copytree(site.root, tmp_path / "elsewhere"))  # files that nobody here has open
    older(site)
    with pytest.raises(Unavailable, match=r"copy\.ahead"):
        prepare_app(site.settings)  # as whoever writes meets it who was not asked by a gate
    assert len(list((site.root / "copy").glob("*.base"))) == 1


def test_a_page_that_no_start_reads_is_found_before_the_exam_and_on_request_beside_a_server(
    site: Site,
) -> None:
    path = database_path(site.settings)
    body = bytearray(path.read_bytes())
    sourced = Sourced(site.settings, None, {}, adrift=False)

    def said(holder: str = "", *, every_page: bool = False) -> list[tuple[str, str]]:
        whole = Patient(sourced, START, holder, "", every_page)
        check = CHECKS["file"]
        return [
            (one.code, one.fix)
            for one in (diagnosis("file", check.codes, seen) for seen in check.examine(whole))
        ]

    assert said() == [("whole", "")]
    body[-4000] ^= 1
    path.write_bytes(bytes(body))
    assert start_refusal(site.settings) is None
    assert [code for code, _ in said("pid 1")] == ["serving"]
    for [(code, fix)] in (said(), said("pid 1", every_page=True)):
        assert code == "damaged"
        assert re.search(REBUILT, fix)
    page_flipped(site)
    assert said() == [("nothing", "")], "what keeps a start is told by its gate"


def test_a_disk_of_backups_that_is_full_keeps_no_answer_out() -> None:
    data, backups = (judge_space("x", 0, full=f"{where}full") for where in ("", "backup_"))
    codes = CHECKS["space"].codes
    assert (codes[data.code], codes[backups.code]) == (Grade.FAIL, Grade.WARN)
    assert "存不进去" not in diagnosis("space", codes, backups).what


def test_the_commands_end_with_the_code_of_what_they_say(site: Site) -> None:
    without("audit")(site)
    served = site.says("serve")
    told = site.says("doctor", "--json")
    assert (served.returncode, told.returncode) == (2, 2), served.stderr + told.stderr
    found = {one["check"]: one for one in json.loads(told.stdout)["found"]}
    assert (found["belonging"]["code"], found["belonging"]["grade"]) == ("audit.key_missing", Grade.FAIL)
    assert found["belonging"]["fix"] in served.stderr


def test_beside_a_server_whose_file_went_the_doctor_sends_to_what_it_holds_and_not_to_the_backup(
    site: Site, monkeypatch: pytest.MonkeyPatch, templates: Any, tmp_path: Path
) -> None:
    _, made = templates.settings("sqlite", populated=True, target=tmp_path / "world")
    app = create_app(site.settings, clock=FakeClock(START))
    with holding(made.on(app, FakeClock(START)), site.settings, monkeypatch) as held:
        assert isinstance(held, World)
        site.settings.data_dir.rename(site.root / "taken away")
        settings = site.settings
        assert (
            patient(Sourced(settings, None, {}, adrift=False), now=START, url="").holder
            == f"pid {os.getpid()}"
        )
        [(code, fix)] = doctors(settings)
        assert code == "db.gone"
        assert "cbt rescue" in fix
        assert "cbt restore" not in fix
        refused = start_refusal(settings)
        assert refused is not None
        assert refused.code == "serve.running"
        assert not settings.data_dir.exists()
        (site.root / "taken away").rename(settings.data_dir)
        assert doctors(settings) == [("ok", "")]


def test_our_own_server_on_the_port_is_told_from_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(_settings: Settings) -> None:
        raise Unavailable("serve.port", port=8000)

    monkeypatch.setattr(server, "check_port", taken)
    whole = Patient(Sourced(Settings(), None, {}, adrift=False), START, "")
    for answer, code in (
        (Fetched(200, '{"ok": true, "database": "ok"}'), "unheld"),
        (Fetched(503, '{"ok": false, "database": "gone"}'), "unheld"),
        (Fetched(200, "<html>"), "serve.port"),
        (Fetched(0, "ConnectionRefusedError"), "serve.port"),
    ):
        monkeypatch.setattr(server, "fetch", lambda _address, answer=answer: answer)
        assert [one.code for one in server.examine_port(whole)] == [code]


def test_a_start_asks_every_gate_before_anything_is_made(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    for place in range(len(GATES)):
        gates = [lambda *_, number=number: asked.append(number) for number in range(len(GATES))]
        gates[place] = lambda *_: (_ for _ in ()).throw(Unavailable("db.busy"))
        monkeypatch.setattr("cbt.ops.start_gates.GATES", tuple(gates))
        with pytest.raises(Unavailable, match=r"db\.busy"):
            look(site.settings, Intent.SERVE)
    assert asked == [number for place in range(len(GATES)) for number in range(place)]
    assert revisions_after(newest_revision()) == []
    assert set(READ_AT_START) <= set(db.metadata.tables)
