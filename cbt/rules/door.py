"""The door: names and documents, late arrivals, whom a scan names, kiosk browsers, who waits and asks again."""

from __future__ import annotations

import hashlib
import plistlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from hmac import compare_digest
from zlib import crc32

from cbt.rules.exam import Paper

DOCUMENT_TYPES = (
    "resident_id",
    "temporary_resident_id",
    "social_security_card",
    "driving_licence",
    "student_card",
    "passport",
    "officer_card",
    "soldier_card",
    "hk_macao_taiwan_permit",
    "hk_macao_taiwan_residence_permit",
    "foreign_permanent_residence_card",
)
QUERY_ABOUT = ("name", "document", "photo", "paper", "seat", "other")
"""What a candidate may say is wrong with what the confirmation page shows (信息有误, R-14)."""
LONGEST_QUERY = 100
ABSENT_CAUSES = ("not_arrived", "late", "document_mismatch", "gave_up")

SIGN_IN_CODE_LIFE = timedelta(minutes=10)
BETWEEN_SITTINGS = timedelta(minutes=15)

# What NFKC leaves of the dots people type in a name: · • ． ‧ ・ ∙ ⋅
_DOTS = str.maketrans(dict.fromkeys("•.‧・∙⋅", "·"))
# From the radicals on nothing is written in words with blanks between them.
_CHINESE = 0x2E80
# Characters that pass for the check digit X: multiplication sign, Greek, Cyrillic.
_CHECK_X = ("×", "Χ", "Х")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK_DIGITS = "10X98765432"

Span = tuple[datetime, datetime]


def same_name(a: str, b: str) -> bool:
    """Return whether two spellings are one name: after NFKC, without spaces, every kind of dot equal.

    Source: R-10.
    """
    return plain_name(a) == plain_name(b)


def written_name(text: str) -> str:
    """Return a name as it is kept: blanks that set Chinese characters apart (张　三) go, one stays between words.

    Source: R-10.
    """
    name = ""
    for word in text.split():
        together = name and ord(name[-1]) >= _CHINESE and ord(word[0]) >= _CHINESE
        name += word if together or not name else f" {word}"
    return name


def normalise_document(number: str) -> str:
    """Return a document number as it is compared: NFKC, upper case, no spaces, a trailing X made Latin.

    Source: R-14.
    """
    plain = "".join(unicodedata.normalize("NFKC", number).split()).upper()
    return plain[:-1] + "X" if plain.endswith(_CHECK_X) else plain


def last_six(document: str) -> str:
    """Return what a candidate types to sign in: the end of the registered number. Source: R-14."""
    return normalise_document(document)[-6:]


def valid_resident_id(number: str) -> bool:
    """Return whether a text is a resident identity number: 18 places, a real date, the right check digit.

    The check is GB 11643: weights over the first 17 digits, modulo 11.

    Source: R-10.
    """
    plain = normalise_document(number)
    digits, check = plain[:17], plain[17:]
    if len(digits) != 17 or not (digits.isascii() and digits.isdigit()):
        return False
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=True))
    return check == _ID_CHECK_DIGITS[total % 11]


def mask_document(number: str) -> str:
    """Return a document number for showing: its first three and last two characters, the rest starred.

    The last six sign a candidate in, so most of them stay covered; a short number shows only its last.

    Source: R-14.
    """
    plain = normalise_document(number)
    if len(plain) < 8:
        return "*" * (len(plain) - 1) + plain[-1:]
    return plain[:3] + "*" * (len(plain) - 5) + plain[-2:]


_NUMBER_IN_A_NAME = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9]{17}[0-9Xx]|[0-9]{15}|[A-Za-z]{1,2}[0-9]{7,10})(?![0-9A-Za-z])"
)


def masked_file_name(name: str) -> str:
    """Return what a file is called with the numbers of documents in it masked, as people see it on a page.

    Photos are called by the numbers of their owners. What can be the number of a document of any kind is masked.

    Source: R-14.
    """
    return _NUMBER_IN_A_NAME.sub(lambda found: mask_document(found[0]), name)


def is_late(arrived_at: datetime, *, cutoff_at: datetime) -> bool:
    """Return whether an arrival is barred: 以上 includes the number itself, so one on the minute is late.

    Only the arrival counts, never when somebody signs in or returns. The cutoff is worked out
    by clock.py (`late_cutoff_at`), of the blueprint's `late_limit` and `late_from` (exam.py, AdmissionPolicy).

    Source: R-11.
    """
    return arrived_at >= cutoff_at


