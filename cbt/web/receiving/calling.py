"""Calls a WSGI app with a request that is there as a whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cbt.web.receiving.promises import PROMISE, Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)


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
        return 500, [], b""
    return status, headers, content


def _nothing() -> None:
    pass
