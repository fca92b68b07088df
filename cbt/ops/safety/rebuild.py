"""Rebuilding a damaged or lost database from its second copy, into an empty place only.

Source: I1, I8.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cbt.config import Settings
from cbt.db.engine import DATABASE_NAME, database_path
from cbt.db.migrate import is_known
from cbt.db.private.keys import load_key
from cbt.db.raw import DATABASE_ERRORS, open_raw
from cbt.db.second_copy.folder import CopySet, base_number, base_path, log_path, read_copy
from cbt.db.second_copy.wal import apply_log
from cbt.errors import InvalidInput, Unavailable
from cbt.ops.belonging.hands import check_hands
from cbt.ops.hosting import DataDirLock
from cbt.ops.safety.embedded import DatabaseFacts, facts_of
from cbt.ops.safety.restore import (
    check_empty,
    check_keys,
    copy_file,
    log_key_fits,
    note_copied_keys,
    set_stillborn_aside,
)
from cbt.releases import product_version


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was rebuilt: where, what it holds, and whether everything of the copy is in it."""

    place: str
    facts: DatabaseFacts
    torn: bool
    """The last transaction of the copy was not whole; one that was acknowledged always is."""
    damaged: str
    """The file behind whose damage nothing was taken; "" when there is none."""
    personal_key_fits: bool
    log_key_fits: bool


def rebuild(
    settings: Settings,
    folder: Path,
    *,
    into: Path | None = None,
    up_to_damage: bool = False,
    personal_lost: bool = False,
) -> Rebuilt:
    """Rebuild the database from the second copy in `folder` into `into`, else the data folder.

    Everything is checked before the database has its name: manifest, keys, that no server runs there, that
    the place is empty, that no log is missing or damaged, that SQLite finds the result whole. With
    `up_to_damage` a damaged or missing log ends the rebuilding instead of refusing it; `personal_lost` is
    that of `restore`.

    Raise InvalidInput, Conflict or Unavailable with the way out.
    """
    copy = read_copy(folder) if folder.is_dir() else None
    if copy is None:
        raise InvalidInput("copy.none", path=str(folder))
    if not settings.embedded:
        raise InvalidInput("copy.embedded_only")
    if into is not None:
        settings = replace(settings, data_dir=into)
    if copy.encrypted != settings.db_encryption:
        raise InvalidInput("safety.other_encryption", encrypted="on" if copy.encrypted else "off")
    fits = check_keys(settings, copy.keys, personal_lost=personal_lost)
    check_hands(settings)
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, rebuild")
    set_stillborn_aside(settings)
    check_empty(settings.data_dir)
    arriving = settings.data_dir / f"{DATABASE_NAME}.arriving"
    key = load_key(settings.keys, "database", may_create=False) if copy.encrypted else None
    try:
        torn, damaged = _bring(folder, copy, arriving, key, up_to_damage=up_to_damage)
        facts = check_whole(arriving, key, folder)
        if not is_known(facts.revision):
            raise Unavailable("db.newer", revision=facts.revision, version=product_version())
        arriving.rename(database_path(settings))
        note_copied_keys(settings, copy.keys)
    except OSError as error:
        raise Unavailable("safety.no_room", path=str(settings.data_dir), detail=error) from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            arriving.with_name(arriving.name + suffix).unlink(missing_ok=True)
    return Rebuilt(str(settings.data_dir), facts, torn, damaged, fits, log_key_fits(settings, copy.keys))


def _bring(
    folder: Path, copy: CopySet, arriving: Path, key: bytes | None, *, up_to_damage: bool
) -> tuple[bool, str]:
    """Copy the base and apply every log; return whether the last is torn, and the file that was damaged."""
    number = base_number(folder, copy.newest)
    if number is None:
        raise Unavailable("copy.base_missing", path=str(folder))
    base = base_path(folder, number)
    logs = [log_path(folder, one) for one in range(number, copy.newest + 1)]
    needed = sum(path.stat().st_size for path in (base, *logs) if path.is_file())
    if shutil.disk_usage(arriving.parent).free < needed:
        raise Unavailable("safety.no_room", path=str(arriving.parent), detail=f"{needed} B")
    copy_file(base, arriving)
    for log in logs:
        if not log.is_file():
            if up_to_damage:
                return False, str(log)
            raise Unavailable("copy.log_missing", path=str(log))
        try:
            applied = apply_log(arriving, log, key)
        except DATABASE_ERRORS as error:
            raise Unavailable("copy.damaged", path=str(base)) from error
        newest = log == logs[-1]
        if applied.whole if newest else applied.frames == copy.closed.get(str(number)):
            number += 1
            continue
        # The end of the newest may be torn: the power went while it was copied, before anybody was told.
        # More than one transaction is never on its way.
        if newest and applied.commits_left_out <= 1:
            return True, ""
        if not up_to_damage:
            raise Unavailable("copy.damaged", path=str(log))
        return False, str(log)
    return False, ""


def check_whole(path: Path, key: bytes | None, folder: Path) -> DatabaseFacts:
    """Return what a database holds; raise Unavailable("copy.damaged") with `folder` when it is not whole."""
    try:
        with closing(open_raw(path, key)) as connection:
            wrong = connection.execute("PRAGMA cipher_integrity_check").fetchall() if key else []
            wrong += [row for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
            wrong += connection.execute("PRAGMA foreign_key_check").fetchall()
            facts = facts_of(connection)
    except DATABASE_ERRORS as error:
        raise Unavailable("copy.damaged", path=str(folder)) from error
    if wrong:
        raise Unavailable("copy.damaged", path=str(folder))
    return facts
