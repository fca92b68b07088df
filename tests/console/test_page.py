"""docs/commands.md says what the commands are; what the code may end with is what it lists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cbt.cli import build
from cbt.console import exits
from cbt.console.command import TextCommand
from cbt.paths import product_dir
from tests.console.page import PAGE, filled, walk

PACKAGE = product_dir("templates").parent / "cbt"
COMMANDS = [path for path in PACKAGE.rglob("*.py") if "\ncommands: list[" in path.read_text("utf-8")]


def test_the_page_is_that_of_the_commands() -> None:
    text = PAGE.read_text("utf-8")
    assert filled(text) == text, "write it anew: python -m tests.console.page"
    assert "| `cbt staff disable LOGIN` |" in text


def test_the_code_of_a_difference_is_declared_where_it_is_used() -> None:
    declared = {
        path[0] for path, one in walk(build()) if isinstance(one, TextCommand) and exits.DIFFERS in one.ends
    }
    used = {path.parent.name for path in COMMANDS if "DIFFERS" in path.read_text("utf-8")}
    assert used == declared == {"audit", "doctor"}


def test_every_code_has_a_meaning() -> None:
    named = {"DONE", "DIFFERS", "REFUSED", "NOT_PROVED", "UNFORESEEN", "TRY_AGAIN", "INTERRUPTED", "UNREAD"}
    assert {getattr(exits, name) for name in named} == set(exits.MEANINGS)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_commands_say_nothing_by_themselves(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = {ast.unparse(one) for one in calls}
    assert (
        names
        & {
            "print",
            "click.echo",
            "click.secho",
            "sys.exit",
            "click.command",
            "click.option",
            "click.argument",
        }
        == set()
    )
