"""One workshop for the faults of a test run, and who takes what where several workers share the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.torture.warm import begin_warm
from torture.running import Workshop, workshop

begin_warm()
LONGEST_FIRST = (
    "test_measuring",
    "test_typed_documents",
    "test_nodes",
    "test_faults",
    "test_rebuild_under_load",
)
"""What takes minutes is begun before what takes seconds, so that no worker is left alone with it at the end."""
EACH_BY_ITSELF = {"test_faults", "test_nodes"}
"""Whose cases share nothing but the workshop: each has a site of its own."""


class Sharing(LoadScopeScheduling):
    """A fault goes to whoever is free; any other file as a whole, for its tests go on where the last one ended.

    Not by `--dist loadgroup`: it writes groups into names that pytest takes from elsewhere by now, so that every
    test of a group goes its own way, and finds nothing of what the one before it made.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if _file(nodeid) in EACH_BY_ITSELF else nodeid.split("::")[0]


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0].rsplit("/", 1)[-1].removesuffix(".py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    """Share the tests so, however few or many workers there are."""
    return Sharing(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first; a file's tests keep their order."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture(scope="session")
def shop() -> Iterator[Workshop]:
    """A temporary folder, the template installations, and a PostgreSQL server when one is asked for."""
    with workshop() as opened:
        yield opened
