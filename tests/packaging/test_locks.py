"""The locks name every package with its extras, version and hashes: an install today is one of any other day."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LOCKS = sorted((CHECKOUT / "requirements").glob("*.txt"))
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[([a-z0-9,_-]+)\])?==\S+( ;.*)? \\$")


def pinned(lock: Path) -> dict[str, set[str]]:
    """Return the extras of every package of a lock."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text("utf-8").splitlines():
        if line[:1].isalnum():
            match = PINNED.match(line)
            assert match, line
            found.setdefault(match[1].lower(), set()).update((match[2] or "").split(",") if match[2] else ())
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_has_a_version_and_a_hash(lock: Path) -> None:
    text = lock.read_text("utf-8")
    assert pinned(lock)
    assert "http" not in text
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "extras"), [("run.txt", ()), ("dev.txt", ("test", "dev"))], ids=["to run", "to work on"]
)
def test_an_extra_that_is_asked_for_is_in_the_lock(name: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in extras for one in project["optional-dependencies"][extra]),
    ]
    known = pinned(CHECKOUT / "requirements" / name)
    for requirement in asked:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[([a-z0-9,_-]+)\])?", requirement)
        assert match
        wanted = set(match[2].split(",")) if match[2] else set()
        assert wanted <= known[match[1].lower()], requirement
