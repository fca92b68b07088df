"""The systemd unit of an installation, from its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cbt.config import Settings
from cbt.console.ends import REFUSED
from cbt.ops.installing.places import STATE_ROOT, Places

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
