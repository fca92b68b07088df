"""A line when a process of the server starts and one when it ends: who, which version, with which settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.engine import make_url

from cbt.config import Settings, as_environment
from cbt.errors import CbtError
from cbt.ops.logs.keeping import LIFE, tell_rest
from cbt.ops.logs.lines import TOLD
from cbt.releases import newest_revision, product_version

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
    """Say that a process serves from here on; `role` is `server` (the parent), `worker` or `writer`."""
    told: dict[str, Any] = {"role": role, "version": product_version(), "revision": newest_revision()}
    if role == "server":
        told["settings"] = shown_settings(settings)
    LIFE.info("start", extra={TOLD: told})


def tell_stop(role: str) -> None:
    """Say that a process has come to its end in good order."""
    tell_rest()
    LIFE.info("stop", extra={TOLD: {"role": role}})


def shown_settings(settings: Settings) -> dict[str, str]:
    """Return the settings as they may stand in a log: the database's URL without its password."""
    found = as_environment(settings)
    if settings.database_url:
        found[URL] = make_url(settings.database_url).render_as_string(hide_password=True)
    return found
