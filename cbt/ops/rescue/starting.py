"""A start beside a rescue that was not put back: on an older database nothing may go on unseen.

Source: I1.
"""

from __future__ import annotations

from pathlib import Path

from cbt.config import Settings
from cbt.db.copies import EMBEDDED_COPY
from cbt.db.engine import GATE_NAME, database_path
from cbt.db.holding.deciding import OVERWRITTEN, SUFFIXES
from cbt.db.holding.finding import find_hold
from cbt.db.holding.held import HeldFiles
from cbt.db.holding.hold import FileId, id_of
from cbt.errors import Unavailable
from cbt.ops.rescue.comparing import Meant, compare, reach_of
from cbt.ops.rescue.places import WHOLE, Rescue, RescueNote, open_rescue
from cbt.ops.rescue.securing import settle
from cbt.ops.safety.embedded import database_key


def check_files(settings: Settings) -> None:
    """Let a command go on when the server that runs here has its database in its place, or none waits for rescue.

    Raise Unavailable as `cbt.db.holding.held.HeldFiles.check` beside a server, else as `check_rescue`.
    """
    path = database_path(settings).resolve()
    hold = find_hold(path) if settings.embedded else None
    if hold is None:
        check_rescue(settings)
    else:
        HeldFiles(path, hold, gate=path.with_name(GATE_NAME)).check()


def check_rescue(settings: Settings) -> None:
    """Let a start go on when there is no rescue to put back, or the very files lie there that were held.

    What lies there has to hold all of the rescue besides: a number of a file may be given again.

    Raise Unavailable("rescue.waiting") with the `path` of the rescue otherwise, ("rescue.overwritten") for one
    that cannot be put back.
    """
    rescue = open_rescue(settings) if settings.embedded else None
    if rescue is None:
        return
    if rescue.note.trouble == OVERWRITTEN:
        raise Unavailable("rescue.overwritten", path=str(rescue.folder))
    same = rescue.note.state == WHOLE and _lie_there(settings, rescue.note)
    if same and meant_by(settings, rescue) is not Meant.LESS:
        settle(rescue)
        return
    raise Unavailable("rescue.waiting", path=str(rescue.folder))


def _lie_there(settings: Settings, note: RescueNote) -> bool:
    """Return whether database and log are the files that were held; the index is made anew by a start."""
    for suffix, (device, inode) in zip(SUFFIXES[:2], note.files, strict=False):
        path = database_path(settings).with_name(f"{EMBEDDED_COPY}{suffix}")
        if not path.is_file() or id_of(path.stat()) != FileId(device, inode):
            return False
    return True


def meant_by(settings: Settings, rescue: Rescue) -> Meant:
    """Return what the database that lies in its place is to a whole rescue.

    Raise what `database_key` raises without the key, Unavailable("safety.damaged") when the rescue cannot be read.
    """
    key = database_key(settings)
    path: Path = rescue.folder / EMBEDDED_COPY
    rescued = reach_of(path, key)
    if rescued is None:
        raise Unavailable("safety.damaged", path=str(path))
    return compare(reach_of(database_path(settings), key, asked=rescued.entry), rescued)
