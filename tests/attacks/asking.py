"""A browser that asks many thousand times: what werkzeug's client would make anew each time is made once.

What changes from one request to the next is written into that: method, address and body. Cookies are the client's,
which is asked for those of the front page: all of the product's are for every address, and to match them against an
address of a million letters takes longer than the answer. Bytes of an address arrive as they are; werkzeug's client
would put a sign of its own in the place of no UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from flask.testing import EnvironBuilder, FlaskClient

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


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
        """It sends and keeps the cookies of `client`."""
        self._product = client.application
        self._always = EnvironBuilder(client.application, environ_base=client.environ_base).get_environ()
        self._asked: WSGIEnvironment = {}
        self._client = copy(client)  # has the same cookies
        self._client.application = self._answer  # type: ignore[assignment]

    def ask(
        self, method: str, url: str, body: bytes = b"", kind: str | None = None, lease: str | None = None
    ) -> Answer:
        """Send a request; `kind` is the body's, `lease` that of a paper."""
        path, _, query = url.partition("?")
        self._asked = environ = {
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
        sent, status, _ = self._client.run_wsgi_app(self._always, buffered=True)
        return Answer(int(status[:3]), b"".join(sent))

    def _answer(self, front: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
        """Have the product answer what is asked, with the cookies that go to its front page."""
        cookies = {name: front[name] for name in ("HTTP_COOKIE",) if name in front}
        return self._product(self._asked | cookies, begin)
