"""Behind a proxy a machine keeps its address; nobody else may say where a request comes from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from cbt.errors import InvalidInput
from cbt.http.server.proxies import TrustedProxies, read_networks

TRUSTED = "10.0.0.5, 10.9.0.0/24,fd00::/8"


def seen(remote: str, **headers: str) -> tuple[str, str]:
    """Return the address and the scheme an app sees of a request that comes from `remote`."""
    found: list[tuple[str, str]] = []

    def app(environ: dict[str, Any], _start: object) -> Iterable[bytes]:
        found.append((environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]))
        return []

    environ = {"REMOTE_ADDR": remote, "wsgi.url_scheme": "http", **headers}
    TrustedProxies(app, read_networks(TRUSTED))(environ, lambda *_: None)  # type: ignore[arg-type]  # a bare app
    return found[0]


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        pytest.param("10.0.0.5", "192.168.1.20", id="the proxy"),
        pytest.param("10.9.0.77", "192.168.1.20", id="a proxy of the network"),
        pytest.param("fd00::1", "192.168.1.20", id="a proxy over IPv6"),
        pytest.param("10.0.0.6", "10.0.0.6", id="a neighbour of the proxy"),
        pytest.param("192.168.1.66", "192.168.1.66", id="a machine that pretends"),
        pytest.param("", "", id="from nowhere"),
    ],
)
def test_only_a_trusted_proxy_says_where_a_request_comes_from(remote: str, address: str) -> None:
    assert seen(remote, HTTP_X_FORWARDED_FOR="192.168.1.20", HTTP_X_FORWARDED_PROTO="https")[0] == address


def test_what_a_machine_put_before_the_proxys_word_is_not_believed() -> None:
    assert seen("10.0.0.5", HTTP_X_FORWARDED_FOR="10.0.0.5, 1.2.3.4, 192.168.1.20")[0] == "192.168.1.20"


def test_the_proxy_says_whether_it_was_https() -> None:
    assert seen("10.0.0.5", HTTP_X_FORWARDED_PROTO="https")[1] == "https"
    assert seen("192.168.1.66", HTTP_X_FORWARDED_PROTO="https")[1] == "http"


def test_no_list_is_nobody_and_a_bad_one_is_named() -> None:
    assert read_networks("") == []
    with pytest.raises(InvalidInput) as refused:
        read_networks("10.0.0.5, proxy.example.org")
    assert refused.value.code == "config.network"
    assert refused.value.params["value"] == "proxy.example.org"
