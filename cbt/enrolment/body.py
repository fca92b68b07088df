"""Who the body is: read by everything that is printed in its name, changed by an administrator."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.errors import Conflict, InvalidInput
from cbt.http.form_values import one_line, required
from cbt.rules.publicity import DAYS, MOST_DAYS
from cbt.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class BodyDetails:
    """What stands for the body on paper, and how long it shows results before it releases them (R-90).

    An installation is nobody's until an administrator says whose it is.
    """

    name: str = ""
    address: str = ""
    phone: str = ""
    website: str = ""
    look_up: str = ""
    publicity_days: int = DAYS


def body(session: Session) -> BodyDetails:
    row = session.get(AssessmentBody, ONLY)
    if row is None:
        return BodyDetails()
    return BodyDetails(row.name, row.address, row.phone, row.website, row.look_up, row.publicity_days)


def issuing_body(session: Session) -> BodyDetails:
    """Return in whose name a paper is issued; raise Conflict("body.unset") while that is nobody's."""
    details = body(session)
    if not details.name:
        raise Conflict("body.unset")
    return details


def change_body(wanted: BodyDetails, *, now: datetime, actor: str) -> None:
    """Say who the body is; what was printed before keeps what it said.

    Raise InvalidInput("body.name"|"body.website"|"body.look_up"|"body.days"|"body.too_long"|"text.unseen").
    """
    website = one_line(wanted.website, "website")
    if website and not _leads_somewhere(website):
        raise InvalidInput("body.website", field="website")
    if not 0 <= wanted.publicity_days <= MOST_DAYS:
        raise InvalidInput("body.days", field="publicity_days", maximum=MOST_DAYS)
    checked = BodyDetails(
        name=required(wanted.name, "body.name", "name"),
        address=_short(wanted.address, "address", 200),
        phone=_short(wanted.phone, "phone", 40),
        website=_short(website, "website", 200),
        look_up=_page_of_look_ups(wanted.look_up),
        publicity_days=wanted.publicity_days,
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


def _page_of_look_ups(text: str) -> str:
    """Return the address of a page, behind which a QR puts `#` and its statement; or an empty text."""
    address = _short(text, "look_up", 120)
    if address and (not _leads_somewhere(address) or "#" in address or "@" in urlsplit(address).netloc):
        raise InvalidInput("body.look_up", field="look_up")
    return address


def _leads_somewhere(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _short(text: str, field: str, most: int) -> str:
    plain = one_line(text, field)
    if len(plain) > most:
        raise InvalidInput("body.too_long", field=field, maximum=most)
    return plain
