"""Every release of the product and the tables it left: the one place that knows both.

A release is a line here, made when its version loses its `.dev`. A revision above the last line's belongs to
the release under way, whose version stands in pyproject.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from cbt.paths import migrations_dir

PRODUCT = "cbt-engine"


@dataclass(frozen=True, slots=True)
class ProductRelease:
    """One release: its version, the revision of its tables, and its day as the changelog has it."""

    version: str
    revision: str
    released_on: str


RELEASES = (ProductRelease("0.1.0", "0006", "2026-11-24"),)
"""The oldest first."""


def product_version() -> str:
    return version(PRODUCT)


def newest_revision() -> str:
    """Return the revision of this version's tables, by the files alone: no database and no Alembic is needed."""
    return max(path.name.partition("_")[0] for path in (migrations_dir() / "versions").glob("[0-9]*.py"))


def version_of(revision: str) -> str:
    """Return which version left tables of `revision`, or "" when no release and not this version did.

    A revision between two releases was only in a version under way: the release before it stands with a `+`.
    """
    if revision == newest_revision():
        return product_version()
    before = [one for one in RELEASES if one.revision <= revision]
    if not before or revision > newest_revision():
        return ""
    return before[-1].version if before[-1].revision == revision else f"{before[-1].version}+"
