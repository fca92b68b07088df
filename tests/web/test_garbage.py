"""A page leaves nothing that only a search of all objects finds: all threads of a process stand meanwhile.

Where each page made the macros anew that it uses, a search came twice a second in a hall that signs in, and
everybody who asked just then waited for it.
"""

from __future__ import annotations

import gc
from collections import Counter

import pytest
from flask.testing import FlaskClient
from jinja2.runtime import Macro

from tests.world import World

CALLED = 4
"""So many blocks a page may hand to a macro: each is one of its own."""


def left_by(client: FlaskClient, path: str) -> Counter[type]:
    """Return what a page leaves that is not freed at once, once it has been asked for before."""
    for _ in range(2):
        assert client.get(path).status_code == 200
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        assert client.get(path).status_code == 200
        gc.collect()
        return Counter(type(one) for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize("path", ["/", "/exam/wait"])
def test_a_page_before_the_paper_leaves_nothing_to_be_searched_for(world: World, path: str) -> None:
    world.admit_all()
    assert left_by(world.candidate("theory"), path)[Macro] == 0


@pytest.mark.once(on="sqlite")
@pytest.mark.parametrize(
    ("role", "path"), [("officer", "/office/batches"), ("proctor", "/proctor"), ("author", "/bank")]
)
def test_nor_does_a_page_of_the_office(world: World, role: str, path: str) -> None:
    assert left_by(world.staff(role), path)[Macro] <= CALLED
