"""`cbt audit`: where does the log end, and is it what was written?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from cbt.audit.anchor import read_anchors
from cbt.audit.head import Written, head_of, read_head
from cbt.audit.verification import ChainReport, Missed, missed_head, verify
from cbt.console.command import PATH, group, option
from cbt.console.exits import DIFFERS, DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.http.app_context import with_app
from cbt.storage.unit_of_work import reading


@group("audit", help="audit.cli.audit")
def audit() -> None:
    """Hold the commands about the audit log."""


@audit.command("head", help="audit.cli.head")
@with_app
def head(*, now: datetime) -> Answer:
    """Print number, time and digest of the last entry. Source: R-64."""
    with reading() as session:
        found = head_of(session)
    if found is None:
        return Answer(None, [_("audit.empty")])
    return Answer({**asdict(found), "head": str(found)}, [str(found)])


@audit.command("verify", help="audit.cli.verify", ends=(DONE, DIFFERS, REFUSED))
@option("--since", metavar="HEAD", help="audit.cli.since")
@option("--anchors", type=PATH, metavar="PATH", help="audit.cli.anchors")
@with_app
def verify_command(since: str | None, anchors: Path | None, *, now: datetime) -> Answer:
    """Recompute the chain and say where it breaks, or since which kept head it is another. Source: R-64."""
    kept: list[Written] = [read_head(since)] if since else []
    kept += read_anchors(anchors) if anchors else []
    with reading() as session:
        report = verify(session)
        missed = missed_head(session, kept)
    data = {"entries": report.entries, "broken_at": report.broken_at, "unproved": report.unproved}
    return Answer(
        {**data, "missed": _plain(missed), "verified_at": now},
        words=_intact(report, kept) if report.broken_at is None and missed is None else (),
        notes=_wrong(report, missed),
        code=_code(report, missed, kept),
    )


def _code(report: ChainReport, missed: Missed | None, kept: list[Written]) -> int:
    """Return how it ends: the log contradicts itself, or a head that was kept elsewhere."""
    if missed is not None or (report.broken_at is not None and kept):
        return DIFFERS
    return DONE if report.broken_at is None else REFUSED


def _plain(missed: Missed | None) -> dict[str, object] | None:
    if missed is None:
        return None
    return {"head": missed.head.number, "cut": missed.cut, "after": missed.after, "last": missed.last}


def _wrong(report: ChainReport, missed: Missed | None) -> list[str]:
    lines = []
    if report.broken_at is not None:
        lines.append(_("audit.broken", broken_at=report.broken_at, entries=report.entries))
    if missed is not None:
        values = {"head": missed.head.number, "first": missed.after + 1, "last": missed.last}
        lines.append(_("audit.cut" if missed.cut else "audit.rewritten", **values))
    return lines


def _intact(report: ChainReport, kept: list[Written]) -> list[str]:
    lines = [_("audit.intact", entries=report.entries)]
    if kept:
        lines.append(_("audit.heads_fit", count=len(kept)))
    if report.unproved:
        lines.append(_("audit.unproved", count=report.unproved))
    return lines


commands: list[click.Command] = [audit]
