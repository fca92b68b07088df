"""The settings file of an installation: where it is, and what keeps a command from reading it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cbt.config.lines import SettingsLine, read_lines
from cbt.config.settings import FILE_VARIABLE, NO_FILE
from cbt.errors import InvalidInput, NotAllowed, NotFound

try:
    import grp
    import pwd
except ImportError:  # Windows has neither
    grp = pwd = None  # type: ignore[assignment]  # None says that there is nobody to name

MOST_BYTES = 1024 * 1024


def usual_file() -> Path:
    """Return where a settings file is found without being named."""
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "cbt" / "cbt.env"
    return Path("/etc/cbt.env")


def find_file(environ: Mapping[str, str], usual: Path | None) -> Path | None:
    """Return the settings file: the named one, else the usual one when it is there."""
    named = environ.get(FILE_VARIABLE, "").strip()
    if named == NO_FILE:
        return None
    if named:
        return Path(named).expanduser().absolute()
    return usual if usual is not None and usual.exists() else None


def read_file(path: Path) -> dict[str, SettingsLine]:
    """Return the entries of a settings file.

    Raise NotFound("config.file_missing"), NotAllowed("config.file_forbidden") naming whom to become, InvalidInput
    when it cannot be read or its lines are none.
    """
    try:
        with path.open("rb") as handle:
            body = handle.read(MOST_BYTES)
    except FileNotFoundError as error:
        raise NotFound("config.file_missing", path=path) from error
    except PermissionError as error:
        raise NotAllowed("config.file_forbidden", path=path, user=reader_of(path)) from error
    except OSError as error:
        raise InvalidInput("config.file_unreadable", path=path, detail=error) from error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidInput("config.encoding", where=f"{path}:{line}") from error
    return read_lines(text, path)


def reader_of(path: Path) -> str:
    """Return the user who may read `path`: the one its group is named after, else its owner."""
    if pwd is None:
        return "Administrator"
    try:
        there = path.stat()
    except PermissionError:  # its folder is closed, too
        return "root"
    try:
        group = grp.getgrgid(there.st_gid).gr_name
        if there.st_gid and there.st_mode & 0o040:
            return pwd.getpwnam(group).pw_name
    except KeyError:
        pass  # a group without a name, or without a user of its name
    try:
        return pwd.getpwuid(there.st_uid).pw_name
    except KeyError:
        return str(there.st_uid)
