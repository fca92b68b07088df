"""Works chunks out in threads, each before it is wanted: the database deciphers while the interpreter goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import flask

Chunk = TypeVar("Chunk")
Found = TypeVar("Found")


@contextmanager
def side_by_side(
    work: Callable[[Chunk], Found], chunks: Iterable[Chunk], *, threads: int
) -> Iterator[Iterator[tuple[Chunk, Callable[[], Found]]]]:
    """Lend what gives each chunk in order, with the way to get what `work` made of it, or to raise what it raised.

    A few chunks at most are worked out and not yet taken; none is asked for sooner.
    """
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way to its app

    def run(chunk: Chunk) -> Found:
        with app.app_context():
            return work(chunk)

    with ThreadPoolExecutor(threads) as pool:

        def ahead() -> Iterator[tuple[Chunk, Callable[[], Found]]]:
            under_way: deque[tuple[Chunk, Future[Found]]] = deque()
            for chunk in chunks:
                under_way.append((chunk, pool.submit(run, chunk)))
                if len(under_way) > threads:
                    first, found = under_way.popleft()
                    yield first, found.result
            while under_way:
                first, found = under_way.popleft()
                yield first, found.result

        try:
            yield ahead()
        finally:
            pool.shutdown(cancel_futures=True)
