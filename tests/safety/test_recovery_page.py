"""docs/recovery.md is followed: its commands, typed as they stand there, bring each state back with every answer.

The states are those that `test_start_gates` makes. The paths of an installation and systemd are stood in for; what
needs a disk or a clock of its own is tried by torture, and its words are held by the catalogues.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from click.testing import CliRunner

from cbt.application.app import create_app
from cbt.cli import build
from cbt.config import Settings, as_environment
from cbt.errors import CbtError
from cbt.ops.preparation import prepare_app
from cbt.storage.private_files import make_folder
from tests.conftest import close_engine
from tests.helpers import FakeClock
from tests.product_processes import run_cbt
from tests.recoveries import named, recoveries, says
from tests.safety.held import holding
from tests.safety.test_start_gates import (
    ANSWERS,
    STATES,
    Site,
    doctors,
    site,
    start_refusal,
    stopped,
    typed_back,
)
from tests.world import START

__all__ = ["site", "stopped"]
MADE = {state.name: state.made for state in STATES}
LOOKS = ("journalctl", "curl", "ss", "df", "mount", "sh", "systemctl")
"""Programs of the system that only look, or reach what no test has: a disk, a service, another version."""


@dataclass
class Hands:
    """Somebody at the machine who types what the page says; `printed` is all that they read."""

    site: Site
    settings: Settings
    typed: str = ""
    printed: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What a command finds its settings in."""
        return dict(os.environ) | as_environment(self.settings) | {"CBT_LOCALE": "zh"}

    def type(self, line: str, *, more: str = "", fails: bool = False) -> None:
        """Type a line, with `more` behind it; raise AssertionError where it ends otherwise than the page says."""
        if line == "systemctl start cbt":
            refused = start_refusal(self.settings)
            assert refused is None, refused
        elif line == "cbt service install":  # no systemd here: the folders that it makes
            make_folder(self.settings.data_dir)
            make_folder(self.settings.keys)
        elif line.startswith("cbt "):
            argv = shlex.split(self._here(line + more), comments=True)
            done = run_cbt(argv[1:], self.environment, self.site.root, entered=self.typed)
            self.printed += done.stdout + done.stderr
            assert fails or done.returncode == 0, (line, done.stdout, done.stderr)
        elif not line.startswith(LOOKS):
            subprocess.run(self._here(line), shell=True, check=True)

    def _here(self, line: str) -> str:
        """Return a line of the page with the places and the user of this installation."""
        root = self.site.root
        backups = sorted((root / "backups").iterdir())
        for there, here in (
            ("/mnt/backup/cbt/cbt-20261201T180000Z", backups[-1]),
            ("/mnt/backup/cbt", root / "backups"),
            ("/var/lib/cbt/data", self.settings.data_dir),
            ("/var/lib/cbt-keys", self.settings.keys),
            ("/mnt/second/copy", root / "copy"),
            ("/media/stick", root / "stick"),
            ("-o cbt -g cbt ", ""),
            ("cbt: ", f"{os.getuid()} "),
        ):
            line = line.replace(there, str(here))
        return line


def machine_dead(site: Site) -> None:
    """Leave what lies on other disks: the keys on a stick, the second copy, the backups."""
    site.settings.keys.rename(site.root / "stick" / "cbt-keys")
    shutil.rmtree(site.settings.data_dir)


def key_gone(name: str) -> Callable[[Site], None]:
    """Take a key away that is on the stick, too."""

    def lose(site: Site) -> None:
        shutil.copytree(site.settings.keys, site.root / "stick" / "cbt-keys")
        MADE[f"{name}.key gone"](site)

    return lose


@dataclass(frozen=True)
class Case:
    """A recovery by its number, a state it is for, what is left out of it or put in, and what is said then."""

    number: int
    state: str
    code: str
    right: tuple[str, ...]
    made: Callable[[Site], None] | None = None
    begins: int = 0
    """The first command: what comes before needs a server that still runs."""
    instead: tuple[str, str] = ("", "")
    typed: Callable[[Site], str] = lambda _site: ""
    answers: int = ANSWERS

    def make(self, site: Site) -> None:
        """Bring the installation into its state."""
        (self.made or MADE[self.state])(site)


