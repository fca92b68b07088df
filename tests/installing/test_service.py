"""`cbt service install` on a made-up host: what it makes, keeps, and refuses before it changes anything."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cbt.config import read_settings
from cbt.errors import CbtError
from cbt.ops.systemd import Host, install, program, uninstall


@dataclass
class MadeUp(Host):
    """A machine that writes down what is done to it."""

    units: Path = Path()  # type: ignore[misc]  # a constant of the real one
    root: bool = True
    systemd: bool = True
    users: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)
    readable: bool = True
    closed: Path | None = None
    done: list[str] = field(default_factory=list)

    def is_root(self) -> bool:
        return self.root

    def has_systemd(self) -> bool:
        return True

    def runs_systemd(self) -> bool:
        return self.systemd

    def has_user(self, name: str) -> bool:
        return name in self.users

    def make_user(self, name: str, home: Path) -> None:
        self.users.add(name)

    def owner(self, path: Path) -> str | None:
        return self.owners.get(str(path))

    def make_folder(self, path: Path, user: str) -> None:
        self.owners[str(path)] = user

    def write_settings(self, path: Path, text: str, user: str) -> None:
        path.write_text(text, "utf-8")

    def may_read(self, user: str, path: Path) -> bool:
        return self.readable

    def closed_to_others(self, path: Path) -> Path | None:
        return self.closed

    def run(self, command: list[str]) -> None:
        self.done.append(" ".join(command))


@pytest.fixture
def host(tmp_path: Path) -> MadeUp:
    """A fresh machine."""
    return MadeUp(units=tmp_path)


def installed(host: MadeUp, *, now: bool = False, user: str = "cbt") -> list[str]:
    """Install with the settings file of the machine; return the steps."""
    done = install(host, host.units / "cbt.env", user=user, remark="Settings\nof cbt", enable=False, now=now)
    return [one.step for one in done]


def test_a_fresh_machine_gets_user_folders_settings_and_unit_and_starts(host: MadeUp) -> None:
    assert installed(host, now=True) == [
        "user_made", *["folder_made"] * 3, "file_made", "unit_written", "enabled", "started",
    ]  # fmt: skip
    assert set(host.owners.values()) == {"cbt"}
    file = host.units / "cbt.env"
    settings = read_settings({"CBT_SETTINGS": str(file)})
    assert (settings.data_dir, settings.keys) == (Path("/var/lib/cbt/data"), Path("/var/lib/cbt-keys"))
    assert file.read_text("utf-8").startswith("# Settings\n# of cbt\n")
    assert f"--settings {file} serve" in (host.units / "cbt.service").read_text("utf-8")
    assert host.done == ["systemctl daemon-reload", "systemctl enable cbt", "systemctl start cbt"]


def test_a_second_time_keeps_what_is_there_and_writes_the_unit_by_the_settings_of_now(
    host: MadeUp,
) -> None:
    installed(host)
    file = host.units / "cbt.env"
    file.write_text(file.read_text("utf-8") + "CBT_BACKUP_DIR=/mnt/backup\n", "utf-8")
    before = file.read_bytes()
    steps = installed(host)
    assert steps == ["user_kept", *["folder_kept"] * 3, "other_absent", "file_kept", "unit_written"]
    host.owners["/mnt/backup"] = "root"
    assert "other_owner" in installed(host)
    assert file.read_bytes() == before
    assert "ReadWritePaths=-/mnt/backup" in (host.units / "cbt.service").read_text("utf-8")
    assert host.done == ["systemctl daemon-reload"] * 3


@pytest.mark.parametrize(
    ("host_is", "code"),
    [
        pytest.param({"root": False}, "service.root", id="an ordinary user"),
        pytest.param({"closed": Path("/root")}, "service.closed", id="the program in a closed folder"),
        pytest.param({"owners": {"/var/lib/cbt": "root"}}, "service.owner", id="a folder of somebody else"),
        pytest.param(
            {"readable": False, "users": {"cbt"}}, "service.file_closed", id="a closed settings file"
        ),
        pytest.param({}, "service.file_closed", id="a settings file before there is a user to read it"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_changed(
    host: MadeUp, host_is: dict[str, object], code: str
) -> None:
    for name, value in host_is.items():
        setattr(host, name, value)
    file = host.units / "cbt.env"
    if code == "service.file_closed":
        file.write_text("CBT_DATA_DIR=/var/lib/cbt/data", "utf-8")
    before = (sorted(host.units.iterdir()), set(host.users), dict(host.owners))
    with pytest.raises(CbtError, match=code.replace(".", r"\.")):
        installed(host)
    assert before == (sorted(host.units.iterdir()), host.users, host.owners)
    assert host.done == []


def test_it_neither_runs_as_root_nor_without_a_folder_for_its_data(host: MadeUp) -> None:
    with pytest.raises(CbtError, match=r"service\.as_root"):
        installed(host, user="root")
    (host.units / "cbt.env").write_text("CBT_PORT=8100", "utf-8")
    with pytest.raises(CbtError, match=r"service\.no_data_dir"):
        installed(host)


def test_where_systemd_does_not_run_all_is_installed_and_the_start_is_left_to_the_next_boot(
    host: MadeUp,
) -> None:
    host.systemd = False
    assert installed(host, now=True)[-2:] == ["enabled", "not_started"]
    assert (host.units / "cbt.service").is_file()
    assert host.done == ["systemctl enable cbt"]


def test_uninstalling_takes_the_unit_and_nothing_else(host: MadeUp) -> None:
    installed(host)
    assert [one.step for one in uninstall(host)] == ["unit_removed"]
    assert host.done[-2:] == ["systemctl disable --now cbt", "systemctl daemon-reload"]
    assert [path.name for path in host.units.iterdir()] == ["cbt.env"]
    assert host.users == {"cbt"}
    assert len(host.owners) == 3
    assert [one.step for one in uninstall(host)] == ["unit_absent"]


def test_a_program_that_others_cannot_reach_is_found(tmp_path: Path) -> None:
    program = tmp_path / "opt" / "bin" / "cbt"
    program.parent.mkdir(parents=True)
    (tmp_path / "opt").chmod(0o700)
    closed = Host().closed_to_others(program)
    assert closed is not None
    assert (tmp_path / "opt").is_relative_to(closed)


def test_the_unit_starts_the_program_by_the_way_it_was_called_so_that_it_starts_the_next_version_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "versions" / "1" / "bin").mkdir(parents=True)
    (tmp_path / "versions" / "1" / "bin" / "cbt").touch()
    (tmp_path / "bin").symlink_to(tmp_path / "versions" / "1" / "bin")
    monkeypatch.setattr("sys.argv", [str(tmp_path / "bin" / "cbt"), "service", "install"])
    assert program() == tmp_path / "bin" / "cbt"
    monkeypatch.setattr("sys.argv", ["cli.py", "service", "install"])
    assert program() == Path(sys.executable).parent / "cbt"
