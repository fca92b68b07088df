"""Bulk reads: chunks worked out in threads before they are wanted, and rows with long texts read at once.

The database deciphers while the interpreter goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import flask
import msgspec
from sqlalchemy import LargeBinary, Select, cast, func, select
from sqlalchemy.orm import Session

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
                    first, future = under_way.popleft()
                    yield first, future.result
            while under_way:
                first, future = under_way.popleft()
                yield first, future.result

        try:
            yield ahead()
        finally:
            pool.shutdown(cancel_futures=True)


# Reads rows that each have a long text, many of them at once.
#
# A driver lets the interpreter go while the database looks for the next row, and gets it back behind
# whichever thread computes. So the embedded database joins the texts and everything comes as one row; and
# they are bytes, for whoever reads so many takes their digests and compares them.


def rows_with_text(
    session: Session, query: Select[*tuple[Any, ...]]
) -> Iterator[tuple[list[Any], bytes | None]]:
    """Yield what a query finds, in no order: its columns as the database keeps them, and the last, a text.

    A truth is a number there where the database has no other, and what a column's type makes of it is not made.
    """
    subquery = query.subquery()
    *columns, text = subquery.c
    if session.get_bind().dialect.name == "postgresql":
        for *values, content in session.execute(select(*columns, func.convert_to(text, "UTF8"))):
            yield values, content
        return
    length = func.length(cast(text, LargeBinary))
    whole = cast(func.group_concat(text, ""), LargeBinary)
    listed, joined = session.execute(
        select(func.json_group_array(func.json_array(*columns, length)), whole)
    ).one()
    rows = msgspec.json.decode(listed)
    yield from parted(rows, joined or b"")


def parted(rows: list[list[Any]], joined: bytes) -> Iterator[tuple[list[Any], bytes | None]]:
    """Yield rows whose last value is the length of their text, None where there is none, each with its text."""
    ends = list(accumulate((row[-1] or 0 for row in rows), initial=0))
    if ends[-1] != len(joined):
        raise ValueError("the texts are not as long as they are said to be")
    for (*values, length), (start, end) in zip(rows, pairwise(ends), strict=True):
        yield values, None if length is None else joined[start:end]
