"""`cbt bank export`: a bank into a file, with what its form cannot hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from cbt.bank.exports import service
from cbt.bank.exports.words import left_lines
from cbt.bank.formats import registry
from cbt.console.kinds import NEW_FILE
from cbt.console.saying import Answer, Progress
from cbt.console.texts import text as _
from cbt.console.tree import argument, command, option
from cbt.db.private.files import open_private
from cbt.web.cli import with_app


def _forms() -> Sequence[str]:
    return list(registry.out_forms())


@command("export", help="bank.cli.export")
@argument("bank_ref", metavar="BANK", help="bank.cli.ref")
@argument("file", type=NEW_FILE, help="bank.cli.export_file")
@option("--form", type=click.Choice(_forms()), default="common", show_default=True, help="bank.cli.form")
@option("--drawn", is_flag=True, help="bank.cli.drawn")
@with_app
def export(bank_ref: str, file: Path, form: str, drawn: bool, now: datetime) -> Answer:
    """Write a bank into a file; the file is its owner's only, for the keys are in it."""
    try:
        with Progress() as progress:

            def told(done: int, of: int) -> None:
                if done and done % 100 == 0:
                    progress.tell(_("bank.export.progress", done=done, of=of))

            with os.fdopen(open_private(file, os.O_RDWR | os.O_EXCL), "w+b") as target:
                made = service.export_bank(
                    target, bank_ref=bank_ref, form=form, now=now, actor="cli", drawn=drawn, told=told
                )
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    left = [{"ref": one.ref, "type": one.type, "fields": list(one.fields)} for one in made.left]
    data = {"bank": made.ref, "form": form, "file": file, "written": made.written, "left": left}
    words = [_("bank.export.written", count=made.written, file=str(file)), *left_lines(made.left)]
    return Answer(data, words)
