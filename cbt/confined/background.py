"""Work that is done behind whoever is answered: in a thread, or in a process of its own.

`python -m cbt.confined.background <module> …` runs a module so from its first line on: a child that loads
the product
before it steps back would take a second of what candidates need.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from cbt.confined.priority import give_way

COMMAND = "cbt.cli"
R = TypeVar("R")


def done_behind(work: Callable[[], R]) -> R:
    """Do work in a thread of its own that is nice, for none gets its priority back; return what it returns."""
    with ThreadPoolExecutor(1, "giving-way", initializer=partial(give_way, holds=True)) as thread:
        return thread.submit(work).result()


def command_behind(*arguments: str) -> list[str]:
    """Return how a process of its own carries out a command of `cbt`, behind from its first line on."""
    return [sys.executable, "-m", __name__, COMMAND, *arguments]


def main() -> None:
    """Run the module that is named as if it was called by itself, behind everybody else."""
    give_way(holds=True)
    module = sys.argv[1]
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
