"""How the answer page and what belongs to it come over the wire."""

from __future__ import annotations

import gzip
import re

import pytest
from flask.testing import FlaskClient

from cbt.web.headers import SECURITY_HEADERS
from tests.world import World


@pytest.fixture
def client(world: World) -> FlaskClient:
    world.admit_all()
    world.start()
    return world.candidate("theory")


def test_the_page_comes_packed_to_a_browser_that_unpacks(client: FlaskClient, world: World) -> None:
    path = f"/exam/{world.sitters['theory'].attempt_ref}"
    plain = client.get(path)
    packed = client.get(path, headers={"Accept-Encoding": "br, gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding, Cookie"
    assert plain.mimetype == packed.mimetype == "text/html"
    unpacked = gzip.decompress(packed.data).decode()
    assert without_tokens(unpacked) == without_tokens(plain.text)
    assert len(packed.data) < len(plain.data) / 2
    for name, value in SECURITY_HEADERS.items():
        assert plain.headers[name] == packed.headers[name] == value


def without_tokens(page: str) -> str:
    """Return a page without its form token, which carries the second it was made in."""
    return re.sub(r'data-csrf="[^"]+"', "", page)


def test_scripts_and_style_sheets_carry_what_counts_for_files(client: FlaskClient, world: World) -> None:
    assets = world.app.extensions["cbt_assets"]
    for name in ("delivery/main.js", "delivery/paper/runner.css"):
        headers = client.get(assets.url(name)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "immutable" in headers["Cache-Control"]
        assert "Content-Security-Policy" not in headers
    picture = client.get(
        assets.url("ui/icon.svg")
    ).headers  # can be opened as a page, so it has a page's headers
    assert picture["Content-Security-Policy"] == SECURITY_HEADERS["Content-Security-Policy"]
