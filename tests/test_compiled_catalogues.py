"""Catalogues are compiled before tests unless nothing has changed since they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cbt.translations.compiler import HERE, LANGUAGES
from tests.compiled_catalogues import compiled_since

NOW = 2 * Path(HERE, "compiler.py").stat().st_mtime_ns
"""Later than anything of the product."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Texts of a room in both languages, compiled afterwards."""
    for language in LANGUAGES:
        compiled = tmp_path / language / "LC_MESSAGES" / "messages.mo"
        compiled.parent.mkdir(parents=True)
        for path in (tmp_path / language / "door.po", compiled):
            path.write_text("")
        _touch(compiled, NOW)
        _touch(tmp_path / language / "door.po", NOW - 1)
        _touch(tmp_path / language, NOW - 1)
    return tmp_path


def _touch(path: Path, at: int) -> None:
    os.utime(path, ns=(at, at))


def test_what_was_compiled_since_is_left(folder: Path) -> None:
    assert compiled_since(folder)


@pytest.mark.parametrize("changed", ["zh/door.po", "en/door.po", "zh"])
def test_a_text_that_was_changed_is_compiled(folder: Path, changed: str) -> None:
    _touch(folder / changed, NOW)
    assert not compiled_since(folder)


def test_what_is_not_compiled_is_compiled(folder: Path) -> None:
    (folder / "en" / "LC_MESSAGES" / "messages.mo").unlink()
    assert not compiled_since(folder)
