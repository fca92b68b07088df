"""`cbt` itself: a table of commands that tells what the rooms' own commands are, and needs no room for it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cbt.cli import COMMANDS, build
from cbt.console.command import TextCommand, TextGroup
from cbt.console.texts import text
from cbt.paths import product_dir

PACKAGE = product_dir("templates").parent / "cbt"
HEAVY = ("flask", "sqlalchemy", "cbt.storage", "cbt.http", "cbt.application")
_ASK = """
import sys
from cbt.cli import main
try:
    main({argv!r})
except SystemExit as ended:
    code = ended.code
else:
    code = 0
print(code, sorted(name for name in {heavy!r} if name in sys.modules))
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = COMMANDS[name].load(name)
    assert isinstance(command, TextCommand | TextGroup)
    assert (command.name, command.help_id, command.hidden) == (name, COMMANDS[name].help, False)


def test_the_table_names_every_module_that_makes_commands_and_every_command_of_it() -> None:
    files = [path for path in PACKAGE.rglob("*.py") if "\ncommands: list[" in path.read_text("utf-8")]
    modules = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in files}
    assert {module for entry in COMMANDS.values() for module in entry.modules} == modules
    made = [command.name for module in modules for command in importlib.import_module(module).commands]
    assert sorted(COMMANDS) == sorted(made)


def test_what_later_rooms_add_to_a_group_is_there() -> None:
    root = build()
    for group, name in (("blueprint", "check"), ("sitting", "publish")):
        found = root.get_command(click.Context(root), group)
        assert isinstance(found, click.Group)
        assert name in found.commands


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        pytest.param(["--help"], 0, id="help"),
        pytest.param([], 2, id="nothing"),
        pytest.param(["--version"], 0, id="version"),
        pytest.param(["srve"], 2, id="a mistyped name"),
    ],
)
def test_what_needs_no_room_loads_none(argv: list[str], code: int) -> None:
    asked = _ASK.format(argv=argv, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"{code} []"


def test_a_help_line_is_the_tables() -> None:
    shown = CliRunner().invoke(build(), ["--help"]).output
    assert all(f"  {name}" in shown and text(entry.help) in shown for name, entry in COMMANDS.items())


def test_an_unknown_name_is_refused_with_the_near_one() -> None:
    for said, near in (("srve", "serve"), ("bnak", "bank"), ("bank lnt", "lint")):
        refused = CliRunner().invoke(build(), said.split())
        assert refused.exit_code == 2
        assert f"最接近的是 {near}。" in refused.output


def test_an_error_is_two_sentences_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cbt.cli", "blueprint", "check", str(tmp_path / "none.toml")],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    what, fix = done.stderr.strip().splitlines()
    assert what
    assert fix
