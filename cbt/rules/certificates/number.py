"""证书编号: the 22 characters of a certificate's number, and the next of a series without gaps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cbt.errors import Conflict, InvalidInput

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
