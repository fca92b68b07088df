"""The look-up of certificates (证书查询): what it answers, and the site of records that is published.

It answers valid, revoked, or not found, and shows nothing the print does not. The keys of published records
are stretched once, after issue, and kept, so that many are published quickly.

Source: R-94.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import flask
import flask_babel
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import Candidate
from cbt.certificates import register
from cbt.certificates.models import ONLY, Certificate, LookUpKey, LookUpSite
from cbt.confined.priority import done_behind
from cbt.enrolment.body import body
from cbt.errors import Conflict, InvalidInput, NotFound, TooMany, Unavailable
from cbt.http.auth import throttle
from cbt.http.auth.machine import Machine
from cbt.paths import product_dir
from cbt.rules.canonical import canonical_json
from cbt.rules.certificates import (
    ITERATIONS,
    LENGTH,
    SALT,
    KeyStretch,
    look_up_name,
    normalise_number,
    of_qr,
    record_ref,
    record_size,
    sealed,
    stretched,
    verified,
)
from cbt.storage.crypto import DOCUMENT, open_bytes, readable, seal_bytes
from cbt.storage.unit_of_work import reading, unit_of_work

_LONGEST = 60
_NOBODY = "\N{REPLACEMENT CHARACTER}"
"""Stands for the name of a number that nobody has; `right is None` decides, whatever is typed."""


@dataclass(frozen=True, slots=True)
class FoundCertificate:
    """What a look-up shows: what the print does, and whether it stands."""

    number: str
    name: str
    document: str
    occupation: str
    level: str
    issued_on: str
    body: str
    revoked: bool


def look_up(*, number: str, name: str, machine: Machine, now: datetime) -> FoundCertificate | None:
    """Return the certificate of a number if it is this person's; None for every pair that is none, in one way.

    Raise TooMany("certificate.throttled"): tries are counted for a machine, over all numbers and at each, so
    that nobody uses up what another one has, and for its address, which has ten times as many.

    Source: R-14, R-94.
    """
    plain = normalise_number(number[:_LONGEST])[:LENGTH]
    _count(plain, machine, now)
    return answer_of(plain, name)


def answer_of(number: str, name: str) -> FoundCertificate | None:
    """Return the certificate of a plain number if it is this person's.

    Whatever is wrong takes one query for a name and one comparison: a number nobody has is held against a name
    nobody has. Only the right pair is read whole.

    Source: R-94.
    """
    right = register.name_of(number)
    wanted = look_up_name(_NOBODY if right is None else right)
    same = hmac.compare_digest(wanted.encode(), look_up_name(name[:_LONGEST]).encode())
    row = register.by_number(number) if right is not None and same else None
    return found_certificate(row) if row is not None else None


def look_at(text: str, *, machine: Machine, now: datetime) -> FoundCertificate | None:
    """Return the certificate whose QR says this; None for what none of the register's keys signed.

    Raise TooMany as `look_up` does. Source: R-94.
    """
    _count("", machine, now)
    with reading() as session:
        try:
            sent = of_qr(text[:4096])
            signed_statement = verified(sent, register.public_keys(session))
        except (InvalidInput, NotFound):
            return None
    row = register.by_number(signed_statement.number)
    return found_certificate(row) if row is not None and row.statement == sent else None


def _count(number: str, machine: Machine, now: datetime) -> None:
    mine = machine.guesses_as
    tries = [throttle.look_up_by(machine), throttle.look_up_from(machine)]
    if number:
        tries.append(throttle.Try("cert_number", number, mine))
    try:
        throttle.reserve_all(tries, now=now, address=machine.address)
    except TooMany as error:
        raise TooMany("certificate.throttled", **error.params) from error


def found_certificate(row: Any) -> FoundCertificate:
    """Return what a look-up shows of a `Certificate`, or of a row of what `store.by_number` reads. Source: R-94."""
    return FoundCertificate(
        row.number,
        row.name,
        row.document,
        row.occupation,
        row.level,
        row.issued_on.isoformat(),
        row.body_name,
        row.revoked_at is not None,
    )


KEY = "look-up key"
AT_ONCE = 4
"""Certificates whose keys are stretched in one run of the job: a second or two of what others leave, seldom."""


@dataclass(frozen=True, slots=True)
class Unstretched:
    """A certificate that has no key yet; `document` is the whole number, None where it cannot be read."""

    certificate_id: int
    number: str
    name: str
    document: str | None


@dataclass(frozen=True, slots=True)
class LookUpKeys:
    """The keys of a certificate: by its number, and by its holder's document where that could be read."""

    by_number: bytes
    by_document: bytes | None


