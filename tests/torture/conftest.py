"""One workshop for the faults of a test run, and which of its tests may run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from torture.running import Workshop, workshop

HERE = Path(__file__).parent
EACH_BY_ITSELF = "test_faults.py"
"""Whose tests share nothing but the workshop."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, with what they share; a fault has a site of its own."""
    for item in items:
        if item.path.parent == HERE and item.path.name != EACH_BY_ITSELF:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.fixture(scope="session")
def shop() -> Iterator[Workshop]:
    """A temporary folder, the template installations, and a PostgreSQL server when one is asked for."""
    with workshop() as opened:
        yield opened
