"""A browser that asks many thousand times: what werkzeug's client would make anew each time is made once.

What changes from one request to the next is written into that: method, address, body, and cookies that a reply set.
Bytes of an address arrive as they are; werkzeug's client would put a sign of its own in the place of no UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from flask.testing import EnvironBuilder, FlaskClient

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

HOST = "localhost"


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
        client._add_cookies_to_wsgi(self._always)

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
        head: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], _failed: OptExcInfo | None = None) -> Any:
            head[:] = status, headers

        sent: Iterable[bytes] = self._client.application(environ, begin)
        try:
            answered = b"".join(sent)
        finally:
            close = getattr(sent, "close", None)
            if close is not None:
                close()
        status, headers = head
        cookies = [value for name, value in headers if name == "Set-Cookie"]
        if cookies:
            self._client._update_cookies_from_response(HOST, environ["PATH_INFO"], cookies)
            self._client._add_cookies_to_wsgi(self._always)
        return Answer(int(status[:3]), answered)
