"""`cbt audit`: where does the log end, and is it what was written?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from flask_babel import gettext

from cbt.audit.anchor import read_anchors
from cbt.audit.heads import Written, head_of, read_head
from cbt.audit.verifying import ChainReport, Missed, missed_head, verify
from cbt.db.unit_of_work import reading
from cbt.web.cli import print_json, with_app

BROKEN, MISSED = 2, 1
"""Exit codes: the log contradicts itself, or a head that was kept elsewhere."""


@click.group(help="操作日志 · The audit log.")
def audit() -> None:
    """Hold the commands about the audit log."""


@audit.command(
    "head", help="打印日志锚点，抄录后可日后核对 · Print the head of the log, to be kept and compared."
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def head(as_json: bool, *, now: datetime) -> None:
    """Print number, time and digest of the last entry. Source: R-64."""
    with reading() as session:
        found = head_of(session)
    if as_json:
        print_json(None if found is None else {**asdict(found), "head": str(found)})
    else:
        click.echo(gettext("audit.empty") if found is None else str(found))


@audit.command("verify", help="校验日志链，损坏时退出码 2 · Verify the chain, exit 2 when broken.")
@click.option(
    "--since", help="与抄录的日志锚点核对，不符时退出码 1 · compare with a head kept before, exit 1"
)
@click.option(
    "--anchors",
    type=click.Path(path_type=Path),
    help="与锚点文件核对，不符时退出码 1 · compare with the heads in a file (CBT_AUDIT_ANCHOR), exit 1",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · Print JSON.")
@with_app
def verify_command(since: str | None, anchors: Path | None, as_json: bool, *, now: datetime) -> None:
    """Recompute the chain and say where it breaks, or since which kept head it is another. Source: R-64."""
    kept: list[Written] = [read_head(since)] if since else []
    kept += read_anchors(anchors) if anchors else []
    with reading() as session:
        report = verify(session)
        missed = missed_head(session, kept)
    if as_json:
        said = {"entries": report.entries, "broken_at": report.broken_at, "unproved": report.unproved}
        print_json({**said, "missed": _plain(missed), "verified_at": now.isoformat()})
    else:
        _tell(report, missed, kept)
    if missed is not None:
        sys.exit(MISSED)
    if report.broken_at is not None:
        sys.exit(MISSED if kept else BROKEN)


def _plain(missed: Missed | None) -> dict[str, object] | None:
    if missed is None:
        return None
    return {"head": missed.head.number, "cut": missed.cut, "after": missed.after, "last": missed.last}


def _tell(report: ChainReport, missed: Missed | None, kept: list[Written]) -> None:
    if report.broken_at is not None:
        click.echo(gettext("audit.broken", broken_at=report.broken_at, entries=report.entries), err=True)
    if missed is not None:
        message = "audit.cut" if missed.cut else "audit.rewritten"
        values = {"head": missed.head.number, "first": missed.after + 1, "last": missed.last}
        click.echo(gettext(message, **values), err=True)
    if report.broken_at is not None or missed is not None:
        return
    click.echo(gettext("audit.intact", entries=report.entries))
    if kept:
        click.echo(gettext("audit.heads_fit", count=len(kept)))
    if report.unproved:
        click.echo(gettext("audit.unproved", count=report.unproved))


commands: list[click.Command] = [audit]
