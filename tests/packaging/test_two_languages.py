"""Pages that stand in both languages: the same sections, commands, rows of tables, and names in code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("recovery", "operations", "blueprints", "security", "settings")
_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`((?:CBT_|cbt_|Cbt)\w+|[a-z_]+\.[a-z_]+|[a-z_]+)`")
"""A setting, a metric, an alert, the code of a refusal, a file, a key of a blueprint."""


def texts(name: str) -> tuple[str, str]:
    """Return a page in English and in Chinese."""
    english, chinese = ((DOCS / f"{name}{suffix}").read_text("utf-8") for suffix in (".md", ".zh-CN.md"))
    return english, chinese


def sections(text: str) -> list[str]:
    """Return the signs of all headings, in their order."""
    return re.findall(r"^#+(?= )", _FENCE.sub("", text), re.MULTILINE)


def commands(text: str) -> list[str]:
    """Return what stands in blocks of code, without remarks."""
    lines = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    bare = (re.sub(r"(^|\s+)(#|--) .*$", "", line).replace(".zh-cn", "") for line in lines)
    return [line for line in bare if line]


def tables(text: str) -> list[list[list[str]]]:
    """Return each table as the names in its rows' first two cells."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [sorted(_NAME.findall(" ".join(row.split("|")[1:3]))) for row in block.splitlines()]
        for block in blocks
    ]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_say_the_same(name: str) -> None:
    english, chinese = texts(name)
    assert f"]({name}.zh-CN.md)" in english.split("\n## ")[0]
    assert f"]({name}.md)" in chinese.split("\n## ")[0]
    assert sections(english) == sections(chinese)
    assert commands(english) == commands(chinese)
    assert tables(english) == tables(chinese)
    assert set(_NAME.findall(english)) - set(_NAME.findall(chinese)) == set()
