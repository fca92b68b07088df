"""Loops of tests: each in a thread of its own, for the journeys' browser has one that runs in the main thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


def in_a_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns, or raise what it raises, in the context of whoever asks."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, work).result()


def run_in_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return in_a_thread(lambda: asyncio.run(coroutine))
