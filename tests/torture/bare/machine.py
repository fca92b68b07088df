"""A machine of its own mounts, network and processes: below its /etc, /opt, /mnt, /srv and /var/lib lies its own.

Its programs are this machine's. systemd and sudo are played by a few lines (`programs/`), since neither runs in a
container: a unit's command is started as its user, from its settings, and is up once it answers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
NEEDED = ("unshare", "nsenter", "setpriv", "curl", "ip", "useradd", "ldconfig")
OWN = ("opt", "mnt", "media", "srv", "var/lib")
TYPED_WITHIN_SECONDS = 240
PATH = "/usr/local/bin:/opt/python/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_SET_UP = """
set -e
ip link set lo up
for name in {own}; do mkdir -p {disk}/$name; mount --bind {disk}/$name /$name; done
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/bare/etc /run/bare/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/bare/etc,workdir=/run/bare/work /etc
mkdir -p /opt/python
mount --bind {python} /opt/python
echo /opt/python/lib > /etc/ld.so.conf.d/python.conf
ldconfig
echo 127.0.0.1 exam.example.org db.example.org >> /etc/hosts
rm -f /etc/cbt.env
mkdir -p {disk}/bin
cp {programs}/* {disk}/bin
chmod 755 {disk}/bin/*
mount --bind {disk}/bin /usr/local/bin
echo ready
while :; do sleep 3600 & wait; done
"""


def _can_be_made() -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, NEEDED)):
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


CAN_BE_MADE = _can_be_made()


@dataclass
class BareMachine:
    """A running machine; `disk` is what it has of the real one, `environment` what a login gives besides PATH."""

    pid: int
    disk: Path
    environment: dict[str, str] = field(default_factory=dict)

    def put(self, source: Path, place: str) -> None:
        """Copy a file or a folder to a place on one of its own disks, as somebody with a stick does."""
        target = self.disk / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)

    def type(self, text: str, *, within: str = "/srv") -> subprocess.CompletedProcess[str]:
        """Type a block of commands as root; it ends at the first that fails."""
        return subprocess.run(
            ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid",
             "bash", "-euo", "pipefail", "-c", f"cd {within}\n{text}"],
            env={"PATH": PATH, "HOME": "/srv", "LC_ALL": "C.UTF-8"} | self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=TYPED_WITHIN_SECONDS, check=False,
        )  # fmt: skip


@contextmanager
def bare_machine() -> Iterator[BareMachine]:
    """Have a fresh machine for the length of the block."""
    # On a disk: the product refuses to keep exams in memory.
    disk = Path(tempfile.mkdtemp(prefix="cbt-bare-", dir="/var/tmp"))
    disk.chmod(0o755)
    script = _SET_UP.format(own=" ".join(OWN), disk=disk, python=sys.base_prefix, programs=PROGRAMS)
    apart = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--propagation", "private"]
    machine = subprocess.Popen(
        ["unshare", *apart, "--kill-child=SIGKILL", "bash", "-c", script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        assert machine.stdout is not None
        if machine.stdout.readline() != "ready\n":
            raise RuntimeError(machine.communicate(timeout=10)[1])
        children = Path(f"/proc/{machine.pid}/task/{machine.pid}/children").read_text("ascii")
        yield BareMachine(int(children.split()[0]), disk)
    finally:
        machine.kill()
        machine.communicate(timeout=30)
        shutil.rmtree(disk, ignore_errors=True)
