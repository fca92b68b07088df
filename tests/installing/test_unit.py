"""The unit of an installation: what it lets the server do follows from the settings, and nothing else is open."""

from __future__ import annotations

import configparser
from dataclasses import replace
from pathlib import Path

import pytest

from cbt.config import Settings
from cbt.errors import CbtError
from cbt.ops.systemd import Service, places_of, unit_text

USUAL = Settings(data_dir=Path("/var/lib/cbt/data"), key_dir=Path("/var/lib/cbt-keys"))


def unit_of(settings: Settings, program: str = "/opt/cbt/bin/cbt") -> dict[str, str]:
    """Return the lines of the `[Service]` and `[Unit]` sections."""
    service = Service("cbt", Path(program), Path("/etc/cbt.env"), settings)
    # A parser of ini files: as systemd's, but for keys that stand twice, which it refuses.
    parser = configparser.ConfigParser(interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their capitals
    parser.read_string(unit_text(service, places_of(settings)))
    return {**parser["Unit"], **parser["Service"]}


def test_a_usual_installation_keeps_to_its_two_folders() -> None:
    unit = unit_of(USUAL)
    assert unit["StateDirectory"] == "cbt cbt-keys"
    assert unit["RequiresMountsFor"] == "/var/lib/cbt /var/lib/cbt-keys"
    assert "ReadWritePaths" not in unit
    assert unit["ExecStart"] == "/opt/cbt/bin/cbt --settings /etc/cbt.env serve"
    assert (unit["ProtectHome"], unit["CapabilityBoundingSet"]) == ("yes", "")


@pytest.mark.parametrize(
    ("settings", "line", "value"),
    [
        pytest.param({"backup_dir": Path("/mnt/b")}, "ReadWritePaths", "-/mnt/b", id="backups"),
        pytest.param({"journal_copy_dir": Path("/mnt/c")}, "ReadWritePaths", "-/mnt/c", id="the second copy"),
        pytest.param(
            {"audit_anchor": Path("/mnt/a/head.txt")}, "ReadWritePaths", "-/mnt/a", id="an anchor's file"
        ),
        pytest.param({"audit_anchor": Path("/mnt/a")}, "ReadWritePaths", "-/mnt/a", id="its folder"),
        pytest.param(
            {"backup_dir": Path("/mnt/a b/100%")}, "ReadWritePaths", '"-/mnt/a b/100%%"', id="odd names"
        ),
        pytest.param(
            {"data_dir": Path("/srv/exam/data")}, "ReadWritePaths", "/srv/exam", id="data elsewhere"
        ),
        pytest.param({"data_dir": Path("/srv/data")}, "ReadWritePaths", "/srv/data", id="among others' data"),
        pytest.param({"backup_dir": Path("/var/lib/cbt/b")}, "StateDirectory", "cbt cbt-keys", id="within"),
        pytest.param({"backup_dir": Path("/home/a/b")}, "ProtectHome", "read-only", id="backups at home"),
        pytest.param({"tls_cert": Path("/home/a/c")}, "ProtectHome", "read-only", id="a certificate at home"),
        pytest.param({"port": 443}, "AmbientCapabilities", "CAP_NET_BIND_SERVICE", id="port 443"),
        pytest.param({"port": 1024}, "AmbientCapabilities", "", id="port 1024"),
        pytest.param({"workers": 8}, "TasksMax", "5376", id="processes and threads"),
        pytest.param({}, "CPUWeight", "1000", id="ten times any other service's share"),
        pytest.param({}, "IOWeight", "1000", id="of disks too"),
    ],
)
def test_what_the_settings_ask_for_is_let_through(settings: dict[str, object], line: str, value: str) -> None:
    assert unit_of(replace(USUAL, **settings))[line] == value  # type: ignore[arg-type]  # fields of Settings


def test_what_is_refused_is_not_tried_again_and_all_else_is() -> None:
    unit = unit_of(USUAL)
    assert (unit["Restart"], unit["RestartPreventExitStatus"], unit["RestartSec"]) == ("on-failure", "2", "5")
    assert unit["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize("folder", ["/tmp/data", "/var/tmp/x/data", "/run/cbt", "/dev/shm/cbt/data"])
def test_a_folder_that_is_emptied_at_a_restart_is_refused(folder: str) -> None:
    for settings in (replace(USUAL, data_dir=Path(folder)), replace(USUAL, backup_dir=Path(folder))):
        with pytest.raises(CbtError, match=r"service\.passing"):
            places_of(settings)
