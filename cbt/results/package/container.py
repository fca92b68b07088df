"""Use cases of the package, and its container: a zip that can be written in one way only, with a manifest.

Members are stored, not packed, one after another, with no date, comment or extra field. Reading walks them
from the front within what the file has, writes them anew and compares: a byte that differs anywhere, a member
that stands there twice, a path out of the folder, or something behind the end is no package. Nothing grows
while it is read.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit import chain
from cbt.errors import Conflict, InvalidInput
from cbt.results import store
from cbt.results.package import members
from cbt.results.package import signature as signing
from cbt.results.package.members import at, members_of, slice_of
from cbt.results.sheet.sitting import SittingFigures, figures_of, sheet_of
from cbt.rules.canonical import canonical_json
from cbt.sittings.models import Batch, Centre, Sitting
from cbt.storage.unit_of_work import reading, unit_of_work

MOST_BYTES = 256 * 1024 * 1024
MOST_MEMBERS = 60_000
"""There are at most three a person, and a container of this kind counts to 65,535."""
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _DAY_ONE = 20, 0x21
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(?:/[a-z0-9][a-z0-9_-]*)?\.[a-z]{1,8}")
_LONGEST = 120


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return the container of these members, in their order: equal members, equal bytes."""
    bodies, heads, offset = [], [], 0
    for name, body in members.items():
        called, crc, size = name.encode("ascii"), zlib.crc32(body), len(body)
        shared = (_VERSION, 0, 0, 0, _DAY_ONE, crc, size, size, len(called), 0)
        bodies += [_LOCAL.pack(b"PK\3\4", *shared), called, body]
        heads += [_CENTRAL.pack(b"PK\1\2", _VERSION, *shared, 0, 0, 0, 0, offset), called]
        offset += _LOCAL.size + len(called) + size
    long = sum(map(len, heads))
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), long, offset, 0)
    return b"".join([*bodies, *heads, end])


def unpack(body: bytes) -> dict[str, bytes]:
    """Return the members of a container in their order; raise InvalidInput("package.not_one") for anything else."""
    members: dict[str, bytes] = {}
    offset = 0
    while body[offset : offset + 4] == b"PK\3\4" and len(members) < MOST_MEMBERS:
        if offset + _LOCAL.size > len(body):
            break
        *_fixed, size, named, _extra = _LOCAL.unpack_from(body, offset)
        start = offset + _LOCAL.size
        name = body[start : start + named].decode("ascii", "replace")
        if named > _LONGEST or not _NAME.fullmatch(name) or name in members:
            raise InvalidInput("package.not_one")
        members[name] = body[start + named : start + named + size]
        offset = start + named + size
    if not members or pack(members) != body:
        raise InvalidInput("package.not_one")
    return members


FORMAT = "cbt-package-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
_CONTEXT = b"cbt package manifest 1\n"
"""What is signed begins so: the key signs nothing else that could be taken for a manifest."""


class ListedMember(msgspec.Struct, frozen=True):
    """A member of the package."""

    name: str
    bytes: int
    sha256: str


class PackageManifest(msgspec.Struct, frozen=True):
    """What the signature covers."""

    format: str
    sitting: str
    name: str
    batch: str
    centre: str
    planned_start_at: str
    state: str
    head: str
    """Where the log ended with the last entry about this sitting (日志锚点)."""
    key: str
    """The public key, as hexadecimal digits."""
    members: list[ListedMember]


