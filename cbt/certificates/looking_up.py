"""What a look-up answers (证书查询): valid, revoked, or not found, and nothing the print does not show.

Source: R-94.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cbt.certificates import store
from cbt.db.unit_of_work import reading
from cbt.errors import InvalidInput, NotFound, TooMany
from cbt.rules.certificates.lookup import look_up_name
from cbt.rules.certificates.number import LENGTH, normalise_number
from cbt.rules.certificates.signing import of_qr, verified
from cbt.web.who import throttle
from cbt.web.who.machine import Machine

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
    right = store.name_of(number)
    wanted = look_up_name(_NOBODY if right is None else right)
    same = hmac.compare_digest(wanted.encode(), look_up_name(name[:_LONGEST]).encode())
    row = store.by_number(number) if right is not None and same else None
    return found_certificate(row) if row is not None else None


def look_at(text: str, *, machine: Machine, now: datetime) -> FoundCertificate | None:
    """Return the certificate whose QR says this; None for what none of the register's keys signed.

    Raise TooMany as `look_up` does. Source: R-94.
    """
    _count("", machine, now)
    with reading() as session:
        try:
            sent = of_qr(text[:4096])
            said = verified(sent, store.public_keys(session))
        except (InvalidInput, NotFound):
            return None
    row = store.by_number(said.number)
    return found_certificate(row) if row is not None and row.statement == sent else None


def _count(number: str, machine: Machine, now: datetime) -> None:
    mine = machine.guesses_as
    tries = [throttle.Try("verify", "", mine), throttle.look_up_from(machine)]
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
