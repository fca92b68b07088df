"""`cbt audit`: is the log what was written?"""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask_babel import gettext

from cbt.audit import chain
from cbt.db.unit_of_work import reading
from cbt.web.cli import print_json, with_app


@click.group(help="操作日志 · The audit log.")
def audit() -> None:
    """Hold the commands about the audit log."""


@audit.command("verify", help="校验日志链，损坏时退出码 2 · Verify the chain, exit 2 when broken.")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def verify(as_json: bool, *, now: datetime) -> None:
    """Recompute the hash chain and say where it breaks, if it does. Source: R-64."""
    with reading() as session:
        report = chain.verify(session)
    if as_json:
        print_json({"entries": report.entries, "broken_at": report.broken_at, "verified_at": now.isoformat()})
    elif report.broken_at is None:
        click.echo(gettext("audit.intact", entries=report.entries))
    else:
        click.echo(gettext("audit.broken", broken_at=report.broken_at, entries=report.entries), err=True)
    if report.broken_at is not None:
        sys.exit(2)


commands: list[click.Command] = [audit]
