"""Hypothesis without its stopwatch: how long an example takes on a busy machine proves nothing.

And lines are counted where it matters: while the rules are loaded, and in the cases that name what they try. Which
branches are taken is not left to the chance of a property's examples: those are many, and each would take twice as
long.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
_counting: list[Any] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave properties for the end where lines are counted: what a rule remembers of one is not gone through."""
    if sys.gettrace() is not None:
        items.sort(key=_is_property)


def pytest_collection_finish() -> None:
    """Count no lines between cases."""
    if sys.gettrace() is not None:
        _counting.append(sys.gettrace())
        sys.settrace(None)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Count lines in a case, unless it is a property."""
    if not _counting or _is_property(pyfuncitem):
        return (yield)
    sys.settrace(_counting[0])
    _begin()
    try:
        return (yield)
    finally:
        sys.settrace(None)


def _begin() -> None:
    """Be called: coverage.py counts on from the first call after it was set anew."""


def _is_property(item: pytest.Item) -> bool:
    return is_hypothesis_test(getattr(item, "obj", None))
