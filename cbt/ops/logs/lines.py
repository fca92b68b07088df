"""The log of a server process: one JSON line each, and no person in it.

Of an exception the types and the places in the code are written, never its text: a database names the values
of the row it refuses, a parser the text it could not read.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from cbt.db.failures import failure_code, is_disk_full

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
