"""docs/asvs.md: every requirement of levels 1 and 2 is there once, and what it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "asvs.md"
VERDICTS = {"holds", "does not apply", "open"}
LEFT_OUT = ("V9", "V10", "V17")

# Chapter.section -> the levels of its requirements in their order, as 5.0.0 numbers them; level 3 is `-`.
LEVELS = {
    "V1.1": "22", "V1.2": "111112222-", "V1.3": "11222222222-", "V1.4": "222", "V1.5": "12-",
    "V2.1": "122", "V2.2": "112", "V2.3": "1222-", "V2.4": "2-",
    "V3.1": "-", "V3.2": "11-", "V3.3": "1222-", "V3.4": "112222--", "V3.5": "11122---", "V3.6": "-",
    "V3.7": "22---",
    "V4.1": "122--", "V4.2": "2----", "V4.3": "22", "V4.4": "1222",
    "V5.1": "2", "V5.2": "112---", "V5.3": "11-", "V5.4": "222",
    "V6.1": "122", "V6.2": "111111112222", "V6.3": "1122----", "V6.4": "1122--", "V6.5": "22222---",
    "V6.6": "222-", "V6.7": "--", "V6.8": "2222",
    "V7.1": "222", "V7.2": "1111", "V7.3": "22", "V7.4": "11222", "V7.5": "22-", "V7.6": "22",
    "V8.1": "12--", "V8.2": "112-", "V8.3": "1--", "V8.4": "2-",
    "V11.1": "22--", "V11.2": "222--", "V11.3": "112--", "V11.4": "1222", "V11.5": "2-", "V11.6": "2-",
    "V11.7": "--",
    "V12.1": "122--", "V12.2": "11", "V12.3": "2222-",
    "V13.1": "2---", "V13.2": "22222-", "V13.3": "22--", "V13.4": "12222--",
    "V14.1": "22", "V14.2": "1222----", "V14.3": "122",
    "V15.1": "122--", "V15.2": "122--", "V15.3": "1222222", "V15.4": "----",
    "V16.1": "2", "V16.2": "22222", "V16.3": "2222", "V16.4": "222", "V16.5": "222-",
}  # fmt: skip


def asked() -> dict[str, str]:
    """Return the level of every requirement of levels 1 and 2 by its number."""
    return {
        f"{section}.{place}": level
        for section, levels in LEVELS.items()
        for place, level in enumerate(levels, 1)
        if level != "-"
    }


def rows() -> list[list[str]]:
    """Return the cells of every row of the page that answers a requirement."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| V")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@cache
def defined(path: Path) -> frozenset[str]:
    """Return the names of all functions, classes and methods of a module, and of its top level."""
    tree = ast.parse(path.read_text("utf-8"))
    named = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    values = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(named | values)


def missing(named: str) -> str:
    """Return what is wrong with a place the page names, or nothing."""
    path, _, name = named.replace("::", ":").partition(":")
    there = ROOT / path
    if not there.exists():
        return f"{path} is not there"
    if name and name not in defined(there):
        return f"{path} has no {name}"
    return ""


def test_the_standard_has_as_many_requirements_as_the_list() -> None:
    """253 of levels 1 and 2; 7, 29 and 7 of them are in the chapters left out."""
    assert len(asked()) == 253 - 7 - 29 - 7
    assert sum(level == "1" for level in asked().values()) == 70 - 4 - 5


def test_every_requirement_is_on_the_page_once() -> None:
    assert [row[0] for row in rows()] == list(asked())


@pytest.mark.parametrize("chapter", LEFT_OUT)
def test_a_chapter_left_out_is_named_with_its_reason(chapter: str) -> None:
    text = PAGE.read_text("utf-8")
    assert re.search(rf"^- \*\*{chapter} .+\*\* \w+", text, flags=re.MULTILINE)


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in rows()])
def test_a_requirement_has_a_verdict_and_what_it_names_exists(row: list[str]) -> None:
    number, level, words, verdict, by = row
    assert level == asked()[number]
    assert verdict in VERDICTS
    assert len(words) > 10
    assert len(by) > 5
    places = re.findall(r"`([a-z]+/[^` ]*\.(?:py|html|js|md|txt)[^` ]*)`", by)
    assert [wrong for wrong in map(missing, places) if wrong] == []
    if verdict == "holds":
        assert places, "what holds is named"


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        pytest.param("tests/packaging/test_asvs.py::rows", "", id="a function"),
        pytest.param("cbt/http/auth/login_store.py:open_login", "", id="a place in the code"),
        pytest.param("cbt/http/responses.py:CSP", "", id="a value"),
        pytest.param(
            "tests/packaging/test_asvs.py::nothing",
            "tests/packaging/test_asvs.py has no nothing",
            id="no test",
        ),
        pytest.param("cbt/web/nothing.py:x", "cbt/web/nothing.py is not there", id="no module"),
    ],
)
def test_the_check_sees_what_is_not_there(named: str, wrong: str) -> None:
    assert missing(named) == wrong


def test_what_is_open_says_what_would_lift_it() -> None:
    silent = [row[0] for row in rows() if row[3] == "open" and "lift" not in row[4]]
    assert silent == []
