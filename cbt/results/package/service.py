"""Use cases of the package: what one would hold, and one written, signed and put on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from cbt.accounts.store import actor_names
from cbt.audit import chain
from cbt.errors import Conflict
from cbt.results import store
from cbt.results.package import members
from cbt.results.package import signature as signing
from cbt.results.package.container import (
    FORMAT,
    MANIFEST,
    MOST_BYTES,
    MOST_MEMBERS,
    SIGNATURE,
    PackageManifest,
    listed,
    pack,
    signed_text,
    text_of,
)
from cbt.results.package.members import at, members_of, slice_of
from cbt.results.sheet.figures import SittingFigures, figures_of
from cbt.results.sheet.sitting import sheet_of
from cbt.sittings.models import Batch, Centre, Sitting
from cbt.storage.unit_of_work import reading, unit_of_work

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
        """The name of its file: the sitting, and where the log ended."""
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
        found = members.past_packages(session, sitting_ref, limit=PAST)
        names = actor_names(session, {one.actor for one in found})
        past = [
            PastPackage(one.at, names.get(one.actor, one.actor), str(json.loads(one.after)["sha256"]))
            for one in found
        ]
        return PackagePage(sheet, past)


def write_package(sitting_ref: str, *, actor: str, now: datetime) -> ResultPackage:
    """Return the signed package of a sitting that is over, and put on record that it was made.

    It is the same, byte for byte, until something about the sitting changes; its signature shows that it is this
    installation's. Raise like `store.finished_sitting` and `signing.signing_key`; Conflict("package.too_large").

    Source: R-64.
    """
    with reading() as session:
        store.finished_sitting(session, sitting_ref)
    key = signing.signing_key(now=now, actor=actor)
    with reading() as session:
        sitting = store.finished_sitting(session, sitting_ref)
        members, manifest = _made(session, sitting, signing.public_hex(key.public_key()))
        session.expunge(sitting)
    text = text_of(manifest)
    signature = key.sign(signed_text(text)).hex().encode()
    long = sum(map(len, members.values()))
    if long > MOST_BYTES * 9 // 10 or len(members) + 2 > MOST_MEMBERS:
        raise Conflict("package.too_large", name=sitting.name, most=MOST_BYTES // 2**20)
    body = pack({MANIFEST: text, SIGNATURE: signature, **members})
    sha256 = hashlib.sha256(body).hexdigest()
    with unit_of_work() as session:
        chain.record(
            session,
            at=now,
            actor=actor,
            act="package.write",
            subject=f"sitting:{sitting.ref}",
            after={"sha256": sha256, "bytes": len(body), "head": manifest.head},
        )
    return ResultPackage(body, sitting, manifest, sha256)


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
