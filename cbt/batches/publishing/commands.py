"""`cbt sitting publish`: beside the other commands about sittings, here because forms are asked for too."""

from __future__ import annotations

from datetime import datetime

import click

from cbt.batches.publishing import service
from cbt.console.command import argument
from cbt.console.exits import REFUSED
from cbt.console.output import Answer, told
from cbt.console.texts import text as _
from cbt.errors import Conflict
from cbt.http.app_context import with_app
from cbt.sittings.commands import sitting


@sitting.command("publish", help="sittings.cli.publish")
@argument("ref", help="sittings.cli.ref")
@with_app
def publish(ref: str, *, now: datetime) -> Answer:
    """Publish a draft sitting; or print all that is missing, each with its page, and exit with 2."""
    try:
        service.publish(sitting_ref=ref, now=now, actor="cli")
    except Conflict as error:
        missing, pages = error.params.get("missing"), error.params.get("pages")
        if not isinstance(missing, list) or not isinstance(pages, list):
            raise
        return _lacking(error, list(zip(missing, pages, strict=True)))
    return Answer({"ref": ref, "published": True}, [_("sittings.done.published")])


def _lacking(error: Conflict, lacks: list[tuple[str, str]]) -> Answer:
    refused = told(error, missing=[{"text": lack, "page": page} for lack, page in lacks])
    listed = [f"  {lack}  {page}" for lack, page in lacks]
    return Answer(
        {"error": refused}, notes=[str(refused["what"]), *listed, str(refused["fix"])], code=REFUSED
    )


commands: list[click.Command] = []
"""The command belongs to the group of the sittings room."""
