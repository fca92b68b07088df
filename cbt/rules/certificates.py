"""Certificates: what stands in the way of one, its number, its signed statement, and its look-up record.

A published site answers a look-up by a record that only its asker can find and read. Everything follows from
what the asker types. It is stretched (PBKDF2-HMAC-SHA256, which every browser has), and from the stretched
key come the name of the record and the key that seals it (HMAC-SHA256, AES-256-GCM). All records are of one
size. The stretched key of a certificate never changes: it is made once, at issue, and kept, so that
publishing many does not stretch anew.

Source: R-93, R-94.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cbt.errors import Conflict, InvalidInput, NotFound
from cbt.rules.door import normalise_document, plain_name
from cbt.rules.exam import RetakePolicy
from cbt.rules.retake import Overall, PaperResult, overall


class IssueObstacle(StrEnum):
    """Why there is no certificate yet: 未合格, 已过补考期, 公示未满, 异议未结, 违纪未裁决, 复核未结, 已发证."""

    NOT_QUALIFIED = "not_qualified"
    WINDOW_OVER = "window_over"
    PUBLICITY = "publicity"
    OBJECTION = "objection"
    RULING = "ruling"
    APPEAL = "appeal"
    ISSUED = "issued"


@dataclass(frozen=True, slots=True)
class OpenMatters:
    """What is not decided about a candidate's results of a level, and whether they have a certificate of it."""

    publicity_over: bool
    objections: int = 0
    rulings: int = 0
    appeals: int = 0
    issued: bool = False


def issue_obstacles(
    papers: Sequence[str],
    results: Iterable[PaperResult],
    matters: OpenMatters,
    *,
    on: date,
    policy: RetakePolicy,
) -> tuple[IssueObstacle, ...]:
    """Return everything that keeps a certificate from being issued on a day; nothing where it can be.

    All papers have to be passed within one window, as `overall` of the retakes says.

    Source: R-4, R-93.
    """
    verdict = overall(papers, results, on=on, policy=policy)
    obstacles = {
        IssueObstacle.NOT_QUALIFIED: verdict not in (Overall.QUALIFIED, Overall.WINDOW_OVER),
        IssueObstacle.WINDOW_OVER: verdict is Overall.WINDOW_OVER,
        IssueObstacle.PUBLICITY: not matters.publicity_over,
        IssueObstacle.OBJECTION: matters.objections > 0,
        IssueObstacle.RULING: matters.rulings > 0,
        IssueObstacle.APPEAL: matters.appeals > 0,
        IssueObstacle.ISSUED: matters.issued,
    }
    return tuple(obstacle for obstacle, stands in obstacles.items() if stands)


LENGTH = 22
LAST_SEQUENCE = 999_999
_PARTS = re.compile(r"([YS])(\d{4})(\d{2})(\d{6})(\d{2})(\d)(\d{6})", re.ASCII)
_CENTURY = 2000


class NumberFault(StrEnum):
    """What is wrong with a number: too short or long, no Y or S first, something that is no digit, no sequence."""

    LENGTH = "length"
    KIND = "kind"
    DIGIT = "digit"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class NumberFlaw:
    """A fault and the place (from 1) where it shows; of a wrong length, how many characters there are."""

    fault: NumberFault
    place: int


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """What the numbers of one body, year and level share; each part is configured.

    `kind` is Y for an employer and S for a 社评组织, `body` is 0000 if filed with the province, 上海 is `province`
    31, `site` the sequence of the body or its site.

    Source: R-93.
    """

    kind: Literal["Y", "S"]
    body: str
    province: str
    site: str
    year: int
    level: str

    def number(self, sequence: int) -> str:
        """Return a number of the series, from 1 on.

        Raise InvalidInput("certificate.series") where a part does not have its digits, and
        Conflict("certificate.series_spent") past 999999.
        """
        if sequence > LAST_SEQUENCE:
            raise Conflict("certificate.series_spent", year=self.year, level=self.level)
        head = f"{self.kind}{self.body}{self.province}{self.site}{self.year - _CENTURY:02}{self.level}"
        number = f"{head}{sequence:06}"
        if number_flaw(number) is not None or series_of(number) != self:
            raise InvalidInput("certificate.series")
        return number


def normalise_number(text: str) -> str:
    """Return a number as it is kept and compared: NFKC, upper case, without blanks and hyphens."""
    return "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "").upper()


def number_flaw(text: str) -> NumberFlaw | None:
    """Return what is wrong with a number as it was typed, None where nothing is. Source: R-93."""
    number = normalise_number(text)
    if len(number) != LENGTH:
        return NumberFlaw(NumberFault.LENGTH, len(number))
    if number[0] not in "YS":
        return NumberFlaw(NumberFault.KIND, 1)
    for place, digit in enumerate(number[1:], 2):
        if not (digit.isascii() and digit.isdigit()):
            return NumberFlaw(NumberFault.DIGIT, place)
    return NumberFlaw(NumberFault.SEQUENCE, 17) if number.endswith("000000") else None