def listed(members: Mapping[str, bytes]) -> list[ListedMember]:
    return [ListedMember(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in members.items()]


def text_of(manifest: PackageManifest) -> bytes:
    return canonical_json(msgspec.to_builtins(manifest)).encode()


def read_manifest(text: bytes) -> PackageManifest:
    """Return the manifest of a text; raise ValueError for another text than its own, or another format."""
    manifest = msgspec.json.decode(text, type=PackageManifest)
    if manifest.format != FORMAT or text_of(manifest) != text:
        raise ValueError("no manifest of this format")
    return manifest


def signed_text(manifest: bytes) -> bytes:
    return _CONTEXT + manifest


PAST = 10


@dataclass(frozen=True, slots=True)
class ResultPackage:
    """A package as it was written."""

    body: bytes
    sitting: Sitting
    manifest: PackageManifest
    sha256: str

    @property
    def name(self) -> str:
        return f"package-{self.sitting.ref}-{self.manifest.head.partition(' ')[0] or '0'}.zip"


@dataclass(frozen=True, slots=True)
class PastPackage:
    """A package of the past: when, by whom, its digest."""

    at: datetime
    by: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PackagePage:
    """What the page of a sitting's package shows."""

    sheet: SittingFigures
    past: Sequence[PastPackage]


def package_page(sitting_ref: str) -> PackagePage:
    """Return what a package would hold; raise like `store.finished_sitting`."""
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        sheet, _ = figures_of(session, sitting, store.violations_elsewhere(session, sitting.id))
        entries = members.past_packages(session, sitting_ref, limit=PAST)
        names = actor_names(session, {one.actor for one in entries})
        past = [
            PastPackage(one.at, names.get(one.actor, one.actor), str(json.loads(one.after)["sha256"]))
            for one in entries
        ]
        return PackagePage(sheet, past)


def write_package(sitting_ref: str, *, actor: str, now: datetime) -> ResultPackage:
    """Return the package that `make_package` makes, and put on record that it was made."""
    package = make_package(sitting_ref, key=partial(signing.signing_key, now=now, actor=actor))
    with unit_of_work() as session:
        note_package(session, package=package, now=now, actor=actor)
    return package


def make_package(sitting_ref: str, *, key: Callable[[], Ed25519PrivateKey]) -> ResultPackage:
    """Return the signed package of a sitting that is over; the first `key` that is asked for is made.

    It is the same, byte for byte, until something about the sitting changes; its signature shows that it is this
    installation's. Raise like `store.finished_sitting` and `signing.signing_key`; Conflict("package.too_large").

    Source: R-64.
    """
    with reading() as session:
        store.finished_sitting(session, sitting_ref)
    private = key()
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        members, manifest = _made(session, sitting, signing.public_hex(private.public_key()))
        session.expunge(sitting)
    text = text_of(manifest)
    signature = private.sign(signed_text(text)).hex().encode()
    long = sum(map(len, members.values()))
    if long > MOST_BYTES * 9 // 10 or len(members) + 2 > MOST_MEMBERS:
        raise Conflict("package.too_large", name=sitting.name, most=MOST_BYTES // 2**20)
    body = pack({MANIFEST: text, SIGNATURE: signature, **members})
    return ResultPackage(body, sitting, manifest, hashlib.sha256(body).hexdigest())


def note_package(session: Session, *, package: ResultPackage, now: datetime, actor: str) -> None:
    """Put on record that a package was made."""
    chain.record(
        session,
        at=now,
        actor=actor,
        act="package.write",
        subject=f"sitting:{package.sitting.ref}",
        after={"sha256": package.sha256, "bytes": len(package.body), "head": package.manifest.head},
    )


def _made(session: Session, sitting: Sitting, public: str) -> tuple[Mapping[str, bytes], PackageManifest]:
    log = slice_of(session, sitting.ref)
    members = members_of(session, sheet_of(session, sitting), log.lines)
    manifest = PackageManifest(
        format=FORMAT,
        sitting=sitting.ref,
        name=sitting.name,
        batch=session.get_one(Batch, sitting.batch_id).name,
        centre=session.get_one(Centre, sitting.centre_id).name,
        planned_start_at=str(at(sitting.planned_start_at)),
        state=sitting.state,
        head=str(log.head or ""),
        key=public,
        members=listed(members),
    )
    return members, manifest


def public_key(*, actor: str, now: datetime, anew: bool = False) -> str:
    """Return the installation's public key as digits; the first who asks makes the key, `anew` another one."""
    make = signing.begin_anew if anew else signing.signing_key
    return signing.public_hex(make(now=now, actor=actor).public_key())
