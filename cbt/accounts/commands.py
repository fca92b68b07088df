"""`cbt staff`: people who work around exams."""

from __future__ import annotations

from datetime import datetime

import click

from cbt.accounts.factors import service as factor_service
from cbt.accounts.people import create_staff, reset_password
from cbt.console.saying import Answer
from cbt.console.texts import text as _
from cbt.console.tree import argument, group, option
from cbt.rules.roles import Role
from cbt.web.cli import with_app


@group("staff", help="accounts.cli.staff")
def staff() -> None:
    """Hold the commands about staff."""


@staff.command("add", help="accounts.cli.add")
@argument("login", help="accounts.cli.login")
@argument("name", help="accounts.cli.name")
@option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
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
    """Give a staff member a new one-time password."""
    return _once(login, reset_password(login=login, now=now, actor="cli"))


@staff.command("reset-factor", help="accounts.cli.reset_factor")
@argument("login", help="accounts.cli.login")
@with_app
def reset_factor(login: str, *, now: datetime) -> Answer:
    """Take somebody's second factor away; where it is required they set up another at the next sign-in."""
    factor_service.reset(login=login, now=now, actor="cli")
    login = login.strip().casefold()
    return Answer({"login": login, "second_factor": False}, [_("accounts.cli.factor_reset", login=login)])


commands: list[click.Command] = [staff]
