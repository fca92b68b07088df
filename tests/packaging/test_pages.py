"""Pages, styles and scripts lie where the code lies that draws them, and each of them is used."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import PurePosixPath

import pytest

from cbt.items.types.answer_page import answer_parts
from tests.packaging.test_house import CHECKOUT

SHARED = {"ui", "vendor"}
MOST = 14
"""Files of pages in one folder."""
KINDS = {"proctoring/acts/fields", "runner/items", "runner/tools", "items/types"}
"""What comes in kinds has a folder; that each file of it belongs to one is held where the kinds are."""

WIDEST = 130


def files(tree: str) -> dict[str, str]:
    """Return the text of every page, style and script of a tree by its path in it."""
    found = {
        path.relative_to(CHECKOUT / tree).as_posix(): path.read_text("utf-8")
        for path in (CHECKOUT / tree).rglob("*")
        if path.suffix in {".html", ".css", ".js", ".svg"}
    }
    if tree == "static":
        return found | dict(answer_parts())
    forms = (CHECKOUT / "cbt" / "items").rglob("*.html")
    return found | {path.relative_to(CHECKOUT / "cbt").as_posix(): path.read_text("utf-8") for path in forms}


@cache
def named_in_code() -> tuple[tuple[PurePosixPath, str], ...]:
    """Return the folder of a module below `cbt` with each page or static file that the module names."""
    found = []
    for path in (CHECKOUT / "cbt").rglob("*.py"):
        folder = PurePosixPath(path.relative_to(CHECKOUT / "cbt").as_posix()).parent
        text = path.read_text("utf-8")
        if not re.search(r"\.(html|svg|css|js)", text):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and re.fullmatch(
                r"[\w/-]+\.(html|svg|css|js)", str(node.value)
            ):
                found.append((folder, str(node.value)))
    return tuple(found)


def imported_from(name: str, script: str) -> set[str]:
    """Return the paths of what a script imports."""
    steps = re.findall(r'(?:from |import\(|@import |new URL\()"(\.[^"]+)"', script)
    return {
        (CHECKOUT / name).parent.joinpath(step).resolve().relative_to(CHECKOUT).as_posix() for step in steps
    }


def unused(tree: str, named: set[str]) -> set[str]:
    """Return the files of a tree that nothing names, those of kinds apart."""
    return {
        name
        for name in files(tree).keys() - named
        if not any(PurePosixPath(name).is_relative_to(kind) for kind in KINDS)
    }


def test_a_page_lies_at_or_below_the_code_that_draws_it() -> None:
    drawn = list(named_in_code())
    assert len(drawn) > 50
    assert [(str(code), name) for code, name in drawn if not PurePosixPath(name).is_relative_to(code)] == []


def is_code(name: str) -> bool:
    """Return whether a package or a module of the product has this path."""
    code = CHECKOUT / "cbt" / name
    modules = (code / "__init__.py", *(code.with_name(f"{code.name}{end}.py") for end in ("", "_views")))
    return any(path.exists() for path in modules)


@pytest.mark.parametrize("tree", ["templates", "static"])
def test_folders_are_those_of_the_code(tree: str) -> None:
    folders = {str(PurePosixPath(name).parent) for name in files(tree)} - SHARED - KINDS - {"."}
    assert {name for name in folders if not is_code(name)} == set()


@pytest.mark.parametrize("tree", ["templates", "static"])
def test_no_folder_is_full(tree: str) -> None:
    counts: dict[str, int] = {}
    for name in files(tree):
        folder = str(PurePosixPath(name).parent)
        counts[folder] = counts.get(folder, 0) + 1
    assert {name: count for name, count in counts.items() if name not in KINDS and count > MOST} == {}


def test_every_template_is_drawn_or_taken_in() -> None:
    quoted = {one for text in files("templates").values() for one in re.findall(r'"([\w/]+\.html)"', text)}
    assert unused("templates", quoted | {name for _, name in named_in_code()}) == set()


def test_every_static_file_is_linked_or_imported() -> None:
    pages = "\n".join(files("templates").values())
    linked = set(re.findall(r"""["']([\w/.-]+\.(?:css|js|svg))["']""", pages))
    imported = {one for name, text in files("static").items() for one in imported_from(name, text)}
    imported -= {"runner/items/*.css"}
    assert imported - files("static").keys() == set()
    assert unused("static", linked | imported | {name for _, name in named_in_code()}) == set()


def test_no_line_of_a_template_is_long() -> None:
    lines = {
        f"{name}:{number}": len(line)
        for name, text in files("templates").items()
        for number, line in enumerate(text.splitlines(), start=1)
    }
    assert {place: length for place, length in lines.items() if length > WIDEST} == {}


def test_no_template_assigns_for_a_side_effect() -> None:
    effect = re.compile(r"\{%-? *set _|\.(?:append|extend|insert|update|pop|setdefault)\(")
    assert {name for name, text in files("templates").items() if effect.search(text)} == set()
