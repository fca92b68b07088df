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


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of `record`: at, level, logger, event, pid, and of an exception its `error`."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "pid": os.getpid(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = [_described(one) for one in _chain(error)]
        return json.dumps(line, ensure_ascii=False)


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
    return {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "where": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


def init_logs() -> None:
    """Have everything from a warning on written to standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(True)
