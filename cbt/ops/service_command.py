"""`cbt service`: the product as a service of this machine's systemd."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import click

from cbt.config import variable
from cbt.config.reader import NAMES, find_file, usual_file
from cbt.console.command import group, option
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.ops.systemd import NAME, NOT_STARTED, Done, Host, install, plan, uninstall, unit_text

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
    """Print the unit that `install` would write."""
    text = unit_text(*plan(_file(), user=user))
    return Answer({"name": f"{NAME}.service", "unit": text}, text.splitlines())


@service.command("uninstall", help="service.cli.uninstall")
def uninstall_command() -> Answer:
    """Stop the service and take its unit away."""
    done = list(uninstall(Host()))
    return Answer({"steps": [asdict(one) for one in done]}, [*_lines(done, NAME), _("service.kept")])


def _file() -> Path:
    return find_file(os.environ, None) or usual_file()


def _lines(done: Iterable[Done], user: str) -> list[str]:
    return [_(f"service.{one.step}", subject=one.subject, user=user) for one in done]


commands: list[click.Command] = [service]
