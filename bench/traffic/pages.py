"""Pages that candidates open: the answer page, as a browser asks for it that unpacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

from bench.installation import Sitter
from bench.traffic.client import Exchange, page_bytes


def answer_pages(sitters: Sequence[Sitter]) -> Iterator[Exchange]:
    """Yield the request for the answer page for ever, of each sitter in turn."""
    for sitter in cycle(sitters):
        headers = {"Cookie": sitter.cookie, "Accept-Encoding": "gzip, deflate, br", "Accept": "text/html"}
        yield Exchange(page_bytes(f"/exam/{sitter.attempt_ref}", headers), lambda _status, _body: None)