def series_of(number: str) -> NumberSeries:
    """Return the series of a number; raise InvalidInput("certificate.number") for what is none."""
    return _parts(number)[0]


def sequence_of(number: str) -> int:
    """Return the sequence of a number; raise InvalidInput("certificate.number") for what is none."""
    return _parts(number)[1]


def next_number(series: NumberSeries, last: str | None) -> str:
    """Return the number after the last of its series, the first where there is none.

    Raise as `NumberSeries.number`, and InvalidInput("certificate.series") where the last is of another series.

    Source: R-93.
    """
    if last is None:
        return series.number(1)
    if series_of(last) != series:
        raise InvalidInput("certificate.series")
    return series.number(sequence_of(last) + 1)


def gaps(series: NumberSeries, numbers: Iterable[str]) -> list[str]:
    """Return the numbers that a register of a series lacks below its last. Source: R-93."""
    there = {sequence_of(number) for number in numbers}
    return [series.number(one) for one in range(1, max(there, default=0)) if one not in there]


def grouped(number: str) -> str:
    """Return a number in groups, for people who read it aloud: S 0000 31 000001 26 3 000001."""
    match = _PARTS.fullmatch(number)
    return " ".join(match.groups()) if match else number


def _parts(number: str) -> tuple[NumberSeries, int]:
    match = _PARTS.fullmatch(normalise_number(number))
    if match is None:
        raise InvalidInput("certificate.number")
    kind, body, province, site, year, level, sequence = match.groups()
    series = NumberSeries("Y" if kind == "Y" else "S", body, province, site, _CENTURY + int(year), level)
    return series, int(sequence)


# What a certificate says, in few bytes of one spelling: what is signed, and what its QR carries.
#
# A version, then the number, the day of issue, and four texts with their lengths. Only what is printed.

VERSION = 1
MOST_BYTES = 255
"""Of each text."""
_NUMBER, _DAY = 9, 3
_DIGITS = 21
_HEAD = 1 + _NUMBER + _DAY


@dataclass(frozen=True, slots=True)
class CertificateStatement:
    """What the print shows: the number, whose it is, which document of theirs, for what, since when.

    `document` is the number of the document as it is printed, masked where the print masks it. The body that issued
    it is known by its key.

    Source: R-93, R-94.
    """

    number: str
    name: str
    document: str
    occupation: str
    level: str
    issued_on: date


def encoded(statement: CertificateStatement) -> bytes:
    """Return the bytes of a statement. Raise InvalidInput("certificate.number"), ("certificate.text_long").

    Source: R-93.
    """
    if number_flaw(statement.number) is not None or len(statement.number) != _DIGITS + 1:
        raise InvalidInput("certificate.number")
    number = int(statement.number[1:]) + (10**_DIGITS if statement.number[0] == "S" else 0)
    head = (
        bytes([VERSION])
        + number.to_bytes(_NUMBER, "big")
        + statement.issued_on.toordinal().to_bytes(_DAY, "big")
    )
    return head + b"".join(
        map(_text, (statement.name, statement.document, statement.occupation, statement.level))
    )


def decoded(body: bytes) -> CertificateStatement:
    """Return what bytes say; raise InvalidInput("certificate.unreadable") for all but what `encoded` writes."""
    try:
        number = int.from_bytes(body[1 : 1 + _NUMBER], "big")
        kind, digits = ("S", number - 10**_DIGITS) if number >= 10**_DIGITS else ("Y", number)
        issued_on = date.fromordinal(int.from_bytes(body[1 + _NUMBER : _HEAD], "big"))
        name, document, occupation, level = _texts(body[_HEAD:])
        statement = CertificateStatement(f"{kind}{digits:021}", name, document, occupation, level, issued_on)
        if encoded(statement) == body:
            return statement
    except (ValueError, InvalidInput):
        pass
    raise InvalidInput("certificate.unreadable")


def _text(text: str) -> bytes:
    body = text.encode()
    if len(body) > MOST_BYTES:
        raise InvalidInput("certificate.text_long", most=MOST_BYTES)
    return bytes([len(body)]) + body


def _texts(body: bytes) -> list[str]:
    texts = []
    while body:
        texts.append(body[1 : 1 + body[0]].decode())
        body = body[1 + body[0] :]
    return texts


CONTEXT = b"cbt certificate statement\x00"
"""Stands before what is signed, so that the signature of anything else is none of a certificate."""
KEY_ID, SIGNATURE = 4, 64
MARK = "CBT-CERT:"
"""Begins the text of a QR that leads to no page."""


def key_id(public: bytes) -> bytes:
    """Return the few bytes by which a statement says which key signed it."""
    return hashlib.sha256(public).digest()[:KEY_ID]