def overlaps(a: Span, b: Span) -> bool:
    """Return whether two spans (start, end) share an instant; touching ones do not. Source: R-7."""
    return a[0] < b[1] and b[0] < a[1]


def too_close(a: Span, b: Span, *, minimum: timedelta = BETWEEN_SITTINGS) -> bool:
    """Return whether less than `minimum` lies between two spans, overlapping ones included.

    The ends are the longest individual deadlines.

    Source: R-7.
    """
    return max(a[0], b[0]) - min(a[1], b[1]) < minimum


def plain_name(name: str) -> str:
    """Return a name as it is compared: after NFKC, without blanks, every kind of dot the same. Source: R-10."""
    return "".join(unicodedata.normalize("NFKC", name).split()).translate(_DOTS)


LONGEST = 200
"""What a reader types of one card is shorter; the rest is left unread."""
_IDENTITY = re.compile(r"(?<![0-9])[0-9]{17}[0-9X](?![0-9A-Z])")
_SEAT_DIGITS = 3
_TICKET_TAIL = 4
_DOCUMENT = re.compile(r"(?=.*[0-9])[A-Z0-9()]{6,20}")


class ScanKind(StrEnum):
    """What a line names somebody by."""

    NOTHING = "nothing"
    TICKET = "ticket"
    DOCUMENT = "document"
    SEAT = "seat"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Scan:
    """A line as it was read: by what it names somebody, and that."""

    kind: ScanKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class AtSeat:
    """Somebody who is expected in the room."""

    ref: str
    name: str
    ticket: str
    number: int
    """Of their seat."""


def read_scan(line: str) -> Scan:
    """Read what was scanned or typed.

    A number of 18 places with its right check digit is a card, whatever the reader types around it. Up to three
    digits are a seat, more of them a ticket or its end; letters with digits are another document's number; the rest
    is a name.

    Source: R-10, R-11.
    """
    plain = unicodedata.normalize("NFKC", line[:LONGEST]).strip()
    if not plain:
        return Scan(ScanKind.NOTHING)
    for number in _IDENTITY.findall(plain.upper()):
        if valid_resident_id(number):
            return Scan(ScanKind.DOCUMENT, number)
    joined = normalise_document(plain)
    if joined.isascii() and joined.isdigit():
        if len(joined) <= _SEAT_DIGITS:
            return Scan(ScanKind.SEAT, str(int(joined)))
        return Scan(ScanKind.TICKET, joined)
    if _DOCUMENT.fullmatch(joined):
        return Scan(ScanKind.DOCUMENT, joined)
    return Scan(ScanKind.NAME, plain)


def named_by(scan: Scan, people: Iterable[AtSeat]) -> tuple[str, ...]:
    """Return the refs of whom a scan names, in the order given; of a document nothing is known here.

    Who is named exactly comes alone: the end of a ticket and a part of a name count where nobody is. Letters with
    digits that are no document of the room may be a part of a name.

    Source: R-10.
    """
    here = tuple(people)
    match scan.kind:
        case ScanKind.SEAT:
            return tuple(one.ref for one in here if one.number == int(scan.value))
        case ScanKind.TICKET:
            exact = tuple(one.ref for one in here if one.ticket == scan.value)
            ends = len(scan.value) >= _TICKET_TAIL
            return exact or tuple(one.ref for one in here if ends and one.ticket.endswith(scan.value))
        case ScanKind.NAME | ScanKind.DOCUMENT:
            wanted = plain_name(scan.value).casefold()
            names = [(one.ref, plain_name(one.name).casefold()) for one in here]
            exact = tuple(ref for ref, name in names if name == wanted)
            return exact or tuple(ref for ref, name in names if wanted and wanted in name)
        case _:
            return ()


# The file of a kiosk browser (Safe Exam Browser), and how a server knows that a page was asked for with
# that file.
#
# The file is a plain property list. Its Config Key is the SHA-256, in lower-case hexadecimal, of the
# settings as JSON
# without white space and without escapes, sorted by their names whatever their case, less
# `originatorVersion` and
# empty dictionaries; a request carries the SHA-256 of its URL, without a fragment, followed by that key.
#
# Source: R-42.

HEADER = "X-SafeExamBrowser-ConfigKeyHash"
Value = str | int | bool | list["Value"] | dict[str, "Value"]
Settings = Mapping[str, Value]


