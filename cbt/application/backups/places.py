"""Can a backup be put into its folder? Asked at every start and before each one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cbt.application.backups.state import BackupStanding, this_machine
from cbt.db.copies import copies
from cbt.errors import Unavailable

MOUNTS = Path("/etc/fstab")


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What is found where backups go."""

    there: bool
    writable: bool
    unmounted: str
    """A place above that a disk belongs at (fstab) and none is mounted at; "" for none."""
    gone: bool
    """This machine made backups here, and not one is left."""


def fault_of(facts: PlaceFacts) -> str:
    """Return what keeps a backup from being made, as the end of an error code; "" for nothing.

    A place without its disk comes first: its folder may be there, and writable, on the wrong disk.
    """
    if facts.unmounted:
        return "unmounted"
    if not facts.there:
        return "missing"
    if not facts.writable:
        return "read_only"
    return "gone" if facts.gone else ""


def check_folder(folder: Path, standing: BackupStanding | None) -> None:
    """Raise Unavailable with what is wrong with the folder of the scheduled backups, and what to do."""
    facts = look_at(folder, standing)
    match fault_of(facts):
        case "unmounted":
            raise Unavailable("backup.unmounted", folder=str(folder), mount=facts.unmounted)
        case "missing":
            raise Unavailable("backup.missing", folder=str(folder))
        case "read_only":
            raise Unavailable("backup.read_only", folder=str(folder))
        case "gone":
            raise Unavailable("backup.gone", folder=str(folder))


def look_at(folder: Path, standing: BackupStanding | None) -> PlaceFacts:
    """Return what is found where backups go."""
    folder = folder.expanduser().absolute()
    made_here = standing is not None and standing.made_at is not None and standing.made_by == this_machine()
    return PlaceFacts(
        there=folder.is_dir(),
        writable=os.access(folder, os.W_OK | os.X_OK),
        unmounted=next((str(place) for place in _disks_above(folder) if not place.is_mount()), ""),
        gone=made_here and not copies(folder),
    )


def _disks_above(folder: Path) -> list[Path]:
    """Return the places of fstab that `folder` lies at or below, but the root."""
    try:
        lines = MOUNTS.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [place for place in mount_points(lines) if folder.is_relative_to(place)]


def mount_points(lines: list[str]) -> list[Path]:
    """Return where the lines of an fstab mount something, but the root."""
    fields = (line.split() for line in lines if not line.lstrip().startswith("#"))
    # A blank in a name is written as its octal code there.
    places = (row[1].replace("\\040", " ") for row in fields if len(row) > 1)
    return [Path(place) for place in places if place.startswith("/") and place != "/"]
