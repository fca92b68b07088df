"""Hands one file to a child process and returns what it makes of it, within limits.

A file decides how much memory and time its reader takes: one cell far away, a picture of 60,000 × 60,000, an
archive that unpacks without end. So readers of foreign files run in a child: a fresh interpreter with limits on
memory, processor time, time and the size of its answer, lower priority, no key in its environment, no descriptor
but its pipe and no way to open another. Whatever becomes of it, the asking process gets an answer or an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cbt.confined.child import HAS_LIMITS, NO_MEMORY, REFUSAL, RESULT, ChildTask
from cbt.errors import InvalidInput, TooMany, Unavailable
from cbt.slots import Slots

MEGABYTE = 1024 * 1024
PATIENCE_SECONDS = 20
AGAIN_SECONDS = 10
"""When somebody may come again who could not have their turn."""
LONGER = 12
"""So many times its seconds a child may take where nobody waits for it; its processor seconds stay."""
_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH")
"""All that a child's environment holds: what an interpreter cannot start without."""
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from cbt.confined.priority import give_way; give_way(holds=False); "
    "from cbt.confined.child import main; main()"
)
"""It goes behind before it loads anything."""
_PRODUCT = str(Path(__file__).resolve().parents[2])
_PRIORITY = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)

BEHIND = 2
"""So many times its seconds a child may take, for it runs while nobody else wants to."""
_times = [BEHIND]


class ChildPlaces:
    """Where the children of one kind run, for each server process.

    `at_once` leaves a small machine its memory. Whoever waits holds a thread that other people need, so only so
    many may; all kinds together are fewer than the threads of staff.
    """

    def __init__(self, kind: str, *, at_once: int, waiting: int) -> None:
        self.kind = kind
        self.turns = threading.BoundedSemaphore(at_once)
        self.waiting = threading.BoundedSemaphore(waiting)

    @contextmanager
    def taken(self, seconds: int) -> Iterator[None]:
        """Hold one of them; raise Unavailable("file.busy") when too many wait, or none is free within `seconds`."""
        if not self.waiting.acquire(blocking=False):
            raise Unavailable("file.busy", seconds=AGAIN_SECONDS)
        try:
            if not self.turns.acquire(timeout=seconds):
                raise Unavailable("file.busy", seconds=AGAIN_SECONDS)
        finally:
            self.waiting.release()
        try:
            yield
        finally:
            self.turns.release()


READING = ChildPlaces("reading", at_once=2, waiting=4)
"""Files that somebody sent."""
PRINTING = ChildPlaces("printing", at_once=2, waiting=2)
"""Pages of our own: nobody's file keeps an office from printing."""


