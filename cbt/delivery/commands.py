"""`cbt sitting publish`: beside the other commands about sittings, here because forms are asked for too."""

from __future__ import annotations

import sys
from datetime import datetime

import click
from flask_babel import gettext

from cbt.delivery import publishing
from cbt.errors import Conflict
from cbt.sittings.commands import sitting
from cbt.web.cli import with_app
from cbt.web.i18n import explain


@sitting.command("publish", help="发布场次 · Publish a sitting.")
@click.argument("ref")
@with_app
def publish(ref: str, *, now: datetime) -> None:
    """Publish a draft sitting; or print all that is missing, each with its page, and exit with 2."""
    try:
        publishing.publish(sitting_ref=ref, now=now, actor="cli")
    except Conflict as error:
        missing, pages = error.params.get("missing"), error.params.get("pages")
        if not isinstance(missing, list) or not isinstance(pages, list):
            raise
        what, fix = explain(error)
        listed = [f"  {text}  {page}" for text, page in zip(missing, pages, strict=True)]
        click.echo("\n".join([what, *listed, fix]), err=True)
        sys.exit(2)
    click.echo(gettext("sittings.done.published"))


commands: list[click.Command] = []
"""The command belongs to the group of the sittings room."""
