"""`cbt tls`: the installation's own certificates for https.

No app of the product is made for them: certificates need neither database nor keys, and the server may run.
"""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

import click

from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.console.command import argument, group
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.http import tls as certificates
from cbt.ops.host_resources import lan_address


def _folder(settings: Settings) -> Path:
    return settings.keys / certificates.FOLDER


def _now() -> datetime:
    return SystemClock().now()


def own_names() -> list[str]:
    """Return what this machine is called: its name, its addresses in the exam room's network, and localhost."""
    name = socket.gethostname()
    try:
        addresses = {str(one[4][0]).partition("%")[0] for one in socket.getaddrinfo(name, None)}
    except OSError:
        addresses = set()
    addresses.add(lan_address())
    there = sorted(one for one in addresses if not one.startswith(("127.", "::1", "fe80")))
    return [*there, name, "localhost", "127.0.0.1"]


@group("tls", help="tls.cli.tls")
def tls() -> None:
    """Hold the commands about certificates."""


@tls.command("make", help="tls.cli.make")
@argument("names", nargs=-1, required=False, help="tls.cli.names")
def make(names: tuple[str, ...]) -> Answer:
    """Make an authority for these names and a certificate of this server, and say what to set."""
    folder = _folder(read_settings())
    wanted = certificates.read_names([*names, *own_names()])
    certificates.make_authority(folder, wanted, now=_now())
    certificates.make_server(folder, wanted, now=_now())
    settings = _("tls.set", cert=folder / "server.crt", key=folder / "server.key")
    return _told(folder, settings, _("tls.then"))


@tls.command("renew", help="tls.cli.renew")
@argument("names", nargs=-1, required=False, help="tls.cli.other_names")
def renew(names: tuple[str, ...]) -> Answer:
    """Sign a fresh certificate under the same authority, for the same names unless others are given."""
    folder = _folder(read_settings())
    wanted = certificates.read_names(names) if names else certificates.server_names(folder)
    certificates.make_server(folder, wanted, now=_now())
    return _told(folder, _("tls.restart"))


@tls.command("show", help="tls.cli.show")
def show() -> Answer:
    """Print what the certificate is for, when it ends, and the fingerprint to compare on the machines."""
    return _told(_folder(read_settings()))


def _told(folder: Path, *next_steps: str) -> Answer:
    """Return what the server's certificate is, and what is to be done with it."""
    cert, key = folder / "server.crt", folder / "server.key"
    shown = certificates.read_shown(cert, key)
    names = [str(name.value) for name in certificates.server_names(folder)]
    ends, fingerprint = shown.expires_at, shown.fingerprint
    made = _("tls.made", names=", ".join(names), ends=ends.date().isoformat())
    return Answer(
        {"names": names, "ends": ends, "fingerprint": fingerprint, "certificate": cert, "key": key},
        [made, _("tls.fingerprint", fingerprint=fingerprint), *next_steps],
    )


commands: list[click.Command] = [tls]
