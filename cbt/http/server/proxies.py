"""Where a request comes from when a proxy stands in front: believed only of the proxies that are named."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING

import flask
from werkzeug.middleware.proxy_fix import ProxyFix

from cbt.errors import InvalidInput

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """Wraps an app: a trusted proxy's last X-Forwarded-For and X-Forwarded-Proto become the request's own.

    A machine of the room that sends such a header itself is not believed: its address is half of what binds
    it to its seat.

    Source: R-16.
    """

    def __init__(self, inner: WSGIApplication, networks: Iterable[Network]) -> None:
        self._inner = inner
        self._passed_on = ProxyFix(inner, x_for=1, x_proto=1)
        self._networks = tuple(networks)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        through = is_among(environ.get("REMOTE_ADDR", ""), self._networks)
        return (self._passed_on if through else self._inner)(environ, start_response)


def is_among(address: str, networks: Iterable[Network]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def read_networks(text: str, *, setting: str = "CBT_TRUSTED_PROXIES") -> list[Network]:
    """Return the networks of a comma-separated list; raise InvalidInput("config.network") naming a bad one."""
    networks = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise InvalidInput("config.network", name=setting, value=part) from error
    return networks


def init_proxies(app: flask.Flask, trusted: str) -> None:
    """Put the check in front of `app` when there are proxies to trust; it costs nothing otherwise."""
    networks = read_networks(trusted)
    if networks:
        app.wsgi_app = TrustedProxies(app.wsgi_app, networks)  # type: ignore[method-assign]  # Flask's way
