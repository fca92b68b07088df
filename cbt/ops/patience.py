"""A start waits for PostgreSQL, which may come up beside it after a power cut."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import timedelta

from cbt.config import Settings, masked
from cbt.console.saying import Progress
from cbt.console.texts import text as _
from cbt.db.server_time import database_time
from cbt.errors import Unavailable

PATIENCE = timedelta(minutes=2)
"""So long a start waits for PostgreSQL; then it ends, and a service manager tries again."""
ASK_EVERY = timedelta(seconds=1)
LOG_EVERY = timedelta(seconds=30)
log = logging.getLogger(__name__)


def await_database(
    settings: Settings,
    *,
    ask: Callable[[Settings], object] = database_time,
    pause: Callable[[float], None] = time.sleep,
    passed: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until PostgreSQL answers, and say so in the terminal, else in the log now and then.

    Raise what `ask` raises when it has been too long.
    """
    begun, logged = passed(), float("-inf")
    with Progress(passed) as progress:
        while True:
            try:
                ask(settings)
                return
            except Unavailable as error:
                waited = passed() - begun
                if error.code != "db.unreachable" or waited >= PATIENCE.total_seconds():
                    raise
                url = masked(settings.database_url)
                said = _("serving.awaiting", url=url, seconds=f"{waited:.0f}")
            if sys.stderr.isatty():
                progress.tell(said)
            elif waited - logged >= LOG_EVERY.total_seconds():
                log.warning("waiting for PostgreSQL at %s, %.0f seconds so far", url, waited)
                logged = waited
            pause(ASK_EVERY.total_seconds())
