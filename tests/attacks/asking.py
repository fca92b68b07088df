"""A browser that asks many thousand times: what werkzeug's client would make anew each time is made once.

What changes from one request to the next is written into that: method, address and body; cookies are the client's.
Bytes of an address arrive as they are; werkzeug's client would put a sign of its own in the place of no UTF-8.
"""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from flask.testing import EnvironBuilder, FlaskClient


class Answer(NamedTuple):
    """What a browser was sent."""

    status: int
    body: bytes

    @property
    def failed(self) -> bool:
        """Whether it is one of a fault."""
        return self.status >= 500 or b"Traceback" in self.body[:2000]


class Asker:
    """A browser, with whatever it keeps."""

    def __init__(self, client: FlaskClient) -> None:
        """From now on `client` asks through this one alone."""
        self._client = client
        self._always = EnvironBuilder(client.application, environ_base=client.environ_base).get_environ()

    def ask(
        self, method: str, url: str, body: bytes = b"", kind: str | None = None, lease: str | None = None
    ) -> Answer:
        """Send a request; `kind` is the body's, `lease` that of a paper."""
        path, _, query = url.partition("?")
        environ = {
            **self._always,
            "REQUEST_METHOD": method,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": url,
            "RAW_URI": url,
            "wsgi.input": BytesIO(body),
        }
        if kind is not None:
            environ |= {"CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
        if lease is not None:
            environ["HTTP_X_CBT_LEASE"] = lease
        sent, status, _ = self._client.run_wsgi_app(environ, buffered=True)
        return Answer(int(status[:3]), b"".join(sent))
