"""`cbt score …`: run the scoring by hand, and prove it."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from cbt.scoring.service import score_closed, verify_sitting
from cbt.web.cli import print_json, with_app


@click.group("score", help="机器评分：立即评分、核验 · Score closed attempts, verify scores.")
def score() -> None:
    """Group of the scoring commands."""


@score.command("run", help="为已收卷未评分的答卷评分 · Score what is closed and unscored.")
@with_app
def run(*, now: datetime) -> None:
    """Score everything that waits."""
    click.echo(f"已评分 {score_closed(now=now)} 份答卷。")


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
            parts = [("试卷", one.form_ok), ("作答日志", one.journal_ok), ("评分", one.sheet_ok)]
            click.echo(f"{one.attempt_ref}：{'、'.join(name for name, ok in parts if not ok)}与存档不一致")
        click.echo(
            f"核验 {len(checked)} 份答卷，一致 {len(checked) - len(wrong)} 份，不一致 {len(wrong)} 份。"
        )
    if wrong:
        sys.exit(2)


commands: list[click.Command] = [score]
