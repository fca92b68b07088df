"""The unit that `cbt service` writes: systemd's own judgement of it, and its command under what the unit imposes.

No systemd runs here. What a unit asks for is imposed by hand: another user without capabilities or new privileges,
a file tree that is read-only but for the folders of the unit, its umask and its limits, no memory that is writable
and executable. The calls that the server makes are held against the unit's filter.
"""

from __future__ import annotations

import configparser
import ctypes
import os
import pwd
import re
import resource
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from cbt.cli import build
from cbt.ops.systemd import STATE_ROOT, Host, plan, program, unit_text
from torture.sites.postgres import PostgresServer, find_binaries
from torture.sites.waiting import free_port, wait_for

PROGRAMS = ("systemd-analyze", "setpriv", "unshare", "strace")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="systemd"),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason=f"needs {', '.join(PROGRAMS)}"),
]
CHECKOUT = Path(__file__).parents[2]
WORST_EXPOSURE = 30
"""In tenths, as `systemd-analyze security --threshold` counts."""
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
USER = "nobody"


@dataclass(frozen=True)
class Site:
    """An installation in a folder of its own: settings as an administrator writes them, and the unit for them."""

    folder: Path
    port: int

    @property
    def file(self) -> Path:
        """Its settings file."""
        return self.folder / "cbt.env"

    @property
    def writable(self) -> list[Path]:
        """What the unit lets the service write to."""
        state = [STATE_ROOT / name for name in self.service["StateDirectory"].split()]
        return state + [Path(name.removeprefix("-")) for name in self.service["ReadWritePaths"].split()]

    @property
    def text(self) -> str:
        """Its unit, whose paths are those of a lasting disk, not of a test."""
        return unit_text(*plan(self.file, user=USER))

    @property
    def service(self) -> dict[str, str]:
        """The lines of the unit's `[Service]`."""
        parser = configparser.ConfigParser(interpolation=None, delimiters="=")
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their capitals
        parser.read_string(self.text)
        return dict(parser["Service"])


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A fresh installation, prepared as `cbt service install` prepares one."""
    # Not where pytest's folders are: those stand on a disk that is emptied, which the unit refuses.
    with tempfile.TemporaryDirectory(prefix="cbt-unit-", dir="/var/lib") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Site(folder, free_port())
        lines = [
            f"CBT_DATA_DIR={folder}/state/data", f"CBT_KEY_DIR={folder}/keys/cbt", f"CBT_PORT={made.port}",
            "CBT_HOST=127.0.0.1", f"CBT_BACKUP_DIR={folder}/backup", f"CBT_JOURNAL_COPY_DIR={folder}/copy",
            f"CBT_AUDIT_ANCHOR={folder}/anchor",
        ]  # fmt: skip
        user = pwd.getpwnam(USER)
        for path in (folder / one for one in ("state", "keys", "backup", "copy", "anchor")):
            path.mkdir(mode=0o700)
            os.chown(path, user.pw_uid, user.pw_gid)
        made.file.write_text("\n".join(lines), "utf-8")
        os.chown(made.file, 0, user.pw_gid)
        made.file.chmod(0o640)
        yield made


root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user, as systemd does")


@root
def test_systemd_takes_the_unit_and_finds_little_exposed(site: Site, tmp_path: Path) -> None:
    unit = tmp_path / "cbt.service"
    unit.write_text(site.text, "utf-8")
    for command in (
        ["systemd-analyze", "verify", str(unit)],
        ["systemd-analyze", "security", "--offline=true", f"--threshold={WORST_EXPOSURE}", str(unit)],
    ):
        said = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        assert said.returncode == 0, said.stdout[-300:] + said.stderr
    assert "Unknown key" not in said.stderr


def allowed_calls(group: str) -> set[str]:
    """Return the system calls of a group of systemd's, with those of the groups within it."""
    said = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, encoding="utf-8", check=True
    )
    groups: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        if line.startswith("@"):
            groups[line.strip()] = []
        elif line.strip() and not line.strip().startswith("#") and groups:
            groups[list(groups)[-1]].append(line.strip())
    names = groups[group]
    return {call for name in names for call in (allowed_calls_of(name, groups))}


