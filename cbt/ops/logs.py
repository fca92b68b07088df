"""The log of a server process: one JSON line each without a person in it, repeated ones as a sum.

Of an exception the types and the places in the code are written, never its text: a database names the values
of the row it refuses, a parser the text it could not read.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, BinaryIO, cast

from sqlalchemy.engine import make_url

from cbt.config import Settings, as_environment
from cbt.errors import CbtError, Unavailable
from cbt.releases import newest_revision, product_version
from cbt.storage.engine import failure_code, is_disk_full
from cbt.storage.private_files import give

log = logging.getLogger(__name__)


TOLD = "told"
"""The attribute of a record that holds more of what its line says."""
REPEATED = "repeated"
"""The attribute of a record that stands for as many more like it, and since when."""
REMEDY = "make room on this disk; what waits is saved by itself then"


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object; `folder` is where the database lies, "" for one elsewhere."""

    def __init__(self, folder: str = "") -> None:
        super().__init__()
        self._folder = folder

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`: at, level, logger, event, pid, what more was told, and the exception."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "pid": os.getpid(),
        }
        line |= getattr(record, TOLD, {}) | getattr(record, REPEATED, {})
        chain = errors_of(record)
        if chain:
            line["error"] = [_described(one) for one in chain]
        if any(map(is_disk_full, chain)):
            line |= {"full": _full_folder(chain) or self._folder, "remedy": REMEDY}
        return json.dumps(line, ensure_ascii=False, default=str)


def errors_of(record: logging.LogRecord) -> list[BaseException]:
    """Return the exception of a record and what led to it, the last first; nothing where there is none."""
    error = record.exc_info[1] if record.exc_info else None
    return [] if error is None else _chain(error)


def _full_folder(chain: list[BaseException]) -> str:
    """Return the folder that the system itself named, "" where it named none."""
    named = (one.filename for one in chain if isinstance(one, OSError) and isinstance(one.filename, str))
    return next((str(PurePath(name).parent) for name in named), "")


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and what led to it, the last first."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return chain


def _described(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    kind = type(error)
    code = failure_code(error)
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        **({"code": code} if code else {}),
        "where": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


# Lines that say the same again: the first is written at once, more within a minute as one with a count.
#
# A disk that is full refuses every save of a hall; ten thousand lines of that hide what else there is, and
# fill the next disk.

WINDOW_SECONDS = 60.0
Kind = tuple[object, ...]


@dataclass(slots=True)
class _Window:
    ends: float
    since: float
    """When the first was written, by the wall clock that its line has."""
    count: int = 0
    last: logging.LogRecord | None = None


class Repeats:
    """Says which lines are written, and the sums of the others; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[Kind, _Window] = {}

    def is_first(self, record: logging.LogRecord) -> bool:
        """Return whether a line is to be written now; one that is not is counted. What is no warning always is."""
        if record.levelno < logging.WARNING:
            return True
        kind, now = _kind(record), self._clock()
        window = self._windows.get(kind)
        if window is None:
            self._windows[kind] = _Window(now + WINDOW_SECONDS, record.created)
            return True
        window.count += 1
        window.last = record
        return False

    def sums(self, *, all_of_them: bool = False) -> list[logging.LogRecord]:
        """End the windows that are over (or all), and return a line for each that held more than its first."""
        now = self._clock()
        over = [kind for kind, one in self._windows.items() if all_of_them or one.ends <= now]
        ended = [self._windows.pop(kind) for kind in over]
        return [_sum(one, one.last) for one in ended if one.last is not None]

    def next_in(self) -> float | None:
        """Return after how many seconds a sum is to be told, None when nothing was held back."""
        ends = [one.ends for one in self._windows.values() if one.count]
        return max(0.0, min(ends) - self._clock()) if ends else None


def _kind(record: logging.LogRecord) -> Kind:
    """Return what makes two lines the same: the words without their values, the place, the errors."""
    errors = tuple(type(one) for one in errors_of(record))
    fields = getattr(record, TOLD, {})
    return record.name, record.levelno, str(record.msg), errors, fields.get("endpoint")


def _sum(window: _Window, last: logging.LogRecord) -> logging.LogRecord:
    since = datetime.fromtimestamp(window.since, UTC).isoformat(timespec="milliseconds")
    summed = copy.copy(last)
    setattr(summed, REPEATED, {"repeated": window.count, "since": since})
    return summed


# Where lines go: standard error (the service manager's journal), or the file of CBT_LOG_FILE.
#
# The file may be moved away at any time (logrotate): before each line a process looks whether it is still the
# file of that name, and opens it anew when it is not, so no signal has to reach it for that. A hang-up ends
# nobody.

Later = Callable[[float, Callable[[], None]], None]
HELD_BACK = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []
"""What a process that is only loading is started without, so that it ends nobody before it is ignored."""
LIFE = logging.getLogger("cbt.life")
"""Starts and ends of processes."""
SERVER = logging.getLogger("_granian")
"""The HTTP server's own lines."""
_ADVICE = "Configured number of "
"""How the HTTP server's opinion of how many processes and threads to have begins."""
_MODE = 0o640
_CLOSED = getattr(os, "O_CLOEXEC", 0)


class LogFile(WatchedFileHandler):
    """Appends to a file, whoever moves it away; what it cannot write goes to standard error instead."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.failing = False
        """Whether the last line could not be written."""

    def _open(self) -> TextIOWrapper:
        """Open the file; one that is made now has its mode whatever the umask, and its folder's owner."""
        fresh = not os.path.lexists(self.baseFilename)
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOSED, _MODE)
        if fresh and os.name == "posix":
            with suppress(OSError, CbtError):  # a file system without modes or owners
                os.fchmod(descriptor, _MODE)
                give(descriptor, Path(self.baseFilename))
        # Unbuffered: what a full disk refuses is not tried again in front of every later line.
        raw = os.fdopen(descriptor, "ab", buffering=0)
        return TextIOWrapper(cast(BinaryIO, raw), encoding="utf-8", write_through=True)

    def emit(self, record: logging.LogRecord) -> None:
        self.failing = False
        try:
            super().emit(record)
        except (OSError, ValueError):
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say the line where somebody may still hear it: a log that cannot be written stops no exam."""
        self.failing = True
        with suppress(OSError, ValueError):  # standard error may lie on the same disk, or be closed
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()


def unwritten() -> list[str]:
    """Return the warning of `/healthz` that the log's file takes none of this process's lines, else nothing."""
    outs = [one.out for one in logging.getLogger().handlers if isinstance(one, Keeper)]
    return ["log.unwritten"] if any(isinstance(out, LogFile) and out.failing for out in outs) else []


def _call_later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class Keeper(logging.Handler):
    """Hands lines on to where they go, repeated ones as a sum."""

    def __init__(self, out: logging.Handler, repeats: Repeats, later: Later = _call_later) -> None:
        """`later` calls back after so many seconds, in a thread of its own."""
        super().__init__()
        self.out = out
        self._repeats = repeats
        self._later = later
        self._waits = False

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one line, and the sums that are due; the handler's lock is held."""
        self._hand_on(self._repeats.sums())
        if self._repeats.is_first(record):
            self.out.handle(record)
        self._wake_later()

    def tell_sums(self, *, all_of_them: bool = False) -> None:
        assert self.lock is not None  # a handler has one from its beginning
        with self.lock:
            self._waits = False
            self._hand_on(self._repeats.sums(all_of_them=all_of_them))
            self._wake_later()

    def _hand_on(self, records: list[logging.LogRecord]) -> None:
        for record in records:
            self.out.handle(record)

    def _wake_later(self) -> None:
        seconds = self._repeats.next_in()
        if seconds is not None and not self._waits:
            self._waits = True
            self._later(seconds, self.tell_sums)


def init_logs(settings: Settings) -> None:
    """Have this process write its warnings, its uncaught errors and its start and end as lines, from here on.

    A process that was forked has its parent's handler until then. In a terminal starts and ends are not told:
    what people read there says it.
    """
    out: logging.Handler
    out = LogFile(settings.log_file) if settings.log_file else logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines(str(settings.data_dir) if settings.embedded else "PostgreSQL"))
    root = logging.getLogger()
    root.handlers[:] = [Keeper(out, Repeats())]
    root.setLevel(logging.WARNING)
    quiet = settings.log_file is None and sys.stderr.isatty()
    for logger in (LIFE, SERVER):
        logger.setLevel(logging.WARNING if quiet else logging.INFO)
    SERVER.addFilter(_is_no_advice)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _is_no_advice(record: logging.LogRecord) -> bool:
    # How many there are was chosen and measured here (CBT_WORKERS, docs/measurements.md); who reads it is misled.
    return not record.getMessage().startswith(_ADVICE)


def server_logging() -> dict[str, Any]:
    """Return what the HTTP server is to be told, so that its lines come to ours."""
    loggers = {SERVER.name: {}, "granian.access": {"level": "CRITICAL"}}
    return {"formatters": {}, "handlers": {}, "loggers": loggers}


def tell_rest() -> None:
    """Write what was held back as repeated: this process ends."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Keeper):
            handler.tell_sums(all_of_them=True)


def ignore_hang_up() -> None:
    """Have a hang-up end nobody: whoever rotates the log sends it to all processes of a service."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_BACK)


def check_log_file(settings: Settings) -> None:
    """Make sure that the file can be written before anybody is served; raise Unavailable("serve.log_file")."""
    if settings.log_file is None:
        return
    try:
        LogFile(settings.log_file)._open().close()
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise Unavailable("serve.log_file", path=str(settings.log_file), detail=detail) from error


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("this process ends with an error", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread is not None else "?"
    error = args.exc_value or args.exc_type()
    log.error("the thread %s ended with an error", name, exc_info=(args.exc_type, error, args.exc_traceback))


URL = "CBT_DATABASE_URL"


@contextmanager
def refusals_told(settings: Settings) -> Iterator[None]:
    """Have the log's file say, too, that a start was refused: whoever looks there finds more than silence."""
    try:
        yield
    except CbtError as error:
        if settings.log_file is not None:
            LIFE.error("the start was refused", extra={TOLD: {"code": error.code}})
        raise


def tell_start(role: str, settings: Settings) -> None:
    """Say that a process serves from here on; `role` is `server` (the parent), `worker`, `writer` or `jobs`."""
    fields: dict[str, Any] = {"role": role, "version": product_version(), "revision": newest_revision()}
    if role == "server":
        fields["settings"] = shown_settings(settings)
    LIFE.info("start", extra={TOLD: fields})


def tell_stop(role: str) -> None:
    tell_rest()
    LIFE.info("stop", extra={TOLD: {"role": role}})


def shown_settings(settings: Settings) -> dict[str, str]:
    values = as_environment(settings)
    if settings.database_url:
        values[URL] = make_url(settings.database_url).render_as_string(hide_password=True)
    return values