RESTORED = ("safety.restored", "safety.intact")
REBUILT = ("safety.rebuilt", "safety.intact")
CASES = (
    Case(2, "the machine is dead", "copy.orphan", REBUILT, machine_dead),
    Case(3, "a page flipped", "belonging.damaged", REBUILT),
    Case(3, "the database gone and its log left", "belonging.log_left", REBUILT),
    Case(3, "written over under the server", "rescue.overwritten", REBUILT),
    Case(4, "a rescue not put back", "rescue.waiting", ("rescue.put_back",), begins=2),
    Case(5, "database.key gone", "belonging.keys_missing", (), key_gone("database")),
    Case(5, "audit.key gone", "audit.key_missing", (), key_gone("audit"), instead=("database.key", "audit.key")),
    Case(
        5, "a key on paper", "belonging.keys_missing", ("key.entered",), MADE["database.key gone"],
        instead=("install ", "cbt key enter database # "), typed=typed_back("database"),
    ),
    Case(9, "the database and its copy gone", "belonging.database_gone", RESTORED, answers=1),
    Case(10, "data of an earlier version", "db.older", ("upgrade.done",)),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}: {case.state}")
def test_the_commands_of_a_recovery_bring_its_state_back(site: Site, case: Case) -> None:
    (site.root / "stick").mkdir()
    recovery = recoveries("zh")[case.number - 1]
    case.make(site)
    hands = Hands(site, site.settings, case.typed(site))
    refused = start_refusal(hands.settings)
    assert isinstance(refused, CbtError)
    assert refused.code == case.code
    if case.number != 2:  # the others say on the page what the start said
        assert any(f"error.{case.code}.what" in named("zh", words) for words in recovery.seen)
    for command in recovery.commands[case.begins :]:
        line = command.replace(*case.instead) if case.instead[0] else command
        looks = line.startswith(("cbt doctor", "cbt upgrade --check"))
        hands.type(line, more=" --anyway" if line.startswith("cbt upgrade --backup") else "", fails=looks)
    for name in case.right:
        assert says(hands.printed, "zh", name), (name, hands.printed)
        assert case.number == 5 or any(name in named("zh", words) for words in recovery.right)
    assert doctors(hands.settings) == [("ok", "")]
    close_engine(prepare_app(hands.settings))
    assert site.answers() == case.answers


def test_what_a_running_server_holds_is_put_back_from_the_first_command_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, templates: Any, tmp_path: Any
) -> None:
    _, made = templates.settings("sqlite", populated=True, target=tmp_path / "world")
    app = create_app(site.settings, clock=FakeClock(START))
    recovery = recoveries("zh")[3]
    hands = Hands(site, site.settings)
    with holding(made.on(app, FakeClock(START)), site.settings, monkeypatch):
        site.settings.data_dir.rename(site.root / "taken away")
        done = CliRunner().invoke(build(), recovery.commands[0].split()[1:], env=hands.environment)
        hands.printed += done.output
    for command in recovery.commands[1:]:
        hands.type(command)
    for words in recovery.right:
        [name] = named("zh", words)
        assert says(hands.printed, "zh", name), (name, hands.printed)
    assert site.answers() == ANSWERS


def test_a_port_that_is_taken_is_told_and_freed(site: Site) -> None:
    recovery = recoveries("zh")[0]
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        settings = replace(site.settings, port=other.getsockname()[1])
        hands = Hands(site, settings)
        refused = start_refusal(settings)
        assert refused is not None
        assert refused.code == "serve.port"
        hands.type(recovery.commands[1], fails=True)
        for words in recovery.seen:
            assert any(says(hands.printed, "zh", name) for name in named("zh", words)), words
    for command in recovery.commands[2:]:
        hands.type(command)


def test_a_copy_whose_disk_was_away_goes_on_by_itself(site: Site) -> None:
    recovery = recoveries("zh")[7]
    hands = Hands(site, site.settings)
    (site.root / "copy").rename(site.root / "unplugged")
    hands.type("cbt doctor", fails=True)
    assert any("doctor.copy.away" in named("zh", words) for words in recovery.seen)
    assert says(hands.printed, "zh", "doctor.copy.away")
    hands.printed = ""
    (site.root / "unplugged").rename(site.root / "copy")
    for command in recovery.commands:
        hands.type(command, fails=command == "cbt doctor")
    assert not says(hands.printed, "zh", "doctor.copy.away")
    assert doctors(hands.settings) == [("ok", "")]
    assert site.answers() == ANSWERS
