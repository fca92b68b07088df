"""`cbt docs`: list the documents, show one, copy all."""

from __future__ import annotations

from pathlib import Path

import click

from cbt.console.columns import align
from cbt.console.kinds import PATH
from cbt.console.saying import Answer
from cbt.console.texts import text as _
from cbt.console.tree import argument, command, option
from cbt.ops.documents.shelf import copy_out, documents, find


@command("docs", help="docs.cli.docs")
@argument("name", required=False, help="docs.cli.name")
@option("--copy", "target", type=PATH, metavar="FOLDER", help="docs.cli.copy")
def docs(name: str | None, target: Path | None) -> Answer:
    """List the documents, print the one that is named, or copy all of them with the files of a deployment."""
    if target is not None:
        fresh = copy_out(target)
        return Answer({"folder": target, "copied": fresh}, [_("docs.copied", count=fresh, folder=target)])
    if name is not None:
        found = find(name)
        text = found.path.read_text("utf-8")
        return Answer(
            {"name": found.name, "title": found.title, "text": text}, [text.rstrip("\n")], paged=True
        )
    listed = documents()
    lines = align([[one.name, one.title] for one in listed])
    data = [{"name": one.name, "title": one.title, "path": one.path} for one in listed]
    return Answer(data, [*lines, _("docs.how")])


commands: list[click.Command] = [docs]