def stretch_of(session: Session) -> KeyStretch:
    """Return how hard guessing is made for this installation's records; the first who asks draws the salt."""
    site = session.get(LookUpSite, ONLY)
    if site is None:
        site = LookUpSite(id=ONLY, salt=os.urandom(SALT), iterations=ITERATIONS)
        session.add(site)
        session.flush()
    return KeyStretch(site.salt, site.iterations)


def stretch_waiting(*, now: datetime) -> int:
    """Stretch the keys of a few certificates issued since; return of how many.

    `now` is not asked. Source: R-94.
    """
    with reading() as session:
        last = select(func.coalesce(func.max(LookUpKey.certificate_id), 0)).scalar_subquery()
        waiting = _unstretched(session, Certificate.id > last, most=AT_ONCE)
    if not waiting:
        return 0
    with unit_of_work() as session:
        stretch = stretch_of(session)
    made = done_behind(lambda: [(one, keys_of(one, stretch)) for one in waiting])
    keep(made)
    return len(made)


def without_keys(session: Session) -> list[Unstretched]:
    """Return every certificate that has no key, or one of a `personal.key` that is lost."""
    kept = session.execute(select(LookUpKey.certificate_id, LookUpKey.by_number))
    lost = [one for one, sealed in kept if _opened(sealed) is None]
    records = _unstretched(session, Certificate.id.not_in(select(LookUpKey.certificate_id)))
    return records + (_unstretched(session, Certificate.id.in_(lost)) if lost else [])


def _unstretched(
    session: Session, condition: ColumnElement[bool], *, most: int | None = None
) -> list[Unstretched]:
    query = (
        select(Certificate.id, Certificate.number, Certificate.name, Candidate.document_sealed)
        .join(Candidate, Candidate.id == Certificate.candidate_id)
        .where(condition)
        .order_by(Certificate.id)
        .limit(most)
    )
    return [
        Unstretched(one, number, name, readable(sealed, DOCUMENT))
        for one, number, name, sealed in session.execute(query)
    ]


def keys_of(unstretched: Unstretched, stretch: KeyStretch) -> LookUpKeys:
    """Return the keys of a certificate: a second of a core, outside every transaction."""
    by_document = stretched(unstretched.document, unstretched.name, stretch) if unstretched.document else None
    return LookUpKeys(stretched(unstretched.number, unstretched.name, stretch), by_document)


def keep(made: Sequence[tuple[Unstretched, LookUpKeys]]) -> None:
    """Keep the keys of certificates, each sealed; who keeps some beside another waits, and finds the same."""
    sealed = {
        one.certificate_id: (
            seal_bytes(keys.by_number, KEY),
            seal_bytes(keys.by_document, KEY) if keys.by_document else None,
        )
        for one, keys in made
    }
    with unit_of_work() as session:
        session.get_one(LookUpSite, ONLY, with_for_update=True)
        for certificate_id, (by_number, by_document) in sealed.items():
            row = session.get(LookUpKey, certificate_id)
            if row is None:
                row = LookUpKey(certificate_id=certificate_id)
                session.add(row)
            row.by_number, row.by_document = by_number, by_document


def kept_keys(session: Session) -> dict[int, LookUpKeys]:
    """Return the keys of every certificate that has one: certificate id -> keys."""
    keys = {}
    for certificate_id, number, document in session.execute(
        select(LookUpKey.certificate_id, LookUpKey.by_number, LookUpKey.by_document)
    ):
        by_number = _opened(number)
        if by_number is not None:
            keys[certificate_id] = LookUpKeys(by_number, _opened(document) if document is not None else None)
    return keys


def _opened(sealed: bytes) -> bytes | None:
    try:
        return open_bytes(sealed, KEY)
    except Unavailable:
        return None


FORMAT = "cbt-look-up-1"
TOLD = "site.json"
RECORDS = "records"
_KEPT_AT_ONCE = 50
_TOLD_EACH = 500
_SHEETS = ("tokens", "base", "parts", "forms")
"""What the look of the product has of every page."""
_OWN_SHEET, _SCRIPT = "certificates/look_up/site.css", "certificates/look_up/site.js"
_PAGES = (("index", "zh", "en"), ("en", "en", "index"))
"""The pages, the language of each, and the one in the other language."""

