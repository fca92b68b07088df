"""Another process of a server, for tests.

`python -m tests.watching.another FILE LAYOUT SIZE SLOTS CELL…` adds 1 to each cell.

It says when it has, and stays until it is told to end, or killed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cbt.http.metrics import Counter, SharedMemory

CELLS, SLOTS = 4, 3


@contextmanager
def another(
    path: Path, *counted: int, layout: str = "one", cells: int = CELLS, slots: int = SLOTS
) -> Iterator[subprocess.Popen[str]]:
    """Run such a process for the length of the block; it has counted when the block begins."""
    numbers = map(str, (cells, slots, *counted))
    command = [sys.executable, "-m", "tests.watching.another", str(path), layout, *numbers]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "counted\n"
            yield process
        finally:
            process.kill()


def main() -> None:
    """Count, say so, and wait."""
    path, layout, *numbers = sys.argv[1:]
    cells, slots, *counted = map(int, numbers)
    memory = SharedMemory(Path(path), layout=layout, cells=cells, slots=slots)
    Counter(memory.own).add(tuple((cell, 1) for cell in counted))
    print("counted", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
