"""`cbt tls`: the installation's own certificates for https.

No app of the product is made for them: certificates need neither database nor keys, and the server may run.
"""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

import click
from flask_babel import gettext

from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.ops.hosting import lan_address
from cbt.web.https import certificates
from cbt.web.i18n import catalogues


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


@click.group("tls", help="https 证书：制作、续期、查看 · Certificates for https.")
def tls() -> None:
    """Hold the commands about certificates."""


@tls.command(
    "make", help="制作本机的证书，默认用本机名和网络地址 · Make them; names default to this machine's."
)
@click.argument("names", nargs=-1)
def make(names: tuple[str, ...]) -> None:
    """Make an authority for these names and a certificate of this server, and say what to set."""
    settings = read_settings()
    with catalogues(settings):
        folder, wanted = _folder(settings), certificates.read_names([*names, *own_names()])
        certificates.make_authority(folder, wanted, now=_now())
        ends = certificates.make_server(folder, wanted, now=_now())
        _tell(settings, ends)
        click.echo(gettext("tls.set", cert=folder / "server.crt", key=folder / "server.key"))
        click.echo(gettext("tls.then"))


@tls.command("renew", help="续期：同一个签发者，机器无需重新信任 · Renew; machines go on trusting.")
@click.argument("names", nargs=-1)
def renew(names: tuple[str, ...]) -> None:
    """Sign a fresh certificate under the same authority, for the same names unless others are given."""
    settings = read_settings()
    with catalogues(settings):
        folder = _folder(settings)
        wanted = certificates.read_names(names) if names else certificates.server_names(folder)
        _tell(settings, certificates.make_server(folder, wanted, now=_now()))
        click.echo(gettext("tls.restart"))


@tls.command("show", help="查看证书的名称、期限和指纹 · Names, end and fingerprint.")
def show() -> None:
    """Print what the certificate is for, when it ends, and the fingerprint to compare on the machines."""
    settings = read_settings()
    with catalogues(settings):
        folder = _folder(settings)
        shown = certificates.read_shown(folder / "server.crt", folder / "server.key")
        _tell(settings, shown.expires_at)


def _tell(settings: Settings, ends: datetime) -> None:
    folder = _folder(settings)
    shown = certificates.read_shown(folder / "server.crt", folder / "server.key")
    names = ", ".join(str(name.value) for name in certificates.server_names(folder))
    click.echo(gettext("tls.made", names=names, ends=ends.date().isoformat()))
    click.echo(gettext("tls.fingerprint", fingerprint=shown.fingerprint))


commands: list[click.Command] = [tls]
