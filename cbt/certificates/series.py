"""The parts of the numbers (证书编号) that are the body's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.certificates.models import ONLY, CertificateParts
from cbt.certificates.store import parts_of
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import InvalidInput
from cbt.rules.certificates.number import NumberSeries

_DIGITS = {"body": 4, "province": 2, "site": 6}


@dataclass(frozen=True, slots=True)
class SeriesForm:
    """What an administrator sets of a number; the notice's province until somebody says otherwise. Source: R-93."""

    kind: str = "S"
    body: str = "0000"
    province: str = "31"
    site: str = ""

    def series(self, year: int, level: str) -> NumberSeries:
        """Return the series of a year and level."""
        kind = cast(Literal["Y", "S"], self.kind)
        return NumberSeries(kind, self.body, self.province, self.site, year, level)


def series_form(session: Session, *, lock: bool = False) -> SeriesForm | None:
    """Return what is set, None before it is."""
    row = parts_of(session, lock=lock)
    return None if row is None else SeriesForm(row.kind, row.body, row.province, row.site)


def set_series(wanted: SeriesForm, *, now: datetime, actor: str) -> None:
    """Set the parts of the numbers from now on; numbers that were given stay.

    Raise InvalidInput("certificate.kind"), ("certificate.digits") at the part that does not have its digits.

    Source: R-93.
    """
    if wanted.kind not in {"Y", "S"}:
        raise InvalidInput("certificate.kind", field="kind")
    for part, digits in _DIGITS.items():
        text = getattr(wanted, part)
        if not (text.isascii() and text.isdigit() and len(text) == digits):
            raise InvalidInput("certificate.digits", field=part, digits=digits)
    with unit_of_work() as session:
        before = series_form(session, lock=True)
        if before == wanted:
            return
        session.merge(CertificateParts(id=ONLY, **asdict(wanted)))
        record(
            session,
            at=now,
            actor=actor,
            act="certificate.series",
            subject="certificate_series:1",
            before=asdict(before) if before else None,
            after=asdict(wanted),
        )
