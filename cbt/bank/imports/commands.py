"""`cbt bank import`: files, folders and archives into a bank; and the work of a check that a server began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import flask
from msgspec.structs import replace

from cbt.bank import service
from cbt.bank.imports.checks.working import work_on
from cbt.bank.imports.drafts import Inferred
from cbt.bank.imports.outcome import ImportedItem, Mode
from cbt.bank.imports.points import EVERYWHERE
from cbt.bank.imports.review import Review
from cbt.bank.imports.terms import PLAINLY, ImportTerms
from cbt.bank.imports.texts import inferred_value
from cbt.bank.telling import as_json, told, total, totals
from cbt.console.ends import DONE, REFUSED
from cbt.console.kinds import EITHER
from cbt.console.saying import Answer, Progress
from cbt.console.texts import text as _
from cbt.console.tree import argument, command, option
from cbt.db.writing.parcels import join_writing
from cbt.errors import InvalidInput
from cbt.rules.states.item import ItemState
from cbt.sheets.checks.beating import ThreadBeat
from cbt.web.cli import with_app

_ARRIVALS = (ItemState.REVIEWED, ItemState.IN_REVIEW, ItemState.DRAFT)


@command("import", help="bank.cli.import")
@argument("paths", type=EITHER, nargs=-1, required=True, help="bank.cli.path")
@option("--bank", "bank_ref", default="", metavar="REF", help="bank.cli.ref")
@option("--mode", type=click.Choice([mode.value for mode in Mode]), default="update", help="bank.cli.mode")
@option(
    "--state", type=click.Choice([one.value for one in _ARRIVALS]), default="reviewed", help="bank.cli.state"
)
@option("--point", "points", multiple=True, metavar="CODE", help="bank.cli.point")
@option("--adjust", multiple=True, metavar="NAME=VALUE", help="bank.cli.adjust")
@option("--understood", is_flag=True, help="bank.cli.understood")
@option("--partial", is_flag=True, help="bank.cli.partial")
@option("--no-near", "without_near", is_flag=True, help="bank.cli.no_near")
@option("--dry-run", is_flag=True, help="bank.cli.dry_run")
@with_app
def import_(
    paths: tuple[Path, ...], bank_ref: str, understood: bool, dry_run: bool, now: datetime, **said: Any
) -> Answer:
    """Import files as a whole or not at all; exit with 2 when an error keeps them out."""
    terms = _terms(**said)
    join_writing()
    try:
        with Progress() as progress:
            made = service.import_bank(
                *paths,
                bank_ref=bank_ref,
                now=now,
                actor="cli",
                dry_run=dry_run,
                terms=terms,
                understood=understood,
                tell=lambda what, done, count: progress.tell(_stand(what, done, count)),
            )
    except InvalidInput as error:
        refused = error.params.get("review")
        if not isinstance(refused, Review):
            raise
        return _reviewed(refused, stored=False, code=REFUSED)
    return _reviewed(made, stored=not dry_run, code=REFUSED if made.errors and dry_run else DONE)


def _terms(
    *,
    mode: str,
    state: str,
    points: Sequence[str],
    adjust: Sequence[str],
    partial: bool,
    without_near: bool,
) -> ImportTerms:
    return replace(
        PLAINLY,
        mode=Mode(mode),
        state=ItemState(state),
        points=dict(_pair(one, EVERYWHERE) for one in points),
        adjust=dict(_pair(one) for one in adjust),
        partial=partial,
        near=not without_near,
    )


def _pair(typed: str, name: str | None = None) -> tuple[str, str]:
    """Return NAME=VALUE as a pair; a value alone goes by `name`, where there is one."""
    head, sign, value = typed.rpartition("=")
    if not sign and name is None:
        raise InvalidInput("bank.adjust_pair", given=typed)
    return (head, value) if sign else (name or "", typed)


def _stand(what: str, done: int, count: int) -> str:
    said = _(f"bank.progress.{what}")
    return f"{said} {_('bank.progress.count', done=done, total=count)}" if count else said


@command("work", help="bank.cli.work", hidden=True)
@argument("ref", help="bank.cli.check")
@with_app
def work(ref: str, now: datetime) -> Answer:
    """Do what a check waits for; the server that was asked for it begins this."""
    join_writing()
    done = work_on(ref, clock=flask.current_app.extensions["cbt_clock"].now, beat=ThreadBeat)
    return Answer({"ref": ref, "done": done, "at": now})


def _reviewed(made: Review, *, stored: bool, code: int) -> Answer:
    figures = {
        "added": made.added,
        "changed": made.changed,
        "skipped": made.skipped,
        "blocked": made.blocked,
    }
    data = {
        "stored": stored,
        **figures,
        "format": made.reading.form,
        "inferred": [_inferred_data(one) for one in made.reading.inferred],
        "items": [_entry_data(entry) for entry in made.entries],
        "findings": [as_json(found) for found in made.findings],
        **totals(made.findings),
    }
    done = _("bank.import.stored" if stored else "bank.import.not_stored", **figures)
    inferred = [_inferred_line(one) for one in made.reading.inferred]
    head = [_("bank.cli.inferred"), *inferred] if inferred else []
    return Answer(data, [*told(made.findings), *head, total(made.findings), done], code=code)


def _inferred_data(one: Inferred) -> dict[str, object]:
    return {"name": one.name, "value": one.value, "choices": list(one.choices), "items": one.count}


def _inferred_line(one: Inferred) -> str:
    what = _(f"bank.inferred.{one.code}", **one.params)
    return f"    {one.name}={one.value}  {what} {inferred_value(one.value)}"


def _entry_data(entry: ImportedItem) -> dict[str, object]:
    near = entry.near
    return {
        "ref": entry.ref,
        "action": entry.action.value,
        "place": str(entry.place),
        "near": None if near is None else {"other": near.other or str(near.place), "percent": near.percent},
    }
