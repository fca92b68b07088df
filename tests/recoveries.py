"""docs/recovery.md and its Chinese page as data: the words of the product, and the commands of each recovery."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[1]
PAGES = {"zh": ROOT / "docs" / "recovery.zh-CN.md", "en": ROOT / "docs" / "recovery.md"}
ANYTHING = "…"
"""Stands on the page for what the product puts into a sentence: a path, a time, a fingerprint."""
_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


@dataclass(frozen=True)
class Recovery:
    """One recovery: what the product says before and after, and what is typed in between, without remarks."""

    title: str
    seen: tuple[str, ...]
    commands: tuple[str, ...]
    right: tuple[str, ...]


def recoveries(language: str) -> list[Recovery]:
    """Return the recoveries of a page, in its order."""
    sections = re.split(r"^## ", PAGES[language].read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [_recovery(section) for section in sections]


def _recovery(section: str) -> Recovery:
    title, _, body = section.partition("\n")
    [block] = _FENCE.findall(body)
    before, after = _FENCE.split(body)[::2]
    commands = (re.sub(r"\s+# .*$", "", line) for line in block.splitlines())
    return Recovery(title, _quoted(before), tuple(commands), _quoted(after))


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^> (.+)$", text, re.MULTILINE))


@cache
def messages(language: str) -> dict[str, str]:
    """Return what the product may say, by its name in the catalogue, with `…` for what it puts in."""
    return dict(_messages(language))


def _messages(language: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "cbt" / "translations" / language).glob("*.po")):
        with path.open("rb") as file:
            for entry in read_po(file):
                if isinstance(entry.id, str) and isinstance(entry.string, str):
                    yield entry.id, _PARAMETER.sub(ANYTHING, entry.string)


def named(language: str, words: str) -> set[str]:
    """Return the names of all messages that the words are the whole or a part of."""
    return {name for name, text in messages(language).items() if words in text}


def says(output: str, language: str, name: str) -> bool:
    """Return whether the message `name` stands in what was printed."""
    pattern = ".+".join(map(re.escape, messages(language)[name].split(ANYTHING)))
    return re.search(pattern, output) is not None
