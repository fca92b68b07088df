"""What children of `cbt.confined` are forked of: it holds what a task loads, nothing else."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from cbt.confined.child import compute_alone, main
from tests.fork_server import serve_who_began


def serve() -> None:
    """Load the module in the arguments, then fork a child for each request."""
    compute_alone()  # a process with threads is not forked
    import_module(sys.argv[2])
    serve_who_began(_become)


def _become(job: str, read: int, answer: int) -> None:
    """Go on as the child that a new interpreter would have become by now."""
    os.dup2(read, 0)
    os.dup2(answer, 1)
    sys.argv[2] = job
    main()
