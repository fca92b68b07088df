"""`cbt score …`: run the scoring by hand, and prove it."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask_babel import gettext

from cbt.scoring.service import score_closed, verify_sitting
from cbt.web.cli import print_json, with_app


@click.group("score", help="机器评分：立即评分、核验 · Score closed attempts, verify scores.")
def score() -> None:
    """Group of the scoring commands."""


@score.command("run", help="为已收卷未评分的答卷评分 · Score what is closed and unscored.")
@with_app
def run(*, now: datetime) -> None:
    """Score everything that waits."""
    click.echo(gettext("scoring.ran", count=score_closed(now=now)))


@score.command("verify", help="由作答日志重新评分并逐字节比对 · Rescore from the journal and compare bytes.")
@click.argument("sitting")
@click.option("--json", "as_json", is_flag=True, help="机器可读输出 · machine-readable output")
@with_app
def verify(sitting: str, as_json: bool, *, now: datetime) -> None:
    """Exit 0 when every stored score, form and journal fits, else 2."""
    checked = verify_sitting(sitting)
    wrong = [one for one in checked if not one.ok]
    if as_json:
        print_json(
            [{**{name: getattr(one, name) for name in one.__slots__}, "ok": one.ok} for one in checked]
        )
    else:
        for one in wrong:
            parts = [
                (gettext("scoring.part.form"), one.form_ok),
                (gettext("scoring.part.journal"), one.journal_ok),
                (gettext("scoring.part.sheet"), one.sheet_ok),
            ]
            what = ", ".join(name for name, ok in parts if not ok)
            click.echo(gettext("scoring.differs", ref=one.attempt_ref, what=what))
        fine = len(checked) - len(wrong)
        click.echo(gettext("scoring.verified", count=len(checked), fine=fine, wrong=len(wrong)))
        if pending := sum(one.pending for one in checked):
            click.echo(gettext("scoring.pending", count=pending))
    if wrong:
        sys.exit(2)


commands: list[click.Command] = [score]
