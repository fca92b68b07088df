"""One workshop for the faults of a test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from torture.running import Workshop, workshop


@pytest.fixture(scope="session")
def shop() -> Iterator[Workshop]:
    """A temporary folder, the template installations, and a PostgreSQL server when one is asked for."""
    with workshop() as opened:
        yield opened
