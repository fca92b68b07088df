"""The folder of backups: what each is called, which there are, when the next is due, and their manifests.

A manifest is a small JSON file that says what lies beside it, read as the class it comes from. Which backups a
program of the centre's own has sent elsewhere is kept beside them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from cbt.config import Settings
from cbt.errors import InvalidInput, Unavailable
from cbt.paths import product_dir
from cbt.storage.private_files import make_private

T = TypeVar("T")

_FIELD = re.compile(r"at `\$\.?([^`]*)`")
_LACKING = re.compile(r"missing required field `([^`]*)`")
_BYTE = re.compile(r"\(byte (\d+)\)")


def read_manifest_as(kind: type[T], path: Path, *, refusal: str) -> T:
    """Return the manifest at `path` as the dataclass `kind`; what that has no field for is left out.

    Raise InvalidInput(refusal) with `path`, which names the field or the line where it goes wrong, and OSError.
    """
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(refusal, path=f"{path}{_place(str(error), content)}") from error


def _place(text: str, content: bytes) -> str:
    """Return ` (field)` or `:line`, to stand after the path, from what the decoder said; "" when it said none."""
    if byte := _BYTE.search(text):
        line = content.count(b"\n", 0, int(byte[1])) + 1
        return f":{line}"
    steps = [
        match[1].replace("[...]", "") for pattern in (_FIELD, _LACKING) if (match := pattern.search(text))
    ]
    return f" ({'.'.join(filter(None, steps))})" if any(steps) else ""


# The folder of backups: what each is called, which there are, and when the next is due.
#
# A backup is a folder named by its instant that holds a database copy and a manifest; one that is being made
# has another name, so a folder found under the final name is whole.

MANIFEST = "manifest.json"
EMBEDDED_COPY = "cbt.db"
POSTGRES_COPY = "cbt.pgdump"
UNFINISHED = ".part"
GIVEN_UP_AFTER = timedelta(days=1)
"""An unfinished backup this old is nobody's any more and is cleared away."""
_PATTERN = "cbt-%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"cbt-\d{8}T\d{6}Z")
_FILES = (EMBEDDED_COPY, f"{EMBEDDED_COPY}-journal", POSTGRES_COPY, MANIFEST)


def copy_name(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_PATTERN)


def made_at(path: Path) -> datetime | None:
    """Return the instant in the name of a backup, finished or not; None for anything else."""
    name = path.name.removesuffix(UNFINISHED)
    return datetime.strptime(name, _PATTERN).replace(tzinfo=UTC) if _NAME.fullmatch(name) else None


def copies(folder: Path) -> list[Path]:
    """Return the finished backups in `folder`, the oldest first."""
    if not folder.is_dir():
        return []
    paths = (path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    return sorted(path for path in paths if (path / MANIFEST).is_file())


def due(folder: Path, *, every: timedelta, now: datetime) -> bool:
    """Return whether the newest backup in `folder` is `every` old, or there is none.

    A backup from the future (the clock was set back) does not put off the next one.
    """
    newest = max((at for path in copies(folder) if (at := made_at(path)) and at <= now), default=None)
    return newest is None or now - newest >= every


def prune(folder: Path, *, keep: int, now: datetime) -> list[Path]:
    """Remove all but the newest `keep` backups, and what was never finished; return what was removed.

    Only the files a backup has are deleted: a folder that holds anything else stays.
    """
    old = copies(folder)[:-keep]
    for path in folder.glob(f"*{UNFINISHED}"):
        at = made_at(path)
        if at is not None and now - at >= GIVEN_UP_AFTER:
            old.append(path)
    for path in old:
        remove(path)
    return old


def remove(path: Path) -> None:
    for name in _FILES:
        (path / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.rmdir()


def check_place(settings: Settings, destination: Path) -> None:
    """Raise InvalidInput("safety.place") when no copy of the data may lie in `destination`.

    In a served folder it could be fetched, in the data folder it goes with the data, and beside the keys
    whoever takes the folder can read it.
    """
    wanted = destination.expanduser().resolve()
    closed = (settings.data_dir, settings.keys, product_dir("static"), product_dir("templates"))
    for folder in closed:
        if wanted.is_relative_to(folder.expanduser().resolve()):
            raise InvalidInput("safety.place", path=str(destination), folder=str(folder))


def sync_folder(folder: Path) -> None:
    """Make names in `folder` durable; Windows does that with the file and cannot open a folder."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


STATE = "hook.json"
OUTPUT = "hook.log"
"""What the program printed when it was last run."""


@dataclass(frozen=True, slots=True)
class SentBackups:
    """Which backups of a folder were sent, and what became of the last that was not."""

    sent: tuple[str, ...] = ()
    failed: str = ""
    """The name of the newest backup when sending last failed; "" since it succeeded."""
    failure: str = ""
    """The code of the error."""
    named: Mapping[str, str] = field(default_factory=dict)
    """What the error names."""

    @property
    def error(self) -> Unavailable:
        return Unavailable(self.failure, **self.named)


def read_sent(folder: Path) -> SentBackups:
    """Return what is kept in `folder`; nothing was sent where there is no such file, or none that can be read."""
    try:
        return read_manifest_as(SentBackups, folder / STATE, refusal="backup.hook_state")
    except (OSError, InvalidInput):
        return SentBackups()


def write_sent(folder: Path, state: SentBackups) -> None:
    """Keep it in `folder`, in one step; what is forgotten of backups that were removed. Raise OSError."""
    there = {path.name for path in copies(folder)}
    kept = asdict(state) | {"sent": [name for name in state.sent if name in there]}
    arriving = folder / f"{STATE}.part"
    make_private(arriving)
    with arriving.open("w", encoding="utf-8") as handle:
        json.dump(kept, handle, ensure_ascii=False, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    arriving.replace(folder / STATE)
    sync_folder(folder)


def unsent(folder: Path, state: SentBackups) -> list[Path]:
    """Return the backups that were not sent yet, the newest first: it is worth most elsewhere."""
    return [path for path in reversed(copies(folder)) if path.name not in state.sent]


def newest_name(folder: Path) -> str:
    """Return what the newest backup is called, "" where there is none."""
    there = copies(folder)
    return there[-1].name if there else ""