def allowed_calls_of(name: str, groups: dict[str, list[str]]) -> set[str]:
    """Return the system calls that one entry of a group stands for."""
    if not name.startswith("@"):
        return {name}
    return {call for within in groups[name] for call in allowed_calls_of(within, groups)}


def imposed(site: Site, words: list[str], *, watch: Path | None = None) -> list[str]:
    """Return the command that runs `words` as the unit would: as its user, on a tree that is read-only."""
    # A folder of the tree is mounted again to be writable; whatever else is on that disk is not.
    script = ["mount --make-rprivate /", *_own_tmp()]
    script += _opened(Path(sys.base_prefix))
    script += [f"mount --bind {site.folder} {site.folder}", f"mount -o remount,bind,ro {site.folder}"]
    script += [f"mount --bind {path} {path} && mount -o remount,bind,rw {path}" for path in site.writable]
    script += ["mount -o remount,bind,ro /", f"umask {site.service['UMask']}", 'exec "$@"']
    become = ["setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", "--no-new-privs"]
    become += ["--bounding-set=-all", "--inh-caps=-all"]
    observe = []
    if watch is not None:
        calls = allowed_calls(site.service["SystemCallFilter"]) - {"socket"}
        observe = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(watch)]
        observe += ["-e", "signal=none", "-e", "trace=!" + ",".join(f"?{call}" for call in sorted(calls))]
    return ["unshare", "--mount", "sh", "-ec", "\n".join(script), "sh", *observe, *become, *words]


def _own_tmp() -> list[str]:
    """Return what gives a service a /tmp of its own, with the checkout kept where it lies below the other one."""
    fresh = "mount -t tmpfs tmpfs /tmp"
    if not CHECKOUT.is_relative_to("/tmp"):
        return [fresh]
    kept = [f"mkdir -p {CHECKOUT}", f"mount --move /mnt {CHECKOUT}"]
    return [f"mount --bind {CHECKOUT} /mnt", fresh, *kept]


def _opened(folder: Path) -> list[str]:
    """Return what opens the way to an interpreter in a closed home, where no installation's may lie."""
    closed = Host().closed_to_others(folder / "bin")
    if closed is None:
        return []
    return [
        "mkdir /tmp/kept",
        f"mount --bind {folder} /tmp/kept && mount -t tmpfs -o mode=755 tmpfs {closed}",
        f"mkdir -p {folder} && mount --move /tmp/kept {folder}",
    ]


