"""The permissions of keys and data: which user a command has to be, and modes closed at every start.

Files are made closed to others, 0600 and 0700 (storage/private_files.py); an older version, or whoever
unpacked a copy, may have made them wider.

Source: I12; quality.md, Security.
"""

from __future__ import annotations

import logging
import os
import shlex
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cbt.config import Settings
from cbt.errors import NotAllowed
from cbt.storage.backup_folder import UNFINISHED, copies
from cbt.storage.engine import database_path
from cbt.storage.mirror import is_ours
from cbt.storage.private_files import FILE, FOLDER

log = logging.getLogger(__name__)


ROOT = 0


def check_hands(settings: Settings, *, serves: bool = False, makes: bool = False) -> None:
    """Refuse a user who cannot read and write the keys and the data, and a server of root's over another's.

    Raise NotAllowed("hands.other_user") with the command to type instead, ("hands.other_file") for a file that
    somebody else has left in one's own folder, ("hands.root_serves"). With `serves` or `makes` also
    ("hands.no_place") for a folder that is not there and would have to be made in another's.
    """
    if os.name != "posix":
        return
    if serves or makes:
        for folder in (settings.data_dir, settings.keys):
            _check_place(folder, settings)
    if os.geteuid() == ROOT:
        owner = _owner(settings.data_dir)
        if serves and owner != ROOT:
            raise NotAllowed(
                "hands.root_serves",
                path=str(settings.data_dir),
                owner=user_name(owner),
                command=as_user(owner),
            )
        return
    for folder, files in _places(settings):
        if not _reachable(folder):
            owner = _owner(folder)
            raise NotAllowed(
                "hands.other_user", path=str(folder), owner=user_name(owner), command=as_user(owner)
            )
        for path in files:
            if path.exists() and not os.access(path, os.R_OK | os.W_OK):
                _refuse_file(path)


def _check_place(folder: Path, settings: Settings) -> None:
    """Raise NotAllowed("hands.no_place") where a folder would have to be made in one that is another's.

    Root could make it, and then nobody else could go on with it: it is whose the other folder is.
    """
    try:
        if folder.exists():
            return
    except PermissionError:
        return  # what hides it is told as such
    around = nearest(folder)
    user = os.geteuid()
    if user == ROOT:
        there = [one for one in (settings.data_dir, settings.keys) if one.exists()]
        user = max((_owner(one) for one in there), default=ROOT)
        fits = user in (ROOT, around.stat().st_uid)
    else:
        fits = os.access(around, os.W_OK | os.X_OK)
    if not fits:
        made = [
            "install",
            "-d",
            "-o",
            user_name(user).removeprefix("#"),
            "-g",
            _first_group(user),
            "-m",
            "700",
            str(folder),
        ]
        raise NotAllowed(
            "hands.no_place",
            path=str(folder),
            around=str(around),
            owner=user_name(around.stat().st_uid),
            command=shlex.join(["sudo", *made]),
        )


def nearest(path: Path) -> Path:
    """Return what is there of the way to `path`."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if one.is_dir())


def _first_group(user: int) -> str:
    import pwd

    try:
        return group_name(pwd.getpwuid(user).pw_gid)
    except KeyError:
        return str(user)


def _places(settings: Settings) -> Iterator[tuple[Path, list[Path]]]:
    # One after the other: what is in a folder is listed only when the folder can be read.
    yield settings.keys, []
    yield settings.keys, [*settings.keys.glob("*.key"), *settings.keys.glob("*.key.new")]
    yield settings.data_dir, []
    base = database_path(settings)
    mates = [base.with_name(base.name + suffix) for suffix in ("", "-wal", "-shm")]
    yield settings.data_dir, [*mates, *settings.data_dir.glob("*.lock")]
    if settings.journal_copy_dir is not None:
        yield settings.journal_copy_dir, []


def _reachable(folder: Path) -> bool:
    """Return whether this user may work in a folder, or there is none and nothing hides it."""
    try:
        if not folder.exists():
            return True
    except PermissionError:
        return False
    return os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _refuse_file(path: Path) -> None:
    mine = path.parent.stat().st_uid == os.geteuid()
    owner = path.stat().st_uid
    if mine and owner != os.geteuid():
        command = shlex.join(["sudo", "chown", f"{user_name(os.geteuid())}:", str(path)])
        raise NotAllowed("hands.other_file", path=str(path), owner=user_name(owner), command=command)
    if owner == os.geteuid():
        command = shlex.join(["chmod", "600", str(path)])
        raise NotAllowed("hands.other_file", path=str(path), owner=user_name(owner), command=command)
    raise NotAllowed("hands.other_user", path=str(path), owner=user_name(owner), command=as_user(owner))


def _owner(path: Path) -> int:
    """Return the user id of what of `path` can be seen: itself, or the nearest folder above."""
    path = path.absolute()
    while True:
        try:
            return path.stat().st_uid
        except OSError:
            path = path.parent


def user_name(owner: int) -> str:
    """Return the name of a user of this machine, or its number."""
    import pwd

    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"#{owner}"


def group_name(group: int) -> str:
    """Return the name of a group of this machine, or its number, as chown takes it."""
    import grp

    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def as_user(owner: int, argv: Sequence[str] | None = None) -> str:
    """Return this very command, to be typed as that user, with the settings that stand in the environment."""
    names = sorted(name for name in os.environ if name.startswith("CBT_"))
    keep = [f"--preserve-env={','.join(names)}"] if names else []
    return shlex.join(["sudo", "-u", user_name(owner), *keep, *(sys.argv if argv is None else argv)])


def mend_modes(settings: Settings) -> list[Path]:
    """Close what is open to others among the product's files and folders; return what that was.

    Each is a line in the log. What belongs to somebody else cannot be changed, and is told as well.
    """
    if os.name != "posix":
        return []
    return [path for path, mode in _files(settings) if _mend(path, mode)]


def open_to_others(settings: Settings) -> list[Path]:
    """Return what is open to others among the product's files and folders, and change nothing."""
    if os.name != "posix":
        return []
    return [path for path, _ in _files(settings) if _loose(path)]


def _loose(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False  # a log that was just taken away
    return not stat.S_ISLNK(mode) and bool(mode & 0o077)


def _files(settings: Settings) -> Iterator[tuple[Path, int]]:
    for folder in (settings.data_dir, settings.keys):
        yield from _whole(folder)
    if settings.backup_dir is not None and settings.backup_dir.is_dir():
        for backup in [*copies(settings.backup_dir), *settings.backup_dir.glob(f"cbt-*{UNFINISHED}")]:
            yield from _whole(backup)
    if settings.journal_copy_dir is not None and settings.journal_copy_dir.is_dir():
        yield settings.journal_copy_dir, FOLDER
        for path in settings.journal_copy_dir.iterdir():
            if is_ours(path.name):
                yield path, FILE


def _whole(folder: Path) -> Iterator[tuple[Path, int]]:
    if not folder.is_dir():
        return
    yield folder, FOLDER
    for path in folder.rglob("*"):
        yield path, FOLDER if path.is_dir() else FILE


def _mend(path: Path, mode: int) -> bool:
    try:
        st_mode = path.lstat().st_mode
        if stat.S_ISLNK(st_mode) or not st_mode & 0o077:
            return False
        path.chmod(mode)
    except FileNotFoundError:
        return False  # a log or an index that was just taken away
    except OSError as error:
        log.warning("%s is open to others and cannot be closed: %s", path, error.strerror)
        return False
    log.warning("%s was open to others (%03o) and is closed now (%03o)", path, stat.S_IMODE(st_mode), mode)
    return True
