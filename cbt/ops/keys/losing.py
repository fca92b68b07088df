"""Going on without the former `personal.key`: its numbers stay sealed for good, everything else is used as before.

Source: I12; quality.md, Security.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path

from cbt.application.app import create_app
from cbt.audit.chain import record
from cbt.clock import SystemClock
from cbt.config import Settings
from cbt.db.migrate import migrate, note_keys
from cbt.db.private.keys import KEY_BYTES, fingerprint, write_key
from cbt.db.private.prints import PERSONAL, name_lost
from cbt.db.server_time import database_time
from cbt.db.types import db
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.ops.belonging.asking import refuse
from cbt.ops.belonging.finding import find
from cbt.ops.belonging.hands import check_hands
from cbt.ops.belonging.ruling import Intent, decide
from cbt.ops.hosting import DataDirLock


def give_up_personal(settings: Settings) -> tuple[Path, str]:
    """Put a new `personal.key` in the place of the lost one and name it in the database; return it and its print.

    The server has to be stopped. Another installation's key that lies there is kept under its print. A run that was
    cut off is finished by a second one.

    Raise Conflict("key.personal_not_lost") when the key is there, Unavailable when it is something else that is
    missing, or ("serve.running").
    """
    check_hands(settings)
    DataDirLock(settings.data_dir).take(f"pid {os.getpid()}, key lost")
    found = find(settings)
    ruling = decide(found, Intent.USE)
    path = settings.keys / f"{PERSONAL}.key"
    if not ruling.refusal:
        raise Conflict("key.personal_not_lost", path=str(path))
    if ruling.key != PERSONAL:
        refuse(settings, found, ruling)
    if path.is_file():
        path.replace(settings.keys / f"{PERSONAL}-{found.keys[PERSONAL]}.key")
    write_key(path, key := secrets.token_bytes(KEY_BYTES))
    clock = SystemClock(database_time(settings))
    with create_app(settings, clock=clock).app_context():
        _name_new(found.named.get(PERSONAL, ""), fingerprint(key), now=clock.now())
        db.engine.dispose()
    note_keys(settings)
    return path, fingerprint(key)


def _name_new(former: str, print_: str, *, now: datetime) -> None:
    migrate()
    with unit_of_work() as session:
        name_lost(session, former=former, print_=print_)
        before, after = {"key": former}, {"key": print_}
        record(
            session, at=now, actor="cli", act="key.lost", subject="key:personal", before=before, after=after
        )
