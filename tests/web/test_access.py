"""What no page takes from anybody. Who may call which page is a case each in tests/attacks/test_matrix.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Templates, installation
from tests.helpers import FakeClock
from tests.world import World


@pytest.fixture
def on_postgresql(templates: Templates, clock: FakeClock, tmp_path: Path) -> Iterator[World]:
    """The world on the database that refuses a NUL in a text."""
    with installation(templates, "postgresql", tmp_path, clock) as (_, made):
        assert made is not None
        yield made


@pytest.mark.parametrize(
    ("role", "method", "path", "data"),
    [
        pytest.param("", "POST", "/staff/sign-in", {"login": "a\0b", "password": "x"}, id="staff sign-in"),
        pytest.param("", "POST", "/seat/bind", {"room_code": "a\0b", "number": "1"}, id="binding a seat"),
        pytest.param("", "POST", "/my/results", {"ticket": "a\0b", "document": "123456"}, id="my results"),
        pytest.param("", "POST", "/attempts/a%00b/answers", {}, id="a save"),
        pytest.param("officer", "GET", "/results/a%00b", {}, id="a path"),
        pytest.param("officer", "GET", "/audit?act=a%00b", {}, id="a query"),
        pytest.param("officer", "POST", "/office/batches", {"name": "a\0b"}, id="a form"),
    ],
)
def test_a_nul_is_refused_and_never_an_error_of_the_server(
    on_postgresql: World, role: str, method: str, path: str, data: dict[str, str]
) -> None:
    client = on_postgresql.staff(role) if role else on_postgresql.app.test_client()
    assert client.open(path, method=method, data=data).status_code == 422
