"""Who the body is: read by everything that is printed in its name, changed by an administrator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.db.unit_of_work import unit_of_work
from cbt.enrolment.body.models import ONLY, AssessmentBody
from cbt.errors import InvalidInput
from cbt.web.texts import one_line, required


@dataclass(frozen=True, slots=True)
class BodyDetails:
    """What stands for the body on paper; the values of the notice until somebody says otherwise (notice 五, 七)."""

    name: str = "上海市商业联合会"
    address: str = "上海市静安区新闸路945号315室"
    phone: str = ""
    website: str = "http://www.sca.org.cn"


def body(session: Session) -> BodyDetails:
    """Return who the body is."""
    row = session.get(AssessmentBody, ONLY)
    return BodyDetails() if row is None else BodyDetails(row.name, row.address, row.phone, row.website)


def change_body(wanted: BodyDetails, *, now: datetime, actor: str) -> None:
    """Say who the body is; what was printed before keeps what it said.

    Raise InvalidInput("body.name"|"body.website"|"body.too_long"|"text.unseen").
    """
    website = one_line(wanted.website, "website")
    if website and urlsplit(website).scheme not in {"http", "https"}:
        raise InvalidInput("body.website", field="website")
    checked = BodyDetails(
        name=required(wanted.name, "body.name", "name"),
        address=_short(wanted.address, "address", 200),
        phone=_short(wanted.phone, "phone", 40),
        website=_short(website, "website", 200),
    )
    with unit_of_work() as session:
        before = body(session)
        if before == checked:
            return
        session.merge(AssessmentBody(id=ONLY, **asdict(checked)))
        record(
            session,
            at=now,
            actor=actor,
            act="body.change",
            subject="body:1",
            before=asdict(before),
            after=asdict(checked),
        )


def _short(text: str, field: str, most: int) -> str:
    plain = one_line(text, field)
    if len(plain) > most:
        raise InvalidInput("body.too_long", field=field, maximum=most)
    return plain
