"""How scoring shares the processor: rests while requests wait, and copied processes for a command.

Scoring takes the time that candidates leave: a score may wait for a second, a save may not.

Source: R-40.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from time import perf_counter, sleep
from typing import Any, TypeVar

import flask

from cbt.confined.priority import give_way
from cbt.storage.types import db
from cbt.storage.write_queue.change_set import writing

REST = 8.0
"""While requests wait to be written, work is followed by a rest so many times as long."""
LONGEST_REST = 0.25


def somebody_waits() -> bool:
    """Return whether requests of this process wait for their transaction, or waited just now."""
    return writing().somebody_waits


@contextmanager
def yielding() -> Iterator[None]:
    """Do the work of the block, and rest after it when requests wait then."""
    begun = perf_counter()
    yield
    if somebody_waits():
        sleep(min(REST * (perf_counter() - begun), LONGEST_REST))


Chunk = TypeVar("Chunk")
Found = TypeVar("Found")

CAN_COPY = sys.platform == "linux"
_given: dict[str, Any] = {}
"""In a copied process: the app and the work it was begun with."""


def cores() -> int:
    """Return how many processes this one may keep busy."""
    return len(os.sched_getaffinity(0)) if CAN_COPY else 1


def apart(work: Callable[[Chunk], Found], chunks: Sequence[Chunk], *, processes: int) -> Iterator[Found]:
    """Yield what `work` makes of each chunk, in order, or raise what it raised; it may read and must not write.

    For a command: a process whose threads answer requests is not to be copied.
    """
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own way to its app
    copied = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, copied, initializer=_begin, initargs=(app, work)) as pool:
        yield from pool.map(_work_out, chunks)


def _begin(app: flask.Flask, work: Callable[[Any], Any]) -> None:
    give_way(holds=True)  # of a snapshot that keeps the database's log from being emptied
    gc.freeze()  # a collection that goes through what was loaded copies all of it
    with app.app_context():
        db.engine.dispose(close=False)  # the connections are those of the process that was copied
    _given.update(app=app, work=work)


def _work_out(chunk: Any) -> Any:
    with _given["app"].app_context():
        return _given["work"](chunk)
