"""What `cbt upgrade` says, and how it ends; and the commands around it on data of an earlier version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import flask
import pytest
from click.testing import CliRunner, Result

from cbt.application.app import create_app
from cbt.cli import COMMANDS
from cbt.config import Settings, as_environment
from cbt.demo.commands import _prepare as prepare_demo
from cbt.errors import CbtError, Unavailable
from cbt.http import app_context
from cbt.ops.backup.snapshot import back_up
from cbt.ops.host_resources import DataDirLock
from cbt.releases import RELEASES, newest_revision
from cbt.storage.migrate import revisions_after
from tests.conftest import close_engine
from tests.helpers import FakeClock
from tests.safety.released import RELEASED, lay_out

LATER = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation of the first release, stopped."""
    return lay_out(RELEASED[0], "sqlite", tmp_path / "old", None)


@pytest.fixture
def app(settings: Settings) -> Iterator[flask.Flask]:
    """The app of this version on it."""
    made = create_app(settings, clock=FakeClock(LATER))
    yield made
    close_engine(made)


@pytest.fixture
def run(settings: Settings, app: flask.Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on it; what it refuses is `exception`."""
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    former = list(app_context._factory)
    app_context.register_factory(lambda: app)

    def invoke(name: str, *arguments: str) -> Result:
        command: click.Command = COMMANDS[name].load(name)
        return CliRunner().invoke(command, list(arguments))

    yield invoke
    app_context._factory[:] = former


def code_of(result: Result) -> str:
    """Return the code of what a command refused."""
    assert isinstance(result.exception, CbtError), result.output
    return result.exception.code


def test_it_says_what_will_happen_and_changes_nothing(run: Run, tmp_path: Path, settings: Settings) -> None:
    said = run("upgrade", "--check", "--backup", str(tmp_path))
    assert said.exit_code == 0, said.output
    for word in ("0.1.0 (0006)", newest_revision(), "7 份", "333", "可以升级", *revisions_after("0006")):
        assert word in said.output
    plan = json.loads(run("upgrade", "--check", "--backup", str(tmp_path), "--json").output)
    assert plan["found"] == {"version": RELEASES[0].version, "revision": RELEASES[0].revision}
    assert [step["revision"] for step in plan["steps"]] == revisions_after("0006")
    assert plan["ready"] is True
    assert plan["seconds"] > 0
    assert list(tmp_path.glob("cbt-*")) == []


def test_what_stands_in_the_way_is_listed_and_ends_with_2(run: Run, settings: Settings) -> None:
    said = run("upgrade", "--check")
    assert said.exit_code == 2
    assert "!! 还没有说明备份放在哪里" in said.output
    assert "现在不要升级" in said.output
    assert json.loads(run("upgrade", "--check", "--json").stdout)["ready"] is False
    assert code_of(run("upgrade")) == "upgrade.no_destination"


def test_it_is_done_and_says_how_to_go_back(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("upgrade", "--backup", "backups")
    assert said.exit_code == 0, said.output
    [backup] = (tmp_path / "backups").iterdir()
    assert f"cbt restore {backup}" in said.output
    assert f"mv -n {settings.data_dir} {settings.data_dir}.upgraded" in said.output
    assert "audit.key" in said.output
    assert "请启动服务" in said.output
    again = run("upgrade")
    assert (again.exit_code, "不需要升级" in again.output) == (0, True)


def test_programs_are_told_the_same(run: Run, tmp_path: Path) -> None:
    said = json.loads(run("upgrade", "--backup", str(tmp_path), "--json").stdout)
    assert said["ok"] is True
    assert list(said["steps"]) == revisions_after("0006")
    assert said["way_back"][-1].startswith("装回 0.1.0")
    assert {check["name"] for check in said["checks"]} >= {"scores", "journals", "audit"}


def test_commands_on_earlier_data_refuse_with_the_next_step(run: Run, app: flask.Flask) -> None:
    assert code_of(run("migrate")) == "db.older"
    assert code_of(run("audit", "head")) == "db.older"
    said = run("verify")
    assert said.exit_code == 0
    assert said.output.count("升级后才能核验") == 4
    assert "cbt upgrade" in said.output


def test_a_restored_backup_says_the_next_step(
    run: Run, settings: Settings, app: flask.Flask, tmp_path: Path
) -> None:
    with app.app_context():
        folder, _ = back_up(settings, tmp_path / "backups", now=LATER)
    said = run("restore", str(folder), "--into", str(tmp_path / "new"))
    assert "请接着运行 cbt upgrade" in said.output, said.output
    as_json = run("restore", str(folder), "--into", str(tmp_path / "other"), "--json")
    assert json.loads(as_json.stdout)["next"] == "cbt upgrade"


def test_a_running_server_is_named_and_not_disturbed(
    run: Run, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataDirLock, "holder", lambda _self: "pid 4711, port 8000")
    said = run("upgrade", "--check", "--backup", str(tmp_path))
    assert said.exit_code == 2
    assert "pid 4711, port 8000" in said.output


def test_nothing_is_begun_where_nothing_is(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CBT_DATA_DIR", str(tmp_path / "empty"))
    assert code_of(run("upgrade", "--check")) == "safety.no_database"
    assert not (tmp_path / "empty").exists()


def test_an_earlier_demo_is_set_aside_instead(settings: Settings) -> None:
    with pytest.raises(Unavailable) as refused:
        prepare_demo(replace(settings), again="cbt demo --fresh")
    assert refused.value.code == "demo.older"
