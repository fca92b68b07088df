"""`cbt key`: list, print, enter, rotate.

They look at keys without an app of the product, which would make those that are missing.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime

import click
import flask

from cbt.config import Settings, read_settings
from cbt.console.columns import align
from cbt.console.saying import Answer, hint
from cbt.console.texts import text as _
from cbt.console.tree import argument, group, option
from cbt.db.private.keys import fingerprint, load_key
from cbt.ops.keys.care import NAMES, enter_key, key_files, paper_lines, read_paper, rotate, rotate_audit_key
from cbt.ops.keys.losing import give_up_personal
from cbt.web.cli import with_app


@group("key", help="key.cli.key")
def key() -> None:
    """Look after the key files."""


@key.command("list", help="key.cli.list")
def list_command() -> Answer:
    """Print each key file with its fingerprint, which gives nothing of the key away."""
    files = key_files(read_settings())
    rows = [[one.name, one.fingerprint or _("key.not_there"), str(one.path)] for one in files]
    notes = [_("key.open_to_others", path=one.path) for one in files if one.open_to_others]
    return Answer([asdict(one) for one in files], align(rows), notes)


@key.command("print", help="key.cli.print")
@argument("name", type=click.Choice(NAMES), help="key.cli.name")
def print_command(name: str) -> Answer:
    """Print a key in lines with a check each. Whoever reads them can read the data."""
    value = load_key(read_settings().keys, name, may_create=False)
    lines = list(paper_lines(value))
    title = _("key.sheet", name=f"{name}.key", print=fingerprint(value))
    return Answer({"name": name, "fingerprint": fingerprint(value), "lines": lines}, [title, *lines])


@key.command("enter", help="key.cli.enter")
@argument("name", type=click.Choice(NAMES), help="key.cli.name")
def enter_command(name: str) -> Answer:
    """Read the lines of a printed key from standard input; overwrites nothing."""
    if sys.stdin.isatty():
        hint(_("key.type_lines"))
    value = read_paper(line for line in sys.stdin if line.lstrip()[1:2] == ":")
    path = read_settings().keys / f"{name}.key"
    enter_key(path, value)
    done = _("key.entered", path=path, print=fingerprint(value))
    return Answer({"name": name, "path": path, "fingerprint": fingerprint(value)}, [done])


@key.command("lost", help="key.cli.give_up")
@argument("name", type=click.Choice(("personal",)), help="key.cli.name")
def lost_command(name: str) -> Answer:
    """Give up the numbers that were sealed under the lost key, and make a new one (server stopped)."""
    path, print_ = give_up_personal(read_settings())
    words = [_("key.lost", path=path, print=print_), _("key.lost_then")]
    return Answer({"name": name, "path": path, "fingerprint": print_}, words)


@key.command("rotate", help="key.cli.rotate", alone="key.cli.alone")
@argument(
    "name", required=False, default="database", type=click.Choice(("database", "audit")), help="key.cli.new"
)
@option("--lost", is_flag=True, help="key.cli.lost")
def rotate_command(name: str, lost: bool) -> Answer:
    """Encrypt the embedded database under a new key, or chain the log under one; the former is kept."""
    if name == "audit":
        return _rotate_audit(lost=lost)
    settings = read_settings()
    kept, print_ = rotate(settings)
    path = settings.keys / "database.key"
    words = [_("key.rotated", path=path, print=print_), _("key.former_kept", path=kept)]
    return Answer({"name": name, "path": path, "fingerprint": print_, "former": kept}, words)


@with_app
def _rotate_audit(*, lost: bool, now: datetime) -> Answer:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    print_ = rotate_audit_key(lost=lost, now=now)
    path = settings.keys / "audit.key"
    former = _("audit.key_former_lost" if lost else "audit.key_former_kept")
    return Answer(
        {"name": "audit", "path": path, "fingerprint": print_, "lost": lost},
        [_("audit.key_rotated", path=path, print=print_), former],
    )


commands: list[click.Command] = [key]
