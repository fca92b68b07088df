"""`cbt key`: list, print, enter, rotate.

They look at keys without an app of the product, which would make those that are missing.
"""

from __future__ import annotations

import sys
from datetime import datetime

import click
import flask
from flask_babel import gettext

from cbt.config import Settings, read_settings
from cbt.db.private.keys import fingerprint, load_key
from cbt.ops.keys.care import NAMES, key_files, paper_lines, read_paper, rotate, rotate_audit_key, write_key
from cbt.web.cli import with_app
from cbt.web.i18n import catalogues


@click.group("key", help="密钥：查看指纹、打印、录回、更换 · The keys.")
def key() -> None:
    """Look after the key files."""


@key.command("list", help="列出密钥文件及指纹 · The key files and their fingerprints.")
def list_command() -> None:
    """Print each key file with its fingerprint, which gives nothing of the key away."""
    settings = read_settings()
    with catalogues(settings):
        for one in key_files(settings):
            told = one.fingerprint or gettext("key.not_there")
            click.echo(f"{one.name:<9} {told:<17} {one.path}")
            if one.open_to_others:
                click.echo(gettext("key.open_to_others", path=one.path), err=True)


@key.command("print", help="打印一把密钥，纸件封存 · Print a key, to be kept on paper under seal.")
@click.argument("name", type=click.Choice(NAMES))
def print_command(name: str) -> None:
    """Print a key in lines with a check each. Whoever reads them can read the data."""
    settings = read_settings()
    with catalogues(settings):
        value = load_key(settings.keys, name, may_create=False)
        click.echo(gettext("key.sheet", name=f"{name}.key", print=fingerprint(value)))
        for line in paper_lines(value):
            click.echo(line)


@key.command("enter", help="把纸上的密钥录回文件 · Write a key file from its printed lines.")
@click.argument("name", type=click.Choice(NAMES))
def enter_command(name: str) -> None:
    """Read the lines of a printed key from standard input; overwrites nothing."""
    settings = read_settings()
    with catalogues(settings):
        if sys.stdin.isatty():
            click.echo(gettext("key.type_lines"), err=True)
        value = read_paper(line for line in sys.stdin if line.lstrip()[1:2] == ":")
        path = settings.keys / f"{name}.key"
        write_key(path, value)
        click.echo(gettext("key.entered", path=path, print=fingerprint(value)))


@key.command(
    "rotate",
    help="换一把新密钥：database（默认，先停服务）或 audit · A new key: database (server stopped) or audit.",
)
@click.argument("name", required=False, default="database", type=click.Choice(("database", "audit")))
@click.option("--lost", is_flag=True, help="日志密钥已丢失 · the former key of the log is lost")
def rotate_command(name: str, lost: bool) -> None:
    """Encrypt the embedded database under a new key, or chain the log under one; the former is kept."""
    settings = read_settings()
    if name == "audit":
        _rotate_audit(lost=lost)
        return
    with catalogues(settings):
        kept, print_ = rotate(settings)
        click.echo(gettext("key.rotated", path=settings.keys / "database.key", print=print_))
        click.echo(gettext("key.former_kept", path=kept))


@with_app
def _rotate_audit(*, lost: bool, now: datetime) -> None:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    print_ = rotate_audit_key(lost=lost, now=now)
    click.echo(gettext("audit.key_rotated", path=settings.keys / "audit.key", print=print_))
    click.echo(gettext("audit.key_former_lost" if lost else "audit.key_former_kept"))


commands: list[click.Command] = [key]