def limits(service: dict[str, str]) -> None:
    """Take on what the unit imposes on a process before it begins."""
    files = min(int(service["LimitNOFILE"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    assert service["MemoryDenyWriteExecute"] == "yes"
    assert ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) == 0


@contextmanager
def served(site: Site, log: Path, watch: Path) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Run the unit's command; yield its process and the socket at which a service manager would listen."""
    service = site.service
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, log.open("wb") as out:
        manager.bind(str(site.folder / "notify"))
        (site.folder / "notify").chmod(0o666)
        manager.setblocking(False)
        process = subprocess.Popen(
            imposed(site, shlex.split(service["ExecStart"]), watch=watch),
            env={"PATH": "/usr/sbin:/usr/bin", "NOTIFY_SOCKET": str(site.folder / "notify")},
            cwd="/", stdout=out, stderr=out, preexec_fn=lambda: limits(service),
        )  # fmt: skip
        try:
            yield process, manager
        finally:
            process.kill()
            process.wait()


def _told(manager: socket.socket) -> bytes:
    """Return what the service manager has been told just now."""
    try:
        return manager.recv(200)
    except BlockingIOError:
        return b""


def run(site: Site, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `cbt` as the service's user, under the same."""
    return subprocess.run(
        imposed(site, [str(program()), "--settings", str(site.file), *words]),
        env={"PATH": "/usr/sbin:/usr/bin"}, cwd="/", capture_output=True, encoding="utf-8", check=False,
        preexec_fn=lambda: limits(site.service),
    )  # fmt: skip


def server_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process that systemd would know as the main one: the server below what imposes."""
    found = [
        int(path.name) for path in Path("/proc").iterdir()
        if path.name.isdigit() and _is_served(path, process.pid)
    ]  # fmt: skip
    return min(found)


def _is_served(path: Path, ancestor: int) -> bool:
    try:
        if not (path / "cmdline").read_bytes().endswith(b"\0serve\0"):
            return False
        pid = int(path.name)
        while pid > 1 and pid != ancestor:
            pid = int(
                re.search(r"^PPid:\t(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"), re.MULTILINE)[1]
            )  # type: ignore[index]
        return pid == ancestor and b"strace" not in (path / "cmdline").read_bytes()
    except OSError:
        return False


@root
def test_the_command_of_the_unit_serves_under_all_that_the_unit_imposes(site: Site, tmp_path: Path) -> None:
    log, watch = tmp_path / "log", tmp_path / "calls"
    with served(site, log, watch) as (process, manager):
        assert wait_for(lambda: process.poll() is not None or _told(manager) == b"READY=1"), log.read_text(
            "utf-8"
        )
        assert process.poll() is None, log.read_text("utf-8")
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/healthz", timeout=30) as reply:
            assert reply.status == 200
        assert "admin" in log.read_text("utf-8"), "the first password stands in the journal"
        main = server_of(process)
        status = Path(f"/proc/{main}/status").read_text("ascii")
        assert re.search(rf"^Uid:\t{pwd.getpwnam(USER).pw_uid}\t", status, re.MULTILINE)
        assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)

        workbook = site.folder / "bank.xlsx"
        assert CliRunner().invoke(build(), ["bank", "template", str(workbook)]).exit_code == 0
        workbook.chmod(0o644)
        read = run(site, "bank", "import", "--dry-run", str(workbook))
        assert "file.reader" not in read.stdout + read.stderr, "the child that reads foreign files started"
        reset = run(site, "staff", "reset", "admin")
        assert reset.returncode == 0, reset.stderr

        assert wait_for(lambda: any((site.folder / "backup").glob("cbt-*/manifest.json")), 60), log.read_text(
            "utf-8"
        ) + "\n".join(map(str, site.folder.rglob("*")))
        assert any((site.folder / "copy").glob("*.base"))
        assert list((site.folder / "anchor").iterdir())
        os.kill(main, signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text("utf-8")
    calls = watch.read_text("utf-8").splitlines()
    named = {found[1] for line in calls if (found := re.match(r"\d+ +(\w+)\(", line))}
    assert named <= {"socket"}
    # The C library asks netlink for the machine's addresses, and does without where that is refused.
    families = {found[1] for line in calls if (found := re.search(r"socket\((AF_\w+)", line))}
    assert families - {"AF_NETLINK"} <= set(site.service["RestrictAddressFamilies"].split())
    for path in (path for folder in site.writable for path in folder.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


@pytest.mark.skipif(find_binaries() is None, reason="needs PostgreSQL")
def test_a_start_waits_for_a_database_that_comes_up_beside_it(tmp_path: Path) -> None:
    binaries = find_binaries()
    assert binaries is not None
    database, port, log = PostgresServer(binaries), free_port(), tmp_path / "log"
    database.start()
    own = {
        "CBT_DATABASE_URL": database.create("late"), "CBT_SETTINGS": "none", "CBT_DATA_DIR": str(tmp_path / "data"),
        "CBT_HOST": "127.0.0.1", "CBT_PORT": str(port), "CBT_WORKERS": "1",
    }  # fmt: skip
    database.crash()  # the power went: it will recover first
    with log.open("wb") as out:
        process = subprocess.Popen([str(program()), "serve"], env=os.environ | own, stdout=out, stderr=out)
    try:
        assert wait_for(lambda: "waiting for PostgreSQL" in log.read_text("utf-8"))
        database.start()
        assert wait_for(lambda: _is_healthy(port)), log.read_text("utf-8")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        database.stop()


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
