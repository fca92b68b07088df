"""The folder of a second copy: a base of the database, and the numbered logs that followed it.

    copy.json            what it is a copy of, and the number of its newest log
    cbt-00000007.base    the database before log 7
    cbt-00000007.log     everything committed since; then 8, 9 … up to the newest
    cbt.spare            a log that was applied, to be written over as the next

Logs that are done are applied to the base in their order and then removed. Applying one again changes
nothing, so this may end at any moment. No key is ever in the folder.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cbt.errors import InvalidInput
from cbt.storage.backup_folder import read_manifest_as, sync_folder
from cbt.storage.private_files import make_private
from cbt.storage.wal import apply_log

COPY_MANIFEST = "copy.json"
SPARE = "cbt.spare"
FORMAT = 1
PRODUCT = "cbt-engine"
_BASE = re.compile(r"cbt-(\d{8})\.base")
_OURS = re.compile(r"cbt-(\d{8})\.(?:base|base\.part|base-wal|base-shm|log)")
BEHIND = "copy.behind"
_ANEW = "base"


@dataclass(frozen=True, slots=True)
class CopySet:
    """What stands in a copy's manifest."""

    product: str
    format: int
    encrypted: bool
    salt: str
    """The first bytes of the database file: an encrypted one keeps its own for life."""
    version: int
    """The database's user_version as the newest log began: that log's first commit raised it."""
    newest: int
    closed: dict[str, int]
    """Frames of the logs that are done, by number."""
    keys: dict[str, str]
    """Fingerprints of the keys that the copy needs."""


def is_ours(name: str) -> bool:
    """Return whether a file of this name in such a folder is part of a copy."""
    return name in (COPY_MANIFEST, f"{COPY_MANIFEST}.part", SPARE) or _OURS.fullmatch(name) is not None


def base_path(folder: Path, number: int) -> Path:
    """Return the path of the base that log `number` follows."""
    return folder / f"cbt-{number:08d}.base"


def log_path(folder: Path, number: int) -> Path:
    """Return the path of log `number`."""
    return folder / f"cbt-{number:08d}.log"


def base_number(folder: Path, newest: int) -> int | None:
    """Return the number of the base to begin with; None when there is none."""
    found = (int(match[1]) for path in folder.iterdir() if (match := _BASE.fullmatch(path.name)))
    return max((number for number in found if number <= newest), default=None)


def read_copy(folder: Path) -> CopySet | None:
    """Read a copy's manifest; None when there is none. Raise InvalidInput("copy.manifest") for a strange one."""
    path = folder / COPY_MANIFEST
    if not path.is_file():
        return None
    copy = read_manifest_as(CopySet, path, refusal="copy.manifest")
    if (copy.product, copy.format) != (PRODUCT, FORMAT):
        raise InvalidInput("copy.manifest", path=str(path))
    return copy


def write_copy(folder: Path, copy: CopySet) -> None:
    """Write a copy's manifest in one step, on disk when this returns."""
    arriving = folder / f"{COPY_MANIFEST}.part"
    make_private(arriving)
    with arriving.open("w", encoding="utf-8") as handle:
        json.dump(asdict(copy), handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(folder / COPY_MANIFEST)
    sync_folder(folder)


def closed_logs(folder: Path) -> dict[str, int]:
    """Return the frames of the logs that are done and still there."""
    copy = read_copy(folder)
    known = {} if copy is None else copy.closed
    return {number: frames for number, frames in known.items() if log_path(folder, int(number)).is_file()}


def remove_before(folder: Path, number: int) -> None:
    """Remove the files of this kind that are older than base `number`, and what was never finished."""
    for path in folder.iterdir():
        match = _OURS.fullmatch(path.name)
        if match and (int(match[1]) < number or path.suffix == ".part"):
            path.unlink(missing_ok=True)


def fold(folder: Path, key: bytes | None) -> None:
    """Apply the logs that are done to the base and remove them.

    Raise OSError when the folder cannot be written, ValueError with the name of a log that is not whole.
    """
    copy = read_copy(folder)
    number = None if copy is None else base_number(folder, copy.newest)
    if copy is None or number is None:
        return
    for done in range(number, copy.newest):
        applied = apply_log(base_path(folder, done), log_path(folder, done), key)
        if applied.frames != copy.closed.get(str(done)):
            raise ValueError(log_path(folder, done).name)
        with base_path(folder, done).open("rb+") as handle:
            os.fsync(handle.fileno())
        base_path(folder, done).rename(base_path(folder, done + 1))
        log_path(folder, done).replace(folder / SPARE)
        sync_folder(folder)
        remove_before(folder, done + 1)


class BehindMark:
    """The mark of one database: it stands, or it stands and says to begin the copy anew with a base."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(BEHIND)

    def stands(self) -> bool:
        """Return whether the copy lacks something."""
        return self.path.exists()

    def since(self) -> datetime | None:
        """Return since when it stands, by the wall clock; None when it does not."""
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def wants_base(self) -> bool:
        """Return whether the copy is to begin anew."""
        return self.path.exists() and self.path.read_text("ascii") == _ANEW

    def set(self) -> None:
        """Say that the copy lacks something; raise OSError when that cannot be written."""
        if not self.stands():
            make_private(self.path)

    def ask_for_base(self) -> None:
        """Say that the copy is to begin anew."""
        make_private(self.path)
        self.path.write_text(_ANEW, "ascii")

    def lift(self) -> None:
        """Say that the copy is whole."""
        self.path.unlink(missing_ok=True)