Tell = Callable[[str, int, int], None]
"""Is told which step it is (`stretch`, `write`), how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class PublishedSite:
    """What was published: how many certificates, in how many records, and how many files had to be written."""

    certificates: int
    records: int
    written: int


def publish(folder: Path, *, today: date, now: datetime, actor: str, tell: Tell) -> PublishedSite:
    """Write the look-up site of all certificates into a folder, or bring one that is there up to date.

    A record that did not change stays as it is, so that only what is new travels to the web server. Raise
    Conflict("certificate.publish_folder") for a folder with anything else in it.

    Source: R-94.
    """
    _require_ours(folder)
    with unit_of_work() as session:
        stretch, name = stretch_of(session), body(session).name
    _stretch_all(stretch, tell)
    count, contents = _contents()
    size, written, kept = record_size(contents.values()), 0, set()
    for done, (key, content) in enumerate(contents.items(), 1):
        ref = record_ref(key)
        kept.add(ref)
        written += _put(folder / RECORDS / ref[:2] / ref, sealed(content, key, size))
        if done % _TOLD_EACH == 0:
            tell("write", done, len(contents))
    for path, text in _frame(stretch, name, today):
        written += _put(folder / path, text)
    for old in (folder / RECORDS).glob("??/*"):
        if old.name not in kept:
            old.unlink()
    with unit_of_work() as session:
        after = {"certificates": count}
        record(
            session, at=now, actor=actor, act="certificate.publish", subject="certificate_site:1", after=after
        )
    return PublishedSite(count, len(contents), written)


def _require_ours(folder: Path) -> None:
    path = folder / TOLD
    try:
        ours = path.is_file() and json.loads(path.read_bytes())["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        ours = False
    if not ours and any(folder.iterdir()):
        raise Conflict("certificate.publish_folder", path=str(folder))


def _stretch_all(stretch: KeyStretch, tell: Tell) -> None:
    with reading() as session:
        waiting = without_keys(session)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for first in range(0, len(waiting), _KEPT_AT_ONCE):
            piece = waiting[first : first + _KEPT_AT_ONCE]
            keep(list(zip(piece, pool.map(lambda one: keys_of(one, stretch), piece), strict=True)))
            tell("stretch", first + len(piece), len(waiting))


def _contents() -> tuple[int, dict[bytes, bytes]]:
    """Return how many certificates are published, and what each key opens.

    A certificate is found by its number, all of a person by their document. One that was issued meanwhile has no
    key yet: it is there the next time.
    """
    opened: defaultdict[bytes, list[dict[str, object]]] = defaultdict(list)
    with reading() as session:
        keys = kept_keys(session)
        rows = [
            row for row in session.scalars(select(Certificate).order_by(Certificate.id)) if row.id in keys
        ]
        for row in rows:
            facts = asdict(found_certificate(row))
            for key in filter(None, (keys[row.id].by_number, keys[row.id].by_document)):
                opened[key].append(facts)
    return len(rows), {key: canonical_json({"certificates": said}).encode() for key, said in opened.items()}


def _frame(stretch: KeyStretch, body_name: str, today: date) -> Iterator[tuple[str, bytes]]:
    """Yield the files around the records; what tells how to ask comes last, when all is there."""
    static = product_dir("static")
    page = flask.current_app.jinja_env.get_template("certificates/look_up/site.html")
    for name, locale, other in _PAGES:
        with flask_babel.force_locale(locale):
            drawn = page.render(language=locale, other=f"{other}.html", body=body_name, day=today)
        yield f"{name}.html", drawn.encode()
    sheets = [*(static / "ui" / f"{sheet}.css" for sheet in _SHEETS), static / _OWN_SHEET]
    yield Path(_OWN_SHEET).name, b"\n".join(sheet.read_bytes() for sheet in sheets)
    yield Path(_SCRIPT).name, (static / _SCRIPT).read_bytes()
    header = {"format": FORMAT, "salt": stretch.salt.hex(), "iterations": stretch.iterations}
    yield TOLD, canonical_json(header).encode()


def _put(path: Path, content: bytes) -> bool:
    """Write a file whole where it is not so already; say whether it was written."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    arriving = path.with_name(f"{path.name}.part")
    arriving.write_bytes(content)
    arriving.replace(path)
    return True
