"""`cbt service`: the systemd service of an installation, its folders, unit, user and settings file."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

import click

from cbt.audit.anchor import anchor_file
from cbt.config import FILE_VARIABLE, NAMES, Settings, find_file, quoted, read_sources, usual_file, variable
from cbt.console.command import group, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from cbt.paths import write_whole

SHARE = 1000
"""Of processors and disks, where any other service has 100."""
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
    read = [
        settings.tls_cert,
        settings.tls_key,
        settings.blueprint_dir,
        settings.bank_dir,
        settings.backup_hook,
    ]
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


NAME = "cbt"
OPEN_FILES = 131_072
"""Each candidate holds a connection, in whichever process took it."""
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_PRIVILEGED_BELOW = 1024


@dataclass(frozen=True, slots=True)
class Service:
    """Who runs what, with which settings file."""

    user: str
    program: Path
    """The `cbt` of the installation."""
    file: Path
    settings: Settings


def unit_text(service: Service, places: Places) -> str:
    """Return the unit; it lets the server write to the folders of `places` and to nothing else."""
    sections = [_unit(places), _service(service), _limits(service.settings), _sandbox(service, places)]
    return "\n\n".join([*sections, "[Install]\nWantedBy=multi-user.target"]) + "\n"


def _unit(places: Places) -> str:
    return f"""\
# Made by `cbt service install` from the settings file: run it again after a change of a folder or a port there.
# Changes of your own belong into a drop-in: systemctl edit {NAME}
[Unit]
Description=Computer-based testing
Wants=network-online.target
After=network-online.target time-sync.target postgresql.service
RequiresMountsFor={_listed(places.own)}
StartLimitIntervalSec=0"""


def _service(service: Service) -> str:
    command = f"{_word(service.program)} --settings {_word(service.file)} serve".replace("$", "$$")
    return f"""\
[Service]
# A server process tells when it answers; a thread for that in the one that starts them could hang a fork.
Type=notify
NotifyAccess=all
User={service.user}
Group={service.user}
ExecStart={command}
# What is refused stays refused until somebody has put it right; all else is tried again.
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={REFUSED}
TimeoutStartSec=infinity
# The server tells its own processes to end; a process that ran out of memory does not take the others with it.
KillMode=mixed
TimeoutStopSec=60
OOMPolicy=continue"""


def _limits(settings: Settings) -> str:
    threads = settings.workers * (settings.threads + 64)
    return f"""\
LimitNOFILE={OPEN_FILES}
TasksMax={2 * threads + 256}
# Beside whatever else runs on this machine a worker that stands in for one that died begins at once.
CPUWeight={SHARE}
IOWeight={SHARE}
UMask=0077"""


def _sandbox(service: Service, places: Places) -> str:
    state = [path.relative_to(STATE_ROOT) for path in places.own if path.is_relative_to(STATE_ROOT)]
    other = [path for path in places.own if not path.is_relative_to(STATE_ROOT)]
    # One that is not there (a disk that is not plugged in) is told by the product and stops no start.
    writable = [_word(path) for path in other] + [_word(path, before="-") for path in places.others]
    used = [service.program, *places.own, *places.others, *places.read]
    home = "read-only" if any(one.is_relative_to(root) for one in used for root in _HOMES) else "yes"
    may = "CAP_NET_BIND_SERVICE" if service.settings.port < _PRIVILEGED_BELOW else ""
    return "\n".join(
        [
            *([f"StateDirectory={_listed(state)}", "StateDirectoryMode=0700"] if state else []),
            *([f"ReadWritePaths={' '.join(writable)}"] if writable else []),
            f"ProtectHome={home}",
            f"CapabilityBoundingSet={may}",
            f"AmbientCapabilities={may}",
            _CLOSED,
        ]
    )


_CLOSED = """\
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM"""


def _listed(paths: tuple[Path, ...] | list[Path]) -> str:
    return " ".join(_word(path) for path in paths)


def _word(path: Path, *, before: str = "") -> str:
    """Return a path as systemd reads one word: `%` is doubled, what would end the word is quoted."""
    text = before + str(path).replace("%", "%%")
    if not re.search(r"[\s\"'\\;]", text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


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
        return sys.platform == "linux" and shutil.which("systemctl") is not None

    def runs_systemd(self) -> bool:
        """Return whether systemd is in charge, and not only unpacked."""
        return RUNNING_SYSTEMD.is_dir()

    def has_user(self, name: str) -> bool:
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
            output = getattr(error, "stderr", "") or str(error)
            raise Unavailable("service.command", command=" ".join(command), detail=output.strip()) from error


NOT_STARTED = "not_started"
"""The step that was asked for and could not be taken: systemd is not in charge here."""
DATA, KEYS = STATE_ROOT / NAME / "data", STATE_ROOT / f"{NAME}-keys"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One step that was taken, or that there was no need for: the end of its text's id, and what it was about."""

    step: str
    subject: str


def program() -> Path:
    """Return the `cbt` that was called, else the one beside the interpreter.

    As it was called: where a link leads to the version in use, the next one is to be served by the same unit.
    """
    called = Path(sys.argv[0]).absolute()
    return called if called.name == NAME and called.is_file() else Path(sys.executable).parent / NAME


def plan(file: Path, *, user: str) -> tuple[Service, Places]:
    """Return the service that the settings file asks for, or a first one where there is no such file yet.

    Raise what reading settings raises, and InvalidInput("service.no_data_dir") when the file does not say where the
    data lies: the folder a service is started in is nobody's choice.
    """
    if file.exists():
        read = read_sources({FILE_VARIABLE: str(file)})
        if "data_dir" not in read.sources:
            raise InvalidInput("service.no_data_dir", path=file, line=f"CBT_DATA_DIR={DATA}")
        settings = read.settings
    else:
        settings = read_sources({"CBT_DATA_DIR": str(DATA), "CBT_KEY_DIR": str(KEYS)}).settings
    return Service(user, program(), file, settings), places_of(settings)


