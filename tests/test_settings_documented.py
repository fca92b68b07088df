"""The page of settings documents each in both languages, in the order of the code, with its true default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from cbt.config import FILE_VARIABLE, OF_TESTS, Settings
from cbt.paths import product_dir

ROOT = product_dir("templates").parent
PAGES = ("docs/settings.md", "docs/settings.zh-CN.md")
DOCUMENTS = (
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)
NAMES = [f"CBT_{field.name.upper()}" for field in fields(Settings)]
_ROW = re.compile(r"^\| `(CBT_\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
_NAMED = re.compile(r"CBT_[A-Z_]*[A-Z]")


def table(page: str) -> dict[str, tuple[str, str]]:
    """Return the default and the meaning of every setting in a page's table."""
    text = (ROOT / page).read_text("utf-8")
    rows = {name: (default, meaning) for name, default, meaning in _ROW.findall(text)}
    assert len(rows) == len(_ROW.findall(text)), "a setting is documented twice"
    return rows


def shown(default: object) -> str:
    """Return a default as the table writes it; "" for one that is worked out."""
    if isinstance(default, bool):
        return "`on`" if default else "`off`"
    return "" if default in (None, "", Path(), MISSING) else f"`{default}`"


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_is_in_the_table_and_nothing_else(page: str) -> None:
    assert list(table(page)) == NAMES


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_table_shows_the_true_default(page: str, name: str) -> None:
    default, meaning = table(page)[name]
    true = shown(getattr(Settings(), name.removeprefix("CBT_").lower()))
    if true:
        assert default == true
    else:
        assert not re.fullmatch(r"`[^`]*`", default), "worked out, so words have to say what it is"
    assert meaning.strip()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_document_names_a_setting_that_is_not_there(document: str) -> None:
    named = set(_NAMED.findall((ROOT / document).read_text("utf-8")))
    assert {name for name in named if not f"{name}_".startswith(OF_TESTS)} <= {*NAMES, FILE_VARIABLE}
