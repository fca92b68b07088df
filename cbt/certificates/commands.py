"""`cbt certificates`: check what a QR says without a network, show the key that signs, publish the look-up site."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from cbt.certificates.look_up import publish
from cbt.confined.priority import give_way
from cbt.console.command import FILE, FOLDER, NEW_FILE, argument, group, option
from cbt.console.output import Answer, Progress
from cbt.console.texts import text as _
from cbt.http.app_context import with_app
from cbt.http.i18n import local_day
from cbt.results.package.signature import public_hex, read_public, shown_print, signing_key
from cbt.rules.certificates import grouped, of_qr, verified

_MOST = 8192
"""No file of a QR's text, or of a key, is longer."""


@group("certificates", help="certificates.cli.certificates")
def certificates() -> None:
    """Hold the commands about certificates."""


@certificates.command("verify", help="certificates.cli.verify")
@argument("file", type=FILE, help="certificates.cli.file")
@option("--key", "public", type=FILE, required=True, metavar="FILE", help="certificates.cli.public")
def verify_command(file: Path, public: Path) -> Answer:
    """Check the text of a certificate's QR without a database or a network."""
    key = read_public(_start(public))
    statement = verified(of_qr(_start(file)), [bytes.fromhex(key)])
    shown = (
        grouped(statement.number),
        statement.name,
        statement.document,
        statement.occupation,
        statement.level,
        statement.issued_on,
    )
    words = [" · ".join(map(str, shown)), _("certificates.cli.holds", print=shown_print(key))]
    return Answer(
        {**asdict(statement), "issued_on": statement.issued_on.isoformat()},
        words,
        [_("certificates.cli.register")],
    )


@certificates.command("key", help="certificates.cli.key")
@option("--out", type=NEW_FILE, metavar="FILE", help="certificates.cli.out")
@with_app
def key_command(out: Path | None, *, now: datetime) -> Answer:
    """Print the public key by which certificates are checked elsewhere; makes the key where there is none yet."""
    public = public_hex(signing_key(now=now, actor="cli").public_key())
    if out is not None:
        out.write_text(f"ed25519:{public}\n", encoding="ascii")
    print_ = shown_print(public)
    words = [f"ed25519:{public}", _("package.print", print=print_)]
    return Answer({"key": public, "fingerprint": print_, "path": out}, words)


@certificates.command("publish", help="certificates.cli.publish")
@argument("folder", type=FOLDER, metavar="DIR", help="certificates.cli.folder")
@with_app
def publish_command(folder: Path, *, now: datetime) -> Answer:
    """Write the look-up site of all certificates into a folder, for a web server that is elsewhere."""
    give_way(holds=True)  # it stretches keys on all cores
    with Progress() as progress:

        def tell(step: str, done: int, of: int) -> None:
            progress.tell(_(f"certificates.cli.publish.{step}", done=done, of=of))

        made = publish(folder, today=local_day(now), now=now, actor="cli", tell=tell)
    words = [
        _("certificates.cli.published", count=made.certificates, records=made.records, written=made.written)
    ]
    return Answer({**asdict(made), "path": folder}, words, [_("certificates.cli.https")])


def _start(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST).decode("ascii", "replace")


commands: list[click.Command] = [certificates]
