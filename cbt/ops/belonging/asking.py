"""Asking what is there before anything is opened or made, and carrying the answer out.

Source: I1, I12.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psycopg

from cbt.config import Settings
from cbt.db.engine import begin_installation, database_place
from cbt.errors import Unavailable
from cbt.ops.belonging.finding import find
from cbt.ops.belonging.hands import check_hands
from cbt.ops.belonging.ruling import Intent, Remains, Ruling, decide
from cbt.ops.belonging.ways import next_command

BEGINNING = 0x6362_7433
"""PostgreSQL's advisory lock of who begins an installation: of two nodes that start at once one makes the keys."""
FSTAB = Path("/etc/fstab")


def ask(settings: Settings, asked: Intent = Intent.USE) -> Ruling:
    """Return what follows from what is there; nothing is made or changed.

    Raise Unavailable or NotAllowed with what is there, what it means and the next command.
    """
    check_hands(settings, serves=asked is not Intent.USE)
    found = find(settings)
    ruling = decide(found, asked)
    if ruling.refusal:
        refuse(settings, found, ruling)
    return ruling


def refuse(settings: Settings, found: Remains, ruling: Ruling) -> NoReturn:
    """Raise what a ruling refuses with, as Unavailable."""
    raise Unavailable(ruling.refusal, **_parameters(settings, found, ruling.key))


@contextmanager
def opened(settings: Settings, asked: Intent) -> Iterator[None]:
    """Ask, and make what a new installation needs; until the end of the block no other node begins one."""
    with _alone(settings):
        if ask(settings, asked).begins:
            begin_installation(settings)
        yield


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    if settings.embedded:  # the lock of the data folder is held
        yield
        return
    url = settings.database_url.replace("postgresql+psycopg://", "postgresql://")
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.Error as error:
        raise Unavailable("db.unreachable", detail=type(error).__name__) from error
    with connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (BEGINNING,))
        yield


def _parameters(settings: Settings, found: Remains, key: str) -> dict[str, str]:
    """Return what the sentences of the refusals name."""
    name = key or "personal"
    return {
        "data": str(settings.data_dir),
        "keys": str(settings.keys),
        "database": database_place(settings),
        "path": str(settings.keys / f"{key}.key") if key else str(settings.journal_copy_dir),
        "key": f"{name}.key",
        "here": found.keys.get(name, "-"),
        "wanted": found.named.get(name, "-"),
        "former": found.opened_by,
        "detail": found.database.value,
        "command": next_command(settings, found, key=key, fstab=_fstab()),
    }


def _fstab() -> str:
    try:
        return FSTAB.read_text("utf-8", "replace")
    except OSError:
        return ""
