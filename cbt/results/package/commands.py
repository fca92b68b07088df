"""`cbt package`: write a sitting's signed package, check one on any machine, show the key that signs."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
import msgspec

from cbt.console.command import FILE, FOLDER, NEW_FILE, argument, group, option
from cbt.console.exits import DONE, NOT_PROVED, REFUSED
from cbt.console.output import Answer
from cbt.console.texts import text as _
from cbt.errors import Conflict, InvalidInput
from cbt.http.app_context import with_app
from cbt.results.package.service import public_key, write_package
from cbt.results.package.signature import read_public, shown_print
from cbt.results.package.verification import Checked, Verdict, verify_file
from cbt.storage.private_files import open_private

_KEY_BYTES = 4096
"""No file that a key is read from is longer."""


@group("package", help="package.cli.package")
def package() -> None:
    """Hold the commands about result packages."""


@package.command("write", help="package.cli.write")
@argument("sitting", help="sittings.cli.ref")
@argument("folder", type=FOLDER, metavar="DIR", help="package.cli.folder")
@with_app
def write(sitting: str, folder: Path, *, now: datetime) -> Answer:
    """Write the package of a sitting that is over into a folder."""
    made = write_package(sitting, actor="cli", now=now)
    path = folder / made.name
    if path.exists() and path.read_bytes() != made.body:
        raise Conflict("package.file_there", path=str(path))
    _keep(path, made.body)
    print_ = shown_print(made.manifest.key)
    words = [
        _("package.written", path=path, count=len(made.manifest.members), bytes=len(made.body)),
        _("package.digest", sha256=made.sha256),
        _("package.by_key", print=print_),
    ]
    data = {"path": path, "sha256": made.sha256, "bytes": len(made.body), "head": made.manifest.head}
    return Answer({**data, "key": made.manifest.key, "fingerprint": print_}, words)


def _keep(path: Path, body: bytes) -> None:
    """Write a file whole or not at all, for its owner's eyes."""
    arriving = path.with_name(f"{path.name}.part")
    arriving.unlink(missing_ok=True)
    with os.fdopen(open_private(arriving, os.O_WRONLY | os.O_EXCL), "wb") as target:
        target.write(body)
        target.flush()
        os.fsync(target.fileno())
    arriving.replace(path)


@package.command("verify", help="package.cli.verify", ends=(DONE, REFUSED, NOT_PROVED))
@argument("file", type=FILE, help="package.cli.file")
@option("--key", "public", default="", metavar="PUB", help="package.cli.public")
@option("--audit-key", type=FILE, metavar="FILE", help="package.cli.audit_key")
def verify_command(file: Path, public: str, audit_key: Path | None) -> Answer:
    """Check a package without a database: exit 0 when all of it holds and the key is the expected one, 2 when not.

    Without a key to expect it ends with 3 (not proved): whoever changes a package can sign it anew.
    """
    trusted = _public(public) if public else ""
    proving = _start_of(audit_key) if audit_key is not None else b""
    found = verify_file(file, trusted=trusted, audit_key=proving)
    words, manifest = [], found.manifest
    if manifest is not None:
        about = (manifest.batch, manifest.name, manifest.centre, manifest.planned_start_at)
        words.append(_("package.about", about=" · ".join(about)))
        words.append(_("package.head", head=manifest.head))
        words.append(_("package.by_key", print=_print(manifest.key)))
    words += [_said(one) for one in found.findings]
    verdict, code = _ended(found, compared=bool(trusted))
    words.append(_(f"package.{verdict}"))
    told = None
    if manifest is not None:
        told = {**msgspec.to_builtins(manifest), "members": len(manifest.members)}
    findings = [asdict(one) for one in found.findings]
    return Answer(
        {
            "verdict": verdict,
            "holds": code == DONE,
            "compared": bool(trusted),
            "manifest": told,
            "findings": findings,
        },
        words,
        code=code,
    )


def _ended(found: Verdict, *, compared: bool) -> tuple[str, int]:
    """Return what is said of a package in one word, and the exit code."""
    if not found.holds:
        return "fails", REFUSED
    return ("holds", DONE) if compared else ("not_proved", NOT_PROVED)


@package.command("key", help="package.cli.key")
@option("--out", type=NEW_FILE, metavar="FILE", help="package.cli.out")
@option("--lost", is_flag=True, help="package.cli.lost")
@with_app
def key_command(out: Path | None, lost: bool, *, now: datetime) -> Answer:
    """Print the public key by which packages are checked elsewhere; makes the key where there is none yet."""
    public = public_key(actor="cli", now=now, anew=lost)
    if out is not None:
        out.write_text(f"ed25519:{public}\n", encoding="ascii")
    print_ = shown_print(public)
    words = [f"ed25519:{public}", _("package.print", print=print_)]
    return Answer({"key": public, "fingerprint": print_, "path": out}, words)


def _public(given: str) -> str:
    """Return a public key that was typed, or that a file holds."""
    try:
        path = Path(given)
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    return read_public(_start_of(path).decode("ascii", "replace") if is_file else given)


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        body = file.read(_KEY_BYTES + 1)
    if len(body) > _KEY_BYTES:
        raise InvalidInput("package.key")
    return body


def _print(key: str) -> str:
    try:
        return shown_print(key)
    except ValueError:
        return "?"


def _said(one: Checked) -> str:
    values = {**one.values}
    if names := values.get("names"):
        values["names"] = ", ".join(map(str, names)) if isinstance(names, list) else names
    sentence = _(f"package.{one.code}.{'holds' if one.holds else 'fails'}", **values)
    return f"{'✓' if one.holds else '✗'} {sentence}"


commands: list[click.Command] = [package]
