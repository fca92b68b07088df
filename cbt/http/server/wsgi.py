"""WSGI in a server process: the environment of a request that granian read (RSGI), and the app's answer."""

from __future__ import annotations

import io
import logging
import random
import sys
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from granian.rsgi import Scope

from cbt.http.responses import bare_problem
from cbt.http.server.deferred import AT_ONCE, PROMISE, WAIT, Headers, ParkedRequest, Promise, PromisedRequest
from cbt.http.server.request_body import HANDED_AT
from cbt.rules.overload import PAGE_PATIENCE, come_again_seconds, is_given_up

if TYPE_CHECKING:
    import asyncio

    from _typeshed.wsgi import WSGIApplication
    from granian.rsgi import HTTPProtocol  # type: ignore[attr-defined]  # meant to be used

    from cbt.http.server.front import Front

log = logging.getLogger(__name__)


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
    return scope.client.rpartition(":")[0].strip("[]")


OF_A_PAGE = "HTTP_X_CBT_LEASE"
"""A request that brings a lease is asked by the script of an answer page, which gives it up after some seconds."""
UNAVAILABLE = 503

CHANCE = random.SystemRandom()


class BufferedRequest:
    """One request on its way through the app. Nothing of it holds itself, so it is gone once it is answered."""

    __slots__ = ("_done", "_environ", "_front", "_protocol", "_refused", "_scope", "_stays", "_until")

    def __init__(
        self,
        front: Front,
        scope: Scope,
        protocol: HTTPProtocol,
        done: asyncio.Future[None],
        environ: dict[str, Any],
        *,
        refused: bool,
        until: float | None,
        stays: bool = False,
    ) -> None:
        """`stays`: what this process knows of who asks is dear, so it lets them go to no other one."""
        self._front = front
        self._scope = scope
        self._protocol = protocol
        self._done = done
        self._environ = environ
        self._refused = refused
        self._until = until
        self._stays = stays

    def ask(self) -> None:
        """Ask the app, and see to it that its answer is sent; not for a page that has given the request up.

        What waited so long for a thread would be carried out for nobody, and keeps others waiting (I14).
        """
        waited = self._front.timer() - self._environ[HANDED_AT]
        if OF_A_PAGE in self._environ and is_given_up(waited, patience=PAGE_PATIENCE):
            self.refuse(waited)
            return
        self._ask()

    def refuse(self, waited: float) -> None:
        """Say when to come again, where others have waited for so long; nothing was asked of the app."""
        seconds = come_again_seconds(waited, chance=CHANCE.random())
        headers, page = ([], b"") if OF_A_PAGE in self._environ else bare_problem("web.busy")
        self._respond(UNAVAILABLE, [("retry-after", str(seconds)), *headers], page)

    def _ask(self) -> None:
        environ = self._environ
        answer = call(self._front.app, environ)
        if answer is None:
            made: Promise = environ.pop(PROMISE)
            made(PromisedRequest(self._respond, self._ask_again))
            return
        status, headers, content = answer
        if self._refused:
            headers = [*headers, ("connection", "close")]  # the rest of its body is not waited for
        wait = environ.get(WAIT)
        if wait is None:
            self._respond(status, headers, content)
            return
        held = ParkedRequest(
            wait,
            send=partial(self._respond, status, headers, content),
            again=lambda: self._ask_later(held.until),
            until=self._until,
        )
        self._front.hold(held)

    def _ask_later(self, until: float | None) -> None:
        self._front.ask(self._scope, b"", self._protocol, self._done, until=until)

    def _ask_again(self) -> None:
        self._environ.pop(AT_ONCE, None)
        if not self._front.in_a_thread(self._ask):
            self.refuse(0.0)

    def _respond(self, status: int, headers: Headers, content: bytes) -> None:
        if self._front.share.lets_go() and not self._stays:
            headers = [*headers, ("connection", "close")]
        try:
            self._protocol.response_bytes(status, headers, content)
        except Exception:
            log.debug("nobody waited for an answer any more")
        self._front.answered(self._done)


def call(app: WSGIApplication, environ: dict[str, Any]) -> tuple[int, Headers, bytes] | None:
    """Return status, headers and content of an app's answer; None when it left a promise."""
    begun: list[Any] = []

    def start_response(status: str, headers: Headers, _exc_info: Any = None) -> Any:
        begun[:] = [int(status[:3]), headers]

    try:
        answer = app(environ, start_response)
        if PROMISE in environ:
            return None
        try:
            content = b"".join(answer)
        finally:
            getattr(answer, "close", _nothing)()
        status, headers = begun
    except Exception:
        log.exception("a request ended with an error that no page caught")
        return 500, *bare_problem()
    return status, headers, content


def _nothing() -> None:
    pass
