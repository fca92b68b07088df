"""`cbt staff`: people who work around exams."""

from __future__ import annotations

from datetime import datetime

import click
from flask_babel import gettext

from cbt.accounts.factors import service as factor_service
from cbt.accounts.people import create_staff, reset_password
from cbt.rules.roles import Role
from cbt.web.cli import with_app


@click.group(help="考务人员账号 · Staff accounts.")
def staff() -> None:
    """Hold the commands about staff."""


@staff.command("add", help="新增人员，打印一次性密码 · Add a person and print a one-time password.")
@click.argument("login")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="角色，可重复 · Role, may be repeated.",
)
@with_app
def add(login: str, name: str, roles: tuple[str, ...], *, now: datetime) -> None:
    """Add a staff member; there is no default password anywhere."""
    chosen = [Role(role) for role in roles]
    password = create_staff(login=login, name=name, roles=chosen, now=now, actor="cli")
    click.echo(gettext("accounts.cli.password", login=login.strip().casefold(), password=password))


@staff.command("reset", help="重置密码，打印一次性密码 · Print a new one-time password.")
@click.argument("login")
@with_app
def reset(login: str, *, now: datetime) -> None:
    """Give a staff member a new one-time password."""
    password = reset_password(login=login, now=now, actor="cli")
    click.echo(gettext("accounts.cli.password", login=login.strip().casefold(), password=password))


@staff.command(
    "reset-factor", help="取消某人的两步验证（手机和恢复码都丢了） · Take a lost second factor away."
)
@click.argument("login")
@with_app
def reset_factor(login: str, *, now: datetime) -> None:
    """Take somebody's second factor away; where it is required they set up another at the next sign-in."""
    factor_service.reset(login=login, now=now, actor="cli")
    click.echo(gettext("accounts.cli.factor_reset", login=login.strip().casefold()))


commands: list[click.Command] = [staff]
