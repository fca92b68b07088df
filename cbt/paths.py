"""Where the product's own files are: the checkout when there is one, else inside the package."""

from __future__ import annotations

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
    """Return the folder of the catalogues."""
    return _PACKAGE / "translations"


def migrations_dir() -> Path:
    """Return the folder of the Alembic migrations."""
    return _PACKAGE / "db" / "migrations"