class Shares:
    """Who has one child of a kind at a time, so that it takes no more than a place from the others."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.asking: Callable[[], str] = str
        """Returns the account that asks now and has one at a time; "" for any other."""

    @contextmanager
    def kept(self, kind: str) -> Iterator[None]:
        """Hold what an account has of a kind; raise TooMany("file.yours") while it has another."""
        account = self.asking()
        give_back = self.slots.take(f"{kind}:{account}") if account else _nothing
        if give_back is None:
            raise TooMany("file.yours", seconds=AGAIN_SECONDS)
        try:
            yield
        finally:
            give_back()


SHARES = Shares()


def _nothing() -> None:
    pass


def take_longer() -> None:
    """Have this process wait longer for its children from now on: it is behind others, and so are they."""
    _times[:] = [LONGER]


class ChildGroup:
    """The children that a thread begins, for another thread to end once nobody wants what they make."""

    def __init__(self) -> None:
        self._ends: set[Callable[[], None]] = set()
        self._is_over = False
        self._lock = threading.Lock()

    @contextmanager
    def holding(self, end: Callable[[], None]) -> Iterator[None]:
        """Have the child that `end` ends be one of them during the block; one that comes too late is ended."""
        with self._lock:
            self._ends.add(end)
            if self._is_over:
                end()
        try:
            yield
        finally:
            with self._lock:
                self._ends.discard(end)

    def end(self) -> None:
        """End those that there are, and each that is begun from now on."""
        with self._lock:
            self._is_over = True
            for end in self._ends:
                end()


_group: ContextVar[ChildGroup | None] = ContextVar("cbt_child_group", default=None)


@contextmanager
def children_of(group: ChildGroup) -> Iterator[None]:
    """Have the children that this thread begins in the block belong to a group."""
    former = _group.set(group)
    try:
        yield
    finally:
        _group.reset(former)


@contextmanager
def ended_with_group(end: Callable[[], None]) -> Iterator[None]:
    """Have the child that `end` ends belong, during the block, to the group of this thread, if it has one."""
    group = _group.get()
    with group.holding(end) if group is not None else nullcontext():
        yield


class Turns:
    """Whose turn it is among the threads of one process that go behind: one computes at a time, first come, first.

    A thread that writes in front would wait for Python's lock at each statement, with everybody else waiting for
    its end: whoever computes beside it has that lock, and gets a processor last of all. So it writes in the turn of
    the one that it writes for, and the others stand still meanwhile.
    """

    def __init__(self) -> None:
        self._line: deque[object] = deque()
        self._is_held = False
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, *, within: float | None = None) -> Iterator[bool]:
        """Hold the turn in the block; where it does not come `within` so many seconds, go on without."""
        have = self._take(within)
        former, _own.turns = getattr(_own, "turns", None), self if have else None
        try:
            yield have
        finally:
            _own.turns = former
            if have:
                self._give()

    @contextmanager
    def given(self) -> Iterator[None]:
        """Let others have the turn that this thread holds during the block, and wait for it at the end."""
        self._give()
        _own.turns = None
        try:
            yield
        finally:
            self._take(None)
            _own.turns = self

    def _take(self, within: float | None) -> bool:
        me = object()
        with self._changed:
            self._line.append(me)
            have = self._changed.wait_for(lambda: not self._is_held and self._line[0] is me, within)
            self._line.remove(me)
            self._is_held = self._is_held or have
            self._changed.notify_all()
            return have

    def _give(self) -> None:
        with self._changed:
            self._is_held = False
            self._changed.notify_all()


_own = threading.local()


@contextmanager
def others_turn() -> Iterator[None]:
    """Let others compute during the block, which waits for something else; does nothing where none take turns."""
    turns: Turns | None = getattr(_own, "turns", None)
    if turns is None:
        yield
        return
    with turns.given():
        yield


class Exhausted(Exception):
    """The file needed more memory, time or room for its answer than it may have; nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use: address space, processor seconds, seconds, bytes of its answer."""

    memory: int = 768 * MEGABYTE
    cpu: int = 15
    wall: int = 25
    answer: int = 64 * MEGABYTE


def run(task: str, body: bytes, *, limits: Limits, places: ChildPlaces = READING, **options: object) -> bytes:
    """Return what `task` (module:function, taking the bytes and the options) answers about `body`.

    Raise what the task refuses with (InvalidInput), Exhausted when the file is too much for the limits,
    Unavailable("file.busy") while too many others wait, ("file.overdue") when the machine had no time for it,
    ("file.reader") when no child can be started, TooMany("file.yours") while an account that has one child at a
    time has another.
    """
    job = ChildTask(task, options, memory=limits.memory, cpu=limits.cpu, wall=limits.wall * _times[0])
    with others_turn(), SHARES.kept(places.kind), places.taken(min(limits.wall, PATIENCE_SECONDS)):
        answer, code = _ask(job, body, limits)
    if len(answer) > limits.answer + 1 or code == NO_MEMORY or code < 0:
        raise Exhausted
    if code == 0 and answer[:1] == RESULT:
        return answer[1:]
    if code == 0 and answer[:1] == REFUSAL:
        refusal, params = msgspec.msgpack.decode(answer[1:], type=tuple[str, dict[str, Any]])
        raise InvalidInput(refusal, **params)
    raise Unavailable("file.reader")


def _ask(job: ChildTask, body: bytes, limits: Limits) -> tuple[bytes, int]:
    """Return what the child said, at most a byte more than it may, and how it ended."""
    try:
        child = _begin(job)
    except OSError as error:
        raise Unavailable("file.reader") from error
    overdue = threading.Event()

    def end() -> None:
        overdue.set()
        child.kill()

    clock = threading.Timer(job.wall, end)
    clock.start()
    try:
        with ended_with_group(child.kill):
            answer = _converse(child, body, limits.answer + 2)
            code = child.wait()
    finally:
        child.kill()
        child.wait()
        clock.cancel()
    if overdue.is_set():
        # One that takes too much processor time ends by its own limit: this one was not let on.
        raise Unavailable("file.overdue", seconds=AGAIN_SECONDS) if HAS_LIMITS else Exhausted
    return answer, code


def _begin(job: ChildTask) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-E",
        "-P",
        "-X",
        "utf8",
        "-c",
        _START,
        _PRODUCT,
        msgspec.json.encode(job).decode(),
    ]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        creationflags=_PRIORITY,
    )


def _converse(child: subprocess.Popen[bytes], body: bytes, most: int) -> bytes:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with child.stdin as there:
            there.write(body)  # it is read to its end before anything is answered
    except BrokenPipeError:
        pass  # it has ended; its code says why
    with child.stdout as answer:
        return answer.read(most)  # one that says more meets a closed pipe