def settings_for(origin: str) -> Settings:
    """Return the settings of a browser that shows the exam at `origin` and nothing else.

    Cookies and storage stay over a restart: a machine is known by its cookie, and what was not delivered waits in
    its storage.
    """
    host = origin.partition("//")[2]
    return {
        "originatorVersion": "cbt",
        "sebConfigPurpose": 0,
        "startURL": f"{origin}/",
        "sendBrowserExamKey": True,
        "examSessionClearCookiesOnStart": False,
        "examSessionClearCookiesOnEnd": False,
        "removeBrowserProfile": False,
        "URLFilterEnable": True,
        "URLFilterRules": [{"action": 1, "active": True, "expression": f"{host}/*", "regex": False}],
        "allowPreferencesWindow": False,
        "allowSpellCheck": False,
        "allowSwitchToApplications": False,
        "browserWindowAllowReload": True,
        "enableRightMouse": False,
        "enableZoomPage": True,
        "newBrowserWindowByLinkPolicy": 0,
        "showReloadButton": True,
        "showTaskBar": True,
        "showTime": True,
        "allowQuit": True,
    }


def file_of(settings: Settings) -> bytes:
    return plistlib.dumps(dict(settings), sort_keys=True)


def seb_json(value: Value | Settings) -> str:
    """Return a value as the text whose digest is the Config Key."""
    if isinstance(value, Mapping):
        pairs = sorted(value.items(), key=lambda pair: (pair[0].casefold(), pair[0]))
        kept = [(name, one) for name, one in pairs if one != {}]
        return "{" + ",".join(f'"{name}":{seb_json(one)}' for name, one in kept) + "}"
    if isinstance(value, list):
        return f"[{','.join(seb_json(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else f'"{value}"'


def config_key(settings: Settings) -> str:
    values = {name: value for name, value in settings.items() if name != "originatorVersion"}
    return hashlib.sha256(seb_json(values).encode()).hexdigest()


def matches(header: str, url: str, key: str) -> bool:
    """Return whether what a request says of itself is that of a browser with this key at this URL."""
    expected = hashlib.sha256((url.partition("#")[0] + key).encode()).hexdigest()
    return compare_digest(header.strip().lower().encode(), expected.encode())


# The waiting room: when whoever waits is to ask again, and when each opens the paper of a room that began.
#
# Source: R-20.

OPENINGS_PER_SECOND = 1000
"""Papers that a server surely opens in a second: where fewer begin together, nobody waits for the others."""
LATELY = timedelta(seconds=5)
"""Rooms that began within so long begin together."""
_ASKING = (
    (timedelta(minutes=10), timedelta(seconds=10)),
    (timedelta(minutes=2), timedelta(seconds=5)),
)
"""With more time left than the first, whoever waits asks again after the second."""
_SOON = timedelta(seconds=2)
_LEAST, _RANGE = 0.8, 0.4


def share_of(ref: str) -> float:
    """Return where somebody stands among all who begin, from 0 to 1: always the same, and evenly spread."""
    return crc32(ref.encode()) / 2**32


def asks_again_after(left: timedelta, share: float) -> timedelta:
    """Return after how long a page that cannot wait asks again, with so much time `left` to the planned start.

    A room may begin early, so it is never long; `share`, from 0 to 1, spreads the pages by a fifth to either side.

    Source: R-20.
    """
    pause = next((pause for more_than, pause in _ASKING if left > more_than), _SOON)
    return pause * (_LEAST + _RANGE * share)


def opening_span(people: int, *, most: timedelta) -> timedelta:
    """Return over how long the opening is spread when so many begin together; `most` is the installation's.

    Source: R-20.
    """
    return min(most, timedelta(seconds=1) * people / OPENINGS_PER_SECOND)


def opens_after(started_at: datetime, *, now: datetime, share: float, span: timedelta) -> timedelta:
    """Return after how long this candidate's page opens the paper: nothing for whoever comes when it is time.

    The room's clock runs from its start for everybody (R-20, R-22), so nobody waits longer than the span.

    Source: R-20.
    """
    return min(span, max(timedelta(), started_at + span * share - now))


def paper_span(start_at: datetime, paper: Paper, *, factor: Decimal, extra: timedelta) -> Span:
    """Return when a paper runs for one candidate, their accommodation included (R-30)."""
    ratio = Fraction(factor)
    length = paper.duration * ratio.numerator / ratio.denominator + extra
    return start_at, start_at + length
