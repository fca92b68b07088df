"""What a WSGI app is told of a request that granian read (RSGI)."""

from __future__ import annotations

import io
import sys
from typing import IO, Any

from granian.rsgi import Scope

KNOWN_HEADERS = 512


class Environs:
    """Makes the environments of one process."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        """By header its WSGI name."""

    def of(self, scope: Scope, body: bytes | IO[bytes]) -> dict[str, Any]:
        """Return the WSGI environment of a request with this body."""
        server, _, port = scope.server.rpartition(":")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": scope.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": scope.path.encode().decode("latin-1"),
            "QUERY_STRING": scope.query_string,
            "SERVER_NAME": server,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
            "REMOTE_ADDR": address_of(scope),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": scope.scheme,
            "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in scope.headers.items():
            key = self._names.get(name) or self._name(name)
            if not key:
                continue
            if key in environ:
                value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
            environ[key] = value
        return environ

    def _name(self, header: str) -> str:
        """Return the WSGI name of a header; none for one with an underscore, which would pass for another's."""
        if "_" in header:
            return ""
        plain = header.upper().replace("-", "_")
        key = plain if plain in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{plain}"
        if len(self._names) < KNOWN_HEADERS:
            self._names[header] = key
        return key


def address_of(scope: Scope) -> str:
    """Return the address a request comes from."""
    return scope.client.rpartition(":")[0].strip("[]")
