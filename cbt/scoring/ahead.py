"""Works chunks out in threads, each before it is wanted: the database deciphers while the interpreter goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import flask

Chunk = TypeVar("Chunk")
Found = TypeVar("Found")


@contextmanager
def side_by_side(
    work: Callable[[Chunk], Found], chunks: Sequence[Chunk], *, threads: int
) -> Iterator[Iterator[Callable[[], Found]]]:
    """Lend what gives, for each chunk in order, the way to get what `work` made of it, or to raise what it raised.

    A few chunks at most are worked out and not yet taken.
    """
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way to its app

    def run(chunk: Chunk) -> Found:
        with app.app_context():
            return work(chunk)

    with ThreadPoolExecutor(threads) as pool:

        def ahead() -> Iterator[Callable[[], Found]]:
            under_way: deque[Future[Found]] = deque()
            for chunk in chunks:
                under_way.append(pool.submit(run, chunk))
                if len(under_way) > threads:
                    yield under_way.popleft().result
            while under_way:
                yield under_way.popleft().result

        try:
            yield ahead()
        finally:
            pool.shutdown(cancel_futures=True)
