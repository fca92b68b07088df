"""`cbt bank import`: files, folders and archives into a bank; and the work of a check that a server began."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

import flask

from cbt.bank import service
from cbt.bank.imports.checks.beating import ThreadBeat
from cbt.bank.imports.checks.working import work_on
from cbt.bank.imports.review import Review
from cbt.bank.telling import as_json, told, total, totals
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import EITHER
from cbt.console.saying import Answer
from cbt.console.texts import text as _
from cbt.console.tree import argument, command, option
from cbt.errors import InvalidInput
from cbt.web.cli import with_app

_NICENESS = 10


@command("import", help="bank.cli.import")
@argument("path", type=EITHER, help="bank.cli.path")
@option("--bank", "bank_ref", default="", metavar="REF", help="bank.cli.ref")
@option("--dry-run", is_flag=True, help="bank.cli.dry_run")
@option("--partial", is_flag=True, help="bank.cli.partial")
@with_app
def import_(path: Path, bank_ref: str, dry_run: bool, partial: bool, now: datetime) -> Answer:
    """Import a file as a whole or not at all; exit with 2 when an error keeps it out."""
    try:
        made = service.import_bank(
            path, bank_ref=bank_ref, now=now, actor="cli", dry_run=dry_run, partial=partial
        )
    except InvalidInput as error:
        refused = error.params.get("review")
        if not isinstance(refused, Review):
            raise
        return _reviewed(refused, stored=False, code=REFUSED)
    return _reviewed(made, stored=not dry_run, code=REFUSED if made.errors and dry_run else DONE)


@command("work", help="bank.cli.work", hidden=True)
@argument("ref", help="bank.cli.check")
@with_app
def work(ref: str, now: datetime) -> Answer:
    """Do what a check waits for; the server that was asked for it begins this."""
    with contextlib.suppress(AttributeError, OSError):  # Windows has no nice
        os.nice(_NICENESS)
    done = work_on(ref, clock=flask.current_app.extensions["cbt_clock"].now, beat=ThreadBeat)
    return Answer({"ref": ref, "done": done, "at": now})


def _reviewed(made: Review, *, stored: bool, code: int) -> Answer:
    figures = {
        "added": made.added,
        "changed": made.changed,
        "skipped": made.skipped,
        "blocked": made.blocked,
    }
    listed = [as_json(found) for found in made.findings]
    done = _("bank.import.stored" if stored else "bank.import.not_stored", **figures)
    return Answer(
        {"stored": stored, **figures, "findings": listed, **totals(made.findings)},
        [*told(made.findings), total(made.findings), done],
        code=code,
    )
