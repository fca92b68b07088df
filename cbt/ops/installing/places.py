"""The folders of an installation: which it has to have, which it writes to besides, what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cbt.audit.anchor import anchor_file
from cbt.config import Settings
from cbt.errors import Conflict, InvalidInput

STATE_ROOT = Path("/var/lib")
"""Below it systemd itself keeps a service's folders."""
_SHARED = {
    Path(name) for name in ("/", "/var", "/var/lib", "/srv", "/opt", "/mnt", "/media", "/home", "/etc")
}
_PASSING = (Path("/tmp"), Path("/var/tmp"), Path("/run"), Path("/dev/shm"))


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that the settings name."""

    own: tuple[Path, ...]
    """Data and keys: without them there is no start."""
    others: tuple[Path, ...]
    """Backups, the second copy, the anchor: the start does without them, the product says so."""
    read: tuple[Path, ...]
    """What is only read: certificates, blueprints, banks."""
    made: tuple[Path, ...]
    """The folders an installation makes, the outer first."""


def places_of(settings: Settings) -> Places:
    """Return the folders of an installation.

    The folder around the data is the installation's own, too, unless others share it: what is rescued or put aside
    lies beside the data. Raise InvalidInput("service.passing") for a folder that is emptied at a restart.
    """
    homes = [_home(settings.data_dir), _home(settings.keys)]
    own = tuple(dict.fromkeys(homes))
    anchor = settings.audit_anchor
    log = settings.log_file and settings.log_file.parent
    named = [settings.backup_dir, settings.journal_copy_dir, anchor and anchor_file(anchor).parent, log]
    others = tuple(path for path in named if path is not None and not _is_within(path, own))
    read = [settings.tls_cert, settings.tls_key, settings.blueprint_dir, settings.bank_dir]
    for path in (*own, *others):
        if _is_within(path, _PASSING):
            raise InvalidInput("service.passing", path=path)
    made = tuple(dict.fromkeys([*own, settings.data_dir, settings.keys]))
    return Places(own, others, tuple(path for path in read if path is not None), made)


def _home(folder: Path) -> Path:
    return folder if folder.parent in _SHARED else folder.parent


def _is_within(path: Path, roots: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


class Step(Enum):
    """What is to be done about a folder."""

    MAKE = "folder_made"
    KEEP = "folder_kept"


def step_for(path: Path, owner: str | None, *, user: str) -> Step:
    """Return what is to be done about a folder of `owner`, None when it is not there.

    Raise Conflict("service.owner") when it is somebody else's: what lies in it would be closed to the service.
    """
    if owner is None:
        return Step.MAKE
    if owner != user:
        raise Conflict("service.owner", path=path, owner=owner, user=user)
    return Step.KEEP


def other_lack(owner: str | None, *, user: str) -> str:
    """Return what is to be told of a folder for backups, a copy or the anchor; "" when all is well.

    It is never made here: where a disk is not plugged in, a folder in its place would take what was meant for it.
    """
    if owner is None:
        return "other_absent"
    return "" if owner == user else "other_owner"
