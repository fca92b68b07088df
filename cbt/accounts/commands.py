"""`cbt staff`: people who work around exams."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from cbt.accounts import second_factor as factor_service
from cbt.accounts import store
from cbt.accounts.staff import (
    StaffLine,
    create_staff,
    disable_staff,
    enable_staff,
    reset_password,
    staff_lines,
)
from cbt.console.command import argument, group, option
from cbt.console.output import Answer, align
from cbt.console.texts import text as _
from cbt.http.app_context import with_app
from cbt.http.i18n import local_zone
from cbt.rules.roles import GIVEN, Role
from cbt.storage.unit_of_work import reading


@group("staff", help="accounts.cli.staff")
def staff() -> None:
    """Hold the commands about staff."""


@staff.command("list", help="accounts.cli.list")
@with_app
def list_staff(*, now: datetime) -> Answer:
    with reading() as session:
        lines = staff_lines(session)
    columns = ("login", "name", "roles", "state", "last_sign_in", "factor.title", "one_time")
    head = [_(f"accounts.{column}") for column in columns]
    return Answer([asdict(one) for one in lines], align([head, *(_row(one, now=now) for one in lines)]))


def _row(line: StaffLine, *, now: datetime) -> list[str]:
    roles = _("ui.comma").join(_(f"role.{role}") for role in line.roles)
    factor = "on" if line.second_factor else "owed" if line.second_factor_owed else "off"
    until = line.one_time_until
    one_time = "–"
    if until is not None:
        one_time = _(
            "accounts.one_time.over" if until <= now else "accounts.one_time.until", until=_local(until)
        )
    return [
        line.login,
        line.name,
        roles,
        _(f"accounts.state.{line.state}"),
        "–" if line.last_sign_in_at is None else _local(line.last_sign_in_at),
        _(f"accounts.factor.{factor}"),
        one_time,
    ]


def _local(instant: datetime) -> str:
    return instant.astimezone(local_zone()).strftime("%Y-%m-%d %H:%M")


@staff.command("disable", help="accounts.cli.disable")
@argument("login", help="accounts.cli.login")
@with_app
def disable(login: str, *, now: datetime) -> Answer:
    """Keep a staff member from signing in and end their logins; the last administrator stays."""
    disable_staff(ref=_ref(login), now=now, actor="cli")
    return _changed(login, "disabled")


@staff.command("enable", help="accounts.cli.enable")
@argument("login", help="accounts.cli.login")
@with_app
def enable(login: str, *, now: datetime) -> Answer:
    """Let a disabled staff member sign in again, with the password they had."""
    enable_staff(ref=_ref(login), now=now, actor="cli")
    return _changed(login, "enabled")


def _ref(login: str) -> str:
    with reading() as session:
        return store.ref_of(session, login)


def _changed(login: str, done: str) -> Answer:
    login = login.strip().casefold()
    return Answer({"login": login, "disabled": done == "disabled"}, [_(f"accounts.cli.{done}", login=login)])


@staff.command("add", help="accounts.cli.add")
@argument("login", help="accounts.cli.login")
@argument("name", help="accounts.cli.name")
@option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in GIVEN]),
    help="accounts.cli.role",
)
@with_app
def add(login: str, name: str, roles: tuple[str, ...], *, now: datetime) -> Answer:
    """Add a staff member; there is no default password anywhere."""
    chosen = [Role(role) for role in roles]
    return _once(login, create_staff(login=login, name=name, roles=chosen, now=now, actor="cli"))


def _once(login: str, password: str) -> Answer:
    login = login.strip().casefold()
    return Answer(
        {"login": login, "password": password},
        [_("accounts.cli.password", login=login, password=password)],
    )


@staff.command("reset", help="accounts.cli.reset")
@argument("login", help="accounts.cli.login")
@with_app
def reset(login: str, *, now: datetime) -> Answer:
    return _once(login, reset_password(login=login, now=now, actor="cli"))


@staff.command("reset-factor", help="accounts.cli.reset_factor")
@argument("login", help="accounts.cli.login")
@option("--reason", required=True, help="accounts.cli.reset_factor.reason")
@with_app
def reset_factor(login: str, reason: str, *, now: datetime) -> Answer:
    """Take somebody's second factor away; where it is required they set up another at the next sign-in."""
    factor_service.reset(login=login, reason=reason, now=now, actor="cli")
    login = login.strip().casefold()
    return Answer({"login": login, "second_factor": False}, [_("accounts.cli.factor_reset", login=login)])


commands: list[click.Command] = [staff]
