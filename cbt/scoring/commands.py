"""`cbt score …`: run the scoring by hand, and prove it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from cbt.console.command import argument, group
from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.http.app_context import with_app
from cbt.scoring.service import cores, score_closed, verify_sitting


@group("score", help="scoring.cli.score")
def score() -> None:
    """Group of the scoring commands."""


@score.command("run", help="scoring.cli.run")
@with_app
def run(*, now: datetime) -> Answer:
    count = score_closed(now=now)
    return Answer({"scored": count}, [_("scoring.ran", count=count)])


@score.command("verify", help="scoring.cli.verify")
@argument("sitting", help="sittings.cli.ref")
@with_app
def verify(sitting: str, *, now: datetime) -> Answer:
    """Exit 0 when every stored score, form and journal fits, else 2."""
    checked = verify_sitting(sitting, processes=cores())
    wrong = [one for one in checked if not one.ok]
    words = []
    for verified in wrong:
        parts = [
            (_("scoring.part.form"), verified.form_ok),
            (_("scoring.part.journal"), verified.journal_ok),
            (_("scoring.part.sheet"), verified.sheet_ok),
        ]
        what = _("ui.comma").join(name for name, ok in parts if not ok)
        words.append(_("scoring.differs", ref=verified.attempt_ref, what=what))
    fine = len(checked) - len(wrong)
    words.append(_("scoring.verified", count=len(checked), fine=fine, wrong=len(wrong)))
    if pending := sum(one.pending for one in checked):
        words.append(_("scoring.pending", count=pending))
    data = [{**asdict(one), "ok": one.ok} for one in checked]
    return Answer(data, words, code=REFUSED if wrong else DONE)


commands: list[click.Command] = [score]
