"""The installation's signature: an Ed25519 key, made once, kept as `signing.key` with the other keys.

The database names it, so that a node, or a restored copy, never signs with another one unseen.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import flask
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from cbt.audit import chain
from cbt.config import Settings
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.storage.backup_folder import sync_folder
from cbt.storage.crypto import KEY_BYTES, SIGNING, KeyPrint, fingerprint, load_key, write_key
from cbt.storage.unit_of_work import reading, unit_of_work

_GROUP = 4
_SHOWN = 32


def signing_key(*, now: datetime, actor: str) -> Ed25519PrivateKey:
    """Return the installation's key; the first who asks makes it. Not within a unit of work: files are read.

    Raise Unavailable("package.key_missing") where the database names one that is not here, ("package.key_other")
    where another one is, ("package.key_folder") where none can be written.

    Source: I13.
    """
    path, named = _path(), _named()
    if named is None:
        return _begin(path, former=None, now=now, actor=actor)
    if not path.is_file():
        raise Unavailable("package.key_missing", path=str(path), print=named)
    return _as_named(load_key(path.parent, SIGNING, may_create=False), named)


def begin_anew(*, now: datetime, actor: str) -> Ed25519PrivateKey:
    """Make another key where the former is lost; raise Conflict("package.key_there") where it is not.

    What the former signed stays proved by its public key.
    """
    path, named = _path(), _named()
    if path.is_file():
        there = fingerprint(load_key(path.parent, SIGNING, may_create=False))
        if named is None or there == named:
            raise Conflict("package.key_there", path=str(path))
        path.rename(path.with_name(f"{SIGNING}-{there}.key"))
        sync_folder(path.parent)
    return _begin(path, former=named, now=now, actor=actor)


def _begin(path: Path, *, former: str | None, now: datetime, actor: str) -> Ed25519PrivateKey:
    """Write a key, then have the database name it in place of the `former` one."""
    try:
        write_key(path, secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass  # made by somebody who could not say so, or who was faster
    except OSError as error:
        raise Unavailable("package.key_folder", path=str(path.parent)) from error
    raw = load_key(path.parent, SIGNING, may_create=False)
    with suppress(IntegrityError), unit_of_work() as session:
        named = session.get(KeyPrint, SIGNING, with_for_update=True)
        if named is None or named.print_ == former:
            session.execute(delete(KeyPrint).where(KeyPrint.name == SIGNING))
            session.execute(insert(KeyPrint).values(name=SIGNING, print_=fingerprint(raw)))
            after = {"public": public_hex(Ed25519PrivateKey.from_private_bytes(raw).public_key())}
            chain.record(session, at=now, actor=actor, act="key.signing", subject="key:signing", after=after)
    return _as_named(raw, _named() or "")  # of two who begin at once one names it


def _as_named(raw: bytes, named: str) -> Ed25519PrivateKey:
    if fingerprint(raw) != named:
        raise Unavailable("package.key_other", path=str(_path()), print=named)
    return Ed25519PrivateKey.from_private_bytes(raw)


def _named() -> str | None:
    with reading() as session:
        named = session.get(KeyPrint, SIGNING)
        return None if named is None else named.print_


def _path() -> Path:
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.keys / f"{SIGNING}.key"


def public_hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes_raw().hex()


def shown_print(public: str) -> str:
    """Return by what people compare a public key: half of its SHA-256 in groups of four."""
    digits = hashlib.sha256(bytes.fromhex(public)).hexdigest()[:_SHOWN]
    return "-".join(digits[at : at + _GROUP] for at in range(0, _SHOWN, _GROUP))


def read_public(text: str) -> str:
    """Return the public key that somebody gives, as its digits; raise InvalidInput("package.key")."""
    digits = "".join(text.split()).lower().removeprefix("ed25519:")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(digits))
    except ValueError as error:
        raise InvalidInput("package.key") from error
    return digits


def signs(public: str, signature: bytes, text: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, text)
    except (ValueError, InvalidSignature):
        return False
    return True
