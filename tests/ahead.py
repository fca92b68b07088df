"""Workers of a run begin with other files: each rewrites the assertions of a part of them, and finds the rest done.

pytest rewrites every file of tests that it has not met before, and keeps what comes of it. Workers that all began
with the first file would do so side by side, each for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def load_ahead(config: pytest.Config) -> None:
    """Have a worker load the files of tests that it will collect; one that fails says so when it is collected."""
    told = getattr(config, "workerinput", None)
    if told is None:
        return
    ignored = [CHECKOUT / one for one in config.getoption("ignore") or ()]
    files = _files([CHECKOUT / one.partition("::")[0] for one in config.args], ignored)
    number = int(told["workerid"].removeprefix("gw"))
    for path in begun_at(files, number, told["workercount"]):
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(path.relative_to(CHECKOUT).with_suffix("").parts))


def begun_at(files: list[Path], number: int, workers: int) -> list[Path]:
    """Return all files, from where the worker of this number begins."""
    first = len(files) * number // workers
    return files[first:] + files[:first]


def _files(roots: Iterable[Path], ignored: Iterable[Path]) -> list[Path]:
    found = {path for root in roots for path in (root.rglob("test_*.py") if root.is_dir() else [root])}
    return sorted(path for path in found if not any(path.is_relative_to(one) for one in ignored))