def signed(statement: CertificateStatement, key: Ed25519PrivateKey) -> bytes:
    """Return a statement with the id of its key and its signature; the same each time. Raise as `encoded`.

    Source: R-93.
    """
    body = encoded(statement) + key_id(key.public_key().public_bytes_raw())
    return body + key.sign(CONTEXT + body)


def verified(sent: bytes, publics: Iterable[bytes]) -> CertificateStatement:
    """Return what a signed statement says, if one of these public keys (32 bytes each) signed it.

    Raise NotFound("certificate.key_unknown") where it is of another key, InvalidInput("certificate.forged") where
    the signature is not its own, InvalidInput("certificate.unreadable") for what is no statement.

    Source: R-93, R-94.
    """
    body, signature = sent[:-SIGNATURE], sent[-SIGNATURE:]
    statement = decoded(body[:-KEY_ID])
    keys = [public for public in publics if key_id(public) == body[-KEY_ID:]]
    if not keys:
        raise NotFound("certificate.key_unknown", key=body[-KEY_ID:].hex())
    for public in keys:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, CONTEXT + body)
        except InvalidSignature:
            continue
        return statement
    raise InvalidInput("certificate.forged")


def qr_text(sent: bytes, address: str = "") -> str:
    """Return what a certificate's QR says: an address with the statement behind its #, or the statement alone.

    What stands behind a # no browser sends to a server, so that the statement is in nobody's log.
    """
    text = base64.urlsafe_b64encode(sent).decode().rstrip("=")
    return f"{address}#{text}" if address else f"{MARK}{text}"


def of_qr(text: str) -> bytes:
    """Return the signed statement that a QR's text carries; raise InvalidInput("certificate.unreadable")."""
    plain = "".join(text.split())
    _, mark, carried = plain.partition(MARK if plain.startswith(MARK) else "#")
    try:
        sent = base64.b64decode(carried + "=" * (-len(carried) % 4), altchars=b"-_", validate=True)
    except ValueError:
        sent = b""
    if not mark or len(sent) <= KEY_ID + SIGNATURE:
        raise InvalidInput("certificate.unreadable")
    return sent


ITERATIONS = 600_000
SALT = 16
NONCE = 12
BLOCK = 256
"""Sizes of records are multiples of it, before they are sealed."""
_PREFIX = 4
_RECORD, _SEAL, _NONCE = b"cbt look-up record", b"cbt look-up seal", b"cbt look-up nonce"


@dataclass(frozen=True, slots=True)
class KeyStretch:
    """How hard a site makes guessing: its salt (16 bytes, public) and the count of the stretching."""

    salt: bytes
    iterations: int = ITERATIONS


def look_up_name(name: str) -> str:
    """Return a name as it is stretched: as names compare (NFKC, no blanks, one dot), in upper case."""
    return plain_name(name).upper()


def look_up_number(number: str) -> str:
    """Return a certificate's or a document's number as it is stretched; a certificate's may be typed in groups."""
    plain = normalise_document(number)
    together = plain.replace("-", "")
    return together if len(together) == LENGTH and together[0] in "YS" else plain


def stretched(number: str, name: str, stretch: KeyStretch) -> bytes:
    """Return the key (32 bytes) that a number and a name make. Source: R-94."""
    typed = f"{look_up_number(number)}\n{look_up_name(name)}".encode()
    return hashlib.pbkdf2_hmac("sha256", typed, stretch.salt, stretch.iterations)


def record_ref(key: bytes) -> str:
    """Return the name of a record, which says nothing without the key: 32 hexadecimal characters. Source: R-94."""
    return _derived(key, _RECORD)[:16].hex()


def record_size(contents: Iterable[bytes]) -> int:
    """Return the one size to which all of these are filled up, so that none shows by its length what it says."""
    longest = max(map(len, contents), default=0) + _PREFIX
    return -(-longest // BLOCK) * BLOCK


def sealed(content: bytes, key: bytes, size: int) -> bytes:
    """Return a record: a nonce and the content, filled up to `size` and sealed. Written again it is the same.

    The nonce follows from the content, so that one is never used for two. Raise InvalidInput("certificate.record").

    Source: R-94.
    """
    if len(content) + _PREFIX > size:
        raise InvalidInput("certificate.record")
    filled = len(content).to_bytes(_PREFIX, "big") + content + bytes(size - _PREFIX - len(content))
    nonce = _derived(key, _NONCE + filled)[:NONCE]
    return nonce + AESGCM(_derived(key, _SEAL)).encrypt(nonce, filled, record_ref(key).encode())


def opened(record: bytes, key: bytes) -> bytes:
    """Return the content of a record; raise InvalidInput("certificate.record") for one that is not of this key."""
    try:
        filled = AESGCM(_derived(key, _SEAL)).decrypt(
            record[:NONCE], record[NONCE:], record_ref(key).encode()
        )
    except (InvalidTag, ValueError) as error:
        raise InvalidInput("certificate.record") from error
    return filled[_PREFIX : _PREFIX + int.from_bytes(filled[:_PREFIX], "big")]


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, "sha256")
