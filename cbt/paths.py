"""Where the product's own files are: the checkout when there is one, else inside the package."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def product_dir(name: str) -> Path:
    """Return the folder `name` (static, templates, blueprints, question_bank) of this installation."""
    beside = _CHECKOUT / name
    if (_CHECKOUT / "pyproject.toml").is_file() and beside.is_dir():
        return beside
    return _PACKAGE / "_bundled" / name


def translations_dir() -> Path:
    return _PACKAGE / "translations"


def migrations_dir() -> Path:
    return _PACKAGE / "storage" / "migrations"


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all: whatever stops this, `path` holds its former text or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
