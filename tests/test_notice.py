"""docs/notice.md: each place where the notice is carried out exists, and each of its parts has a row."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import click
import flask
import pytest

from cbt.cli import build
from cbt.paths import product_dir

PAGE = (product_dir("docs") / "notice.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| (?:引言|附?\d)", line)
]
BLUEPRINTS = [
    tomllib.loads((product_dir("blueprints") / f"customer-service-l{level}.toml").read_text("utf-8"))
    for level in "32"
]
NAMED = [(row[0], name) for row in ROWS for name in re.findall(r"`([^`]+)`", row[3])]
PARTS = {"引言": 1, "1": 1, "2": 9, "3": 2, "4": 4, "5": 3, "6": 2, "7": 2, "附1": 17, "附2": 3, "附3": 5}
"""How many rows each part of the notice has."""


def of_kind(pattern: str) -> list[Any]:
    """Return what rows name that is of a kind, each with its row."""
    return [pytest.param(name, id=f"{row} {name}") for row, name in NAMED if re.match(pattern, name)]


def named(blueprint: Any, key: str) -> bool:
    """Say whether a blueprint says something at a place."""
    for step in key.split("."):
        if not isinstance(blueprint, dict) or step not in blueprint:
            return False
        blueprint = blueprint[step]
    return True


def test_every_part_of_the_notice_has_its_rows_once() -> None:
    numbers = [row[0] for row in ROWS]
    assert len(numbers) == len(set(numbers))
    counted = {part: sum(number.partition("-")[0] == part for number in numbers) for part in PARTS}
    assert counted == PARTS
    assert sum(counted.values()) == len(ROWS)
    assert all(len(row) == 4 and all(row) for row in ROWS)


def test_every_name_is_of_a_kind_that_is_looked_up() -> None:
    known = r"/|cbt |reasons:|[a-z_]+(\.[a-z_]+)*$"
    assert [name for _, name in NAMED if not re.match(known, name)] == []


@pytest.mark.parametrize("number", [row[0] for row in ROWS])
def test_the_rule_of_a_row_is_one_that_the_code_cites(number: str, cited: set[str]) -> None:
    (row,) = [row for row in ROWS if row[0] == number]
    assert re.fullmatch(r"R-\d+", row[2])
    assert row[2] in cited


@pytest.fixture(scope="module")
def cited() -> set[str]:
    """The clauses that the product's code cites."""
    code = product_dir("templates").parent / "cbt"
    return {clause for path in code.rglob("*.py") for clause in re.findall(r"R-\d+", path.read_text("utf-8"))}


def test_every_page_is_there(app: flask.Flask) -> None:
    rules = {re.sub(r"<(?:\w+:)?\w+>", "<>", rule.rule) for rule in app.url_map.iter_rules()}
    asked = {name for _, name in NAMED if name.startswith("/")}
    assert len(asked) > 20
    assert {page for page in asked if re.sub(r"<\w+>", "<>", page) not in rules} == set()


@pytest.mark.parametrize("key", of_kind(r"[a-z_]+(\.[a-z_]+)*$"))
def test_every_key_stands_in_both_blueprints(key: str) -> None:
    assert [named(blueprint, key) for blueprint in BLUEPRINTS] == [True, True]


@pytest.mark.parametrize("command", of_kind("cbt "))
def test_every_command_is_there(command: str) -> None:
    found: click.Command = build()
    context = click.Context(found)
    for word in command.split()[1:]:
        assert isinstance(found, click.Group)
        known = found.get_command(context, word)
        assert known is not None
        found = known


@pytest.mark.parametrize("name", of_kind("reasons:"))
def test_every_violation_is_in_the_table(name: str) -> None:
    table = tomllib.loads(Path(product_dir("blueprints") / "reasons.toml").read_text("utf-8"))
    assert name.removeprefix("reasons:") in {one["code"] for one in table["violations"]}
