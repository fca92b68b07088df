"""What is kept beside the backups of which of them a program of the centre's own has sent elsewhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cbt.errors import InvalidInput, Unavailable
from cbt.storage.backup_folder import copies, read_manifest_as, sync_folder
from cbt.storage.private_files import make_private

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
