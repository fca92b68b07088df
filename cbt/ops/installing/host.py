"""What installing a service does to a machine, and what it asks of it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from cbt.errors import Unavailable
from cbt.paths import write_whole

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]  # None says that there are no such users

UNITS = Path("/etc/systemd/system")
RUNNING_SYSTEMD = Path("/run/systemd/system")


class Host:
    """This machine, at the hands of root."""

    units = UNITS

    def is_root(self) -> bool:
        """Return whether this process may change the machine."""
        return hasattr(os, "geteuid") and os.geteuid() == 0

    def has_systemd(self) -> bool:
        """Return whether units can be installed here."""
        return sys.platform == "linux" and shutil.which("systemctl") is not None

    def runs_systemd(self) -> bool:
        """Return whether systemd is in charge, and not only unpacked."""
        return RUNNING_SYSTEMD.is_dir()

    def has_user(self, name: str) -> bool:
        """Return whether there is a user `name`."""
        try:
            pwd.getpwnam(name)
        except KeyError:
            return False
        return True

    def make_user(self, name: str, home: Path) -> None:
        """Make a system user with a group of its own, without a password or a shell; its home is not made."""
        alone = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        self.run(["useradd", *alone, "--home-dir", str(home), name])

    def owner(self, path: Path) -> str | None:
        """Return the owner of `path`; None when it is not there."""
        try:
            number = path.stat().st_uid
        except FileNotFoundError:
            return None
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return str(number)

    def make_folder(self, path: Path, user: str) -> None:
        """Make a folder of `user` that nobody else opens."""
        path.mkdir(parents=True, mode=0o700)
        shutil.chown(path, user, user)

    def write_settings(self, path: Path, text: str, user: str) -> None:
        """Write a settings file that root owns and `user` may read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(text)
        shutil.chown(path, "root", user)
        path.chmod(0o640)

    def write_unit(self, path: Path, text: str) -> None:
        """Write a unit, whole or not at all."""
        write_whole(path, text)
        path.chmod(0o644)

    def may_read(self, user: str, path: Path) -> bool:
        """Return whether a user's own group, or everybody, may read a file."""
        there = path.stat()
        theirs = there.st_gid == pwd.getpwnam(user).pw_gid and there.st_mode & stat.S_IRGRP
        return bool(theirs or there.st_mode & stat.S_IROTH)

    def closed_to_others(self, path: Path) -> Path | None:
        """Return the outermost folder on the way to `path` that is closed to other users; None for an open way."""
        for folder in reversed(path.resolve().parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
        return None

    def run(self, command: list[str]) -> None:
        """Run a program of the system to its end; raise Unavailable("service.command") when it cannot."""
        try:
            subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            raise Unavailable("service.command", command=" ".join(command), detail=said.strip()) from error
