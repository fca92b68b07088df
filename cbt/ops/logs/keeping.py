"""Where lines go: standard error (the service manager's journal), or the file of CBT_LOG_FILE.

The file may be moved away at any time (logrotate): before each line a process looks whether it is still the file
of that name, and opens it anew when it is not, so no signal has to reach it for that. A hang-up ends nobody.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

from cbt.config import Settings
from cbt.errors import Unavailable
from cbt.ops.logs.lines import JsonLines
from cbt.ops.logs.repeats import Repeats

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
log = logging.getLogger(__name__)


class LogFile(WatchedFileHandler):
    """Appends to a file, whoever moves it away; what it cannot write goes to standard error instead."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding="utf-8")

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say the line where somebody may still hear it: a log that cannot be written stops no exam."""
        sys.stderr.write(f"{self.format(record)}\n")
        sys.stderr.flush()


def _call_later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class Keeper(logging.Handler):
    """Hands lines on to where they go, repeated ones as a sum."""

    def __init__(self, out: logging.Handler, repeats: Repeats, later: Later = _call_later) -> None:
        """`later` calls back after so many seconds, in a thread of its own."""
        super().__init__()
        self._out = out
        self._repeats = repeats
        self._later = later
        self._waits = False

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one line, and the sums that are due; the handler's lock is held."""
        self._hand_on(self._repeats.sums())
        if self._repeats.is_first(record):
            self._out.handle(record)
        self._wake_later()

    def tell_sums(self, *, all_of_them: bool = False) -> None:
        """Hand on the sums that are due, or all there are."""
        assert self.lock is not None  # a handler has one from its beginning
        with self.lock:
            self._waits = False
            self._hand_on(self._repeats.sums(all_of_them=all_of_them))
            self._wake_later()

    def _hand_on(self, records: list[logging.LogRecord]) -> None:
        for record in records:
            self._out.handle(record)

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
    for one in (LIFE, SERVER):
        one.setLevel(logging.WARNING if quiet else logging.INFO)
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


def _uncaught_in_thread(said: threading.ExceptHookArgs) -> None:
    name = said.thread.name if said.thread is not None else "?"
    error = said.exc_value or said.exc_type()
    log.error("the thread %s ended with an error", name, exc_info=(said.exc_type, error, said.exc_traceback))