def first_lines(remark: str) -> str:
    remarks = "".join(f"# {line}\n" for line in remark.splitlines())
    return f"{remarks}CBT_DATA_DIR={quoted(str(DATA))}\nCBT_KEY_DIR={quoted(str(KEYS))}\n"


def install(
    host: Host, file: Path, *, user: str, remark: str, enable: bool, now: bool
) -> Iterator[SetupStep]:
    """Make the user, the folders, the settings file and the unit, whatever of them is not there; yield each step.

    Run again it keeps user, folders and file, and writes the unit anew. Everything that can be refused is refused
    before anything is changed: NotAllowed("service.root"), Unavailable("service.no_systemd"), ("service.closed"),
    Conflict("service.owner"), ("service.file_closed"), and what `plan` raises.
    """
    _check(host, user)
    service, places = plan(file, user=user)
    for path in (service.program, Path(sys.executable).resolve(), Path(__file__).resolve()):
        if closed := host.closed_to_others(path):
            raise Unavailable("service.closed", path=closed)
    steps = [(path, step_for(path, host.owner(path), user=user)) for path in places.made]
    exists = host.has_user(user)
    if file.exists() and not (exists and host.may_read(user, file)):
        raise Conflict("service.file_closed", path=file, user=user)
    if exists:
        yield SetupStep("user_kept", user)
    else:
        host.make_user(user, places.own[0])
        yield SetupStep("user_made", user)
    for path, step in steps:
        if step.value == "folder_made" and host.owner(path) is None:
            host.make_folder(path, user)
        yield SetupStep(step.value, str(path))
    for path in places.others:
        if lack := other_lack(host.owner(path), user=user):
            yield SetupStep(lack, str(path))
    if file.exists():
        yield SetupStep("file_kept", str(file))
    else:
        host.write_settings(file, first_lines(remark), user)
        yield SetupStep("file_made", str(file))
    unit = host.units / f"{NAME}.service"
    host.write_unit(unit, unit_text(service, places))
    yield SetupStep("unit_written", str(unit))
    yield from _hand_over(host, enable=enable, now=now)


def _check(host: Host, user: str) -> None:
    if not host.has_systemd():
        raise Unavailable("service.no_systemd")
    if not host.is_root():
        raise NotAllowed("service.root")
    if user == "root":
        raise InvalidInput("service.as_root")


def _hand_over(host: Host, *, enable: bool, now: bool) -> Iterator[SetupStep]:
    runs = host.runs_systemd()
    if runs:
        host.run(["systemctl", "daemon-reload"])
    if enable or now:
        host.run(["systemctl", "enable", NAME])
        yield SetupStep("enabled", NAME)
    if now and not runs:
        yield SetupStep(NOT_STARTED, NAME)
    elif now:
        host.run(["systemctl", "start", NAME])  # one that runs goes on: a restart is for a quiet hour
        yield SetupStep("started", NAME)


def uninstall(host: Host) -> Iterator[SetupStep]:
    """Stop the service and take its unit away; user, settings, data, keys and backups stay. Yield each step."""
    _check(host, NAME)
    unit = host.units / f"{NAME}.service"
    if unit.exists():
        host.run(["systemctl", "disable", *(["--now"] if host.runs_systemd() else []), NAME])
        unit.unlink()
        if host.runs_systemd():
            host.run(["systemctl", "daemon-reload"])
        yield SetupStep("unit_removed", str(unit))
    else:
        yield SetupStep("unit_absent", str(unit))


_user = option("--user", default=NAME, show_default=True, metavar="NAME", help="service.cli.user")


@group("service", help="service.cli.service")
def service() -> None:
    """Hold the commands about the service."""


@service.command("install", help="service.cli.install")
@_user
@option("--enable", is_flag=True, help="service.cli.enable")
@option("--now", is_flag=True, help="service.cli.now")
def install_command(user: str, enable: bool, now: bool) -> Answer:
    """Install, or write the unit anew after a change of the settings; nothing that is there is written over.

    Ends with REFUSED when it was to be started and systemd does not run here.
    """
    file = _file()
    done = list(install(Host(), file, user=user, remark=_("service.remark"), enable=enable, now=now))
    left = sorted(set(os.environ) & set(NAMES) - {variable("locale")})
    started = all(one.step != NOT_STARTED for one in done)
    notes = [_("service.environment", names=", ".join(left), path=file)] if left else []
    if started:
        notes.append(_("service.password") if now else _("service.then"))
    data = {"steps": [asdict(one) for one in done], "not_in_service": left}
    return Answer(data, _lines(done, user), notes, DONE if started else REFUSED)


@service.command("show", help="service.cli.show")
@_user
def show(user: str) -> Answer:
    text = unit_text(*plan(_file(), user=user))
    return Answer({"name": f"{NAME}.service", "unit": text}, text.splitlines())


@service.command("uninstall", help="service.cli.uninstall")
def uninstall_command() -> Answer:
    done = list(uninstall(Host()))
    return Answer({"steps": [asdict(one) for one in done]}, [*_lines(done, NAME), _("service.kept")])


def _file() -> Path:
    return find_file(os.environ, None) or usual_file()


def _lines(done: Iterable[SetupStep], user: str) -> list[str]:
    return [_(f"service.{one.step}", subject=one.subject, user=user) for one in done]


commands: list[click.Command] = [service]
