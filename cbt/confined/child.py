"""The child's side: close everything, take the limits on, read one file, answer with plain data, end.

Nothing of the product is imported here but what the task needs: a child starts in the time of a bare interpreter.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import msgspec

from cbt.errors import InvalidInput

try:
    import resource
except ImportError:  # Windows: the parent's limit on time and on the answer's size still holds
    resource = None  # type: ignore[assignment]  # None says that there are no such limits here

HAS_LIMITS = resource is not None
"""Whether a child can limit itself here."""

Task = Callable[..., bytes]

RESULT, REFUSAL = b"+", b"-"
NO_MEMORY = 70
"""The exit code of a child that ran into its limit on memory and could still say so."""
_STANDARD = 3
_GRACE_SECONDS = 2
_ONE_THREAD = "OPENBLAS_NUM_THREADS"
_WARM = ("utf-8-sig", "gb18030", "cp437", "utf-16-le", "latin-1")
"""Codecs are modules; none can be loaded once no file can be opened any more."""


class ChildTask(msgspec.Struct, frozen=True):
    """What a child is asked: `module:function`, its options, and what it may use (bytes, seconds)."""

    task: str
    options: dict[str, object]
    memory: int
    cpu: int
    wall: int


def main() -> None:
    """Do the job in the arguments with the file on standard input."""
    job = msgspec.json.decode(sys.argv[2], type=ChildTask)
    compute_alone()
    module, _, name = job.task.partition(":")
    task: Task = getattr(import_module(module), name)
    del os.environ[_ONE_THREAD]  # it was read when numpy was loaded
    for codec in _WARM:
        "".encode(codec)
    _confine(job)
    try:
        reply = RESULT + task(sys.stdin.buffer.read(), **job.options)
    except InvalidInput as refused:
        reply = REFUSAL + msgspec.msgpack.encode([refused.code, refused.params])
    except MemoryError:
        os._exit(NO_MEMORY)
    with sys.stdout.buffer as answer:
        answer.write(reply)


def compute_alone() -> None:
    """Have numpy, where a task loads it, begin no thread and reserve no room for each processor there is."""
    os.environ[_ONE_THREAD] = "1"


def _confine(job: ChildTask) -> None:
    """Take on the limits; from here on no file, no pipe and no socket can be opened (their number is used up)."""
    os.closerange(_STANDARD, 256)
    if resource is None:
        return
    signal.alarm(job.wall + _GRACE_SECONDS)  # should nobody be left to end it
    for limit, most in (
        (resource.RLIMIT_AS, job.memory),
        (resource.RLIMIT_CPU, job.cpu),
        (resource.RLIMIT_NOFILE, _STANDARD),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
