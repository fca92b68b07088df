"""What a server asks of its machine: the data folder for itself, a port, files enough, an end with its parent."""

from __future__ import annotations

import ctypes
import errno
import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.storage.engine import database_path
from cbt.storage.file_guard import PROC, find_hold
from cbt.storage.private_files import make_folder, open_private

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]  # None says that there is nothing to raise

PR_SET_PDEATHSIG = 1
FORKS = sys.platform == "linux"
"""Whether a process is begun as a copy of its parent, with all that is loaded there."""
_remembered = 0
_others_serve = False
M_MMAP_THRESHOLD = -3
LARGE_BLOCK = 1024 * 1024
"""Bytes from which on a block of memory is the system's own."""
PARENT_CHECK_SECONDS = 0.5
TURN_SECONDS = 0.0001
COLLECT_AFTER = 5_000, 50, 100
"""Objects that came and stayed before the youngest are collected, and how often before older ones are.

Python's own are 700, 10 and 10. All threads stand while the youngest are gone through, about a microsecond each.
"""


class DataDirLock:
    """The exclusive hold of a server on its data directory; the file says who holds it.

    A record lock: it belongs to this process alone, so workers do not inherit it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server.lock"
        self._descriptor = -1

    def holder(self) -> str:
        """Return what the holder wrote of itself, "" when nobody holds the lock; take nothing."""
        if not self._path.exists():
            return ""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            _lock(descriptor)
            return ""
        except OSError:
            return os.read(descriptor, 200).decode(errors="replace").strip() or "?"
        finally:
            os.close(descriptor)  # lets go of what was taken for a moment

    def take(self, note: str) -> None:
        """Take the lock, or raise Unavailable("serve.running", holder=…)."""
        make_folder(self._path.parent)
        self._descriptor = open_private(self._path, os.O_RDWR)
        try:
            _lock(self._descriptor)
        except OSError as error:
            holder = os.read(self._descriptor, 200).decode(errors="replace").strip()
            raise Unavailable("serve.running", holder=holder, path=str(self._path.parent)) from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, note.encode())


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # typed on Windows only
    else:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def server_of(settings: Settings) -> str:
    """Return what the server of this installation wrote of itself, its process where its folder was taken away.

    "" when none runs; one on PostgreSQL is known by its lock alone. Raise OSError for a folder that is closed.
    """
    holder = DataDirLock(settings.data_dir).holder()
    if holder or not settings.embedded:
        return holder
    hold = find_hold(database_path(settings))
    return f"pid {hold.pid}" if hold is not None and _lives(hold.pid) else ""


def _lives(pid: int) -> bool:
    """Return whether a process has files open: workers outlive their parent for half a second, and name it."""
    try:
        return any((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return False


def lan_address() -> str:
    """Return this machine's address in the exam room's network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def check_port(settings: Settings) -> None:
    """Refuse a port somebody listens on: workers share theirs, so the kernel would deal out its connections.

    Raises Unavailable("serve.port"); ("serve.port_closed") for one that only root may take, ("serve.host") for an
    address that this machine does not have.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except PermissionError as error:
            raise Unavailable("serve.port_closed", port=settings.port) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Unavailable("serve.port", port=settings.port) from error
            raise Unavailable("serve.host", host=settings.host) from error


def allow_connections() -> None:
    """Let this process and its children open as many files as the system allows: each candidate holds one."""
    if resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def calm_collector() -> None:
    """Leave what was loaded out of every later collection, and collect less often.

    Going through the modules, tables and mappings of a whole product stops all threads of a process for
    longer than a save takes; requests leave next to nothing that is not freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def take_short_turns() -> None:
    """Have a thread that computes hand Python's lock on after a tenth of a millisecond, not after five.

    A save takes the lock a handful of times, for a fraction of a millisecond each; beside a page that is drawn it
    waited for a whole turn each time, and a few hundred saves a second did not get through. So does a page, twice
    for each of its queries.
    """
    sys.setswitchinterval(TURN_SECONDS)


def told_by(*numbers: int) -> int:
    """Return a descriptor that can be read once one of these signals has come; for the main thread of a process.

    The system lets a signal in by whichever thread it likes, and Python carries its handler out in the main one
    alone, which is not woken where another took it. What the signal writes wakes it in any case.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reading


def give_memory_back() -> None:
    """Have a large block of memory, such as an uploaded file, given back to the system once it is freed.

    glibc takes the first large block from the system, learns from it, and keeps the following ones, tens of
    megabytes for each thread that ever had one.
    """
    with suppress(AttributeError, OSError):  # another library has no such thing to be told
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)


def begin_as_parent() -> None:
    """Remember this process as the parent of those that it forks.

    Where it can it does fork them, whatever this Python would do by itself: one that was begun anew would load the
    product for seconds while a hall waits for it.
    """
    global _remembered
    _remembered = os.getpid()
    if FORKS:
        multiprocessing.set_start_method("fork", force=True)


def tell_forks_that_others_serve(serve: bool) -> None:
    """Tell the processes that are forked from now on whether enough others serve already while they begin."""
    global _others_serve
    _others_serve = serve


def others_serve() -> bool:
    return _others_serve


def die_with_parent(parent: int | None = None) -> None:
    """End with the parent: workers that outlive it would share the port with the next server.

    A process that loads long before it comes here is told which `parent` it had, or was forked from one that
    `begin_as_parent` remembers: that may be gone already.
    """
    parent = parent or _remembered or os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(PARENT_CHECK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
