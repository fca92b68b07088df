"""One workshop for the faults of a test run, and who goes with whom where several workers share the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from torture.running import Workshop, workshop

FAULTS = "test_faults"
OF_THE_MACHINE = {"test_bundle", "test_root_hands", "test_service", "test_typed_documents"}
"""What makes users, units and folders of the machine: one after the other."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let a fault go to whoever is free, for each has a site of its own, and every other file as a whole."""
    file = item.path.stem
    if file != FAULTS:
        item.add_marker(pytest.mark.xdist_group("machine" if file in OF_THE_MACHINE else file))


@pytest.fixture(scope="session")
def shop() -> Iterator[Workshop]:
    """A temporary folder, the template installations, and a PostgreSQL server when one is asked for."""
    with workshop() as opened:
        yield opened
