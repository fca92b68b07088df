"""The service of an installation: installed, installed again after a change, taken away; data is never touched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cbt.config import FILE_VARIABLE, read_sources
from cbt.config.lines import quoted
from cbt.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from cbt.ops.installing.host import Host
from cbt.ops.installing.places import STATE_ROOT, Places, other_lack, places_of, step_for
from cbt.ops.installing.unit import NAME, Service, unit_text

NOT_STARTED = "not_started"
"""The step that was asked for and could not be taken: systemd is not in charge here."""
DATA, KEYS = STATE_ROOT / NAME / "data", STATE_ROOT / f"{NAME}-keys"


@dataclass(frozen=True, slots=True)
class Done:
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
    """Return the text of a new settings file under a remark of some lines."""
    remarks = "".join(f"# {line}\n" for line in remark.splitlines())
    return f"{remarks}CBT_DATA_DIR={quoted(str(DATA))}\nCBT_KEY_DIR={quoted(str(KEYS))}\n"


def install(host: Host, file: Path, *, user: str, remark: str, enable: bool, now: bool) -> Iterator[Done]:
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
    known = host.has_user(user)
    if file.exists() and not (known and host.may_read(user, file)):
        raise Conflict("service.file_closed", path=file, user=user)
    if known:
        yield Done("user_kept", user)
    else:
        host.make_user(user, places.own[0])
        yield Done("user_made", user)
    for path, step in steps:
        if step.value == "folder_made" and host.owner(path) is None:
            host.make_folder(path, user)
        yield Done(step.value, str(path))
    for path in places.others:
        if lack := other_lack(host.owner(path), user=user):
            yield Done(lack, str(path))
    if file.exists():
        yield Done("file_kept", str(file))
    else:
        host.write_settings(file, first_lines(remark), user)
        yield Done("file_made", str(file))
    unit = host.units / f"{NAME}.service"
    host.write_unit(unit, unit_text(service, places))
    yield Done("unit_written", str(unit))
    yield from _hand_over(host, enable=enable, now=now)


def _check(host: Host, user: str) -> None:
    if not host.has_systemd():
        raise Unavailable("service.no_systemd")
    if not host.is_root():
        raise NotAllowed("service.root")
    if user == "root":
        raise InvalidInput("service.as_root")


def _hand_over(host: Host, *, enable: bool, now: bool) -> Iterator[Done]:
    runs = host.runs_systemd()
    if runs:
        host.run(["systemctl", "daemon-reload"])
    if enable or now:
        host.run(["systemctl", "enable", NAME])
        yield Done("enabled", NAME)
    if now and not runs:
        yield Done(NOT_STARTED, NAME)
    elif now:
        host.run(["systemctl", "start", NAME])  # one that runs goes on: a restart is for a quiet hour
        yield Done("started", NAME)


def uninstall(host: Host) -> Iterator[Done]:
    """Stop the service and take its unit away; user, settings, data, keys and backups stay. Yield each step."""
    _check(host, NAME)
    unit = host.units / f"{NAME}.service"
    if unit.exists():
        host.run(["systemctl", "disable", *(["--now"] if host.runs_systemd() else []), NAME])
        unit.unlink()
        if host.runs_systemd():
            host.run(["systemctl", "daemon-reload"])
        yield Done("unit_removed", str(unit))
    else:
        yield Done("unit_absent", str(unit))
