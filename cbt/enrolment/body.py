"""Who the body is: read by everything that is printed in its name, changed by an administrator.

That results are not shown in public takes two people.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import urlsplit

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Result,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval
from cbt.audit.chain import record
from cbt.enrolment.models import ONLY, AssessmentBody
from cbt.errors import Conflict, InvalidInput
from cbt.http.auth.login import Principal
from cbt.http.form_values import one_line, required
from cbt.rules.appeals import ANSWER_DAYS, APPEAL_DAYS, MOST_APPEAL_DAYS
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.publicity import DAYS, MOST_DAYS
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import unit_of_work


@dataclass(frozen=True, slots=True)
class BodyDetails:
    """What stands for the body on paper, and how long it shows results before it releases them (R-90).

    An installation is nobody's until an administrator says whose it is. `payee`, `payee_bank` and `payee_account`
    are the account into which fees are paid; `whole_numbers` has a certificate show the whole number of a document.
    """

    name: str = ""
    address: str = ""
    phone: str = ""
    website: str = ""
    look_up: str = ""
    publicity_days: int = DAYS
    appeal_days: int = APPEAL_DAYS
    appeal_answer_days: int = ANSWER_DAYS
    payee: str = ""
    payee_bank: str = ""
    payee_account: str = ""
    whole_numbers: bool = False

    @property
    def paid_into(self) -> list[tuple[str, str]]:
        """The account into which fees are paid: the text id of each label, and what it is; or nothing."""
        if not self.payee_account:
            return []
        return [(f"enrolment.body.{name}", getattr(self, name)) for name in PAYEE]


PAYEE = ("payee", "payee_bank", "payee_account")


def body(session: Session) -> BodyDetails:
    row = session.get(AssessmentBody, ONLY)
    if row is None:
        return BodyDetails()
    return BodyDetails(**{name: getattr(row, name) for name in BodyDetails.__dataclass_fields__})


def issuing_body(session: Session) -> BodyDetails:
    """Return in whose name a paper is issued; raise Conflict("body.unset") while that is nobody's."""
    details = body(session)
    if not details.name:
        raise Conflict("body.unset")
    return details


COUNTERSIGNERS: frozenset[str] = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who may be second where results are to be shown in public no more."""
LONGEST_REASON = 300
_ACCOUNT = re.compile(r"[0-9]{8,32}")


def change_body(
    wanted: BodyDetails,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    second: Second | None = None,
) -> None:
    """Say who the body is; what was printed before keeps what it said.

    Raise InvalidInput("body.name"|"body.website"|"body.look_up"|"body.days"|"body.appeal_days"|"body.payee"|
    "body.account"|"body.too_long"|"text.unseen"), and where results are to be shown no more ("body.reason"),
    SecondNeeded, and Conflict("approval.changed") where something else stands there than was approved.

    Source: R-62, R-90.
    """
    checked = _checked(wanted)
    with unit_of_work() as session:
        claim(session, second, now=now)
        before = body(session)
        ends = ends_publicity(before, checked)
        why = required(reason, "body.reason", "reason", limit=LONGEST_REASON) if ends else ""
        after = asdict(checked)
        if second is not None or ends:
            countersigned(second, roles=COUNTERSIGNERS, seen=seen_change(before, checked))
            after["second"] = f"staff:{second.ref}" if second is not None else ""
        if before != checked:
            session.merge(AssessmentBody(id=ONLY, **asdict(checked)))
            record(
                session,
                at=now,
                actor=actor,
                act="body.change",
                subject="body:1",
                reason=why,
                before=asdict(before),
                after=after,
            )
        put_result(session, second, {})


def ends_publicity(before: BodyDetails, wanted: BodyDetails) -> bool:
    """Return whether results would be shown in public no more, which one person alone does not decide."""
    return before.publicity_days > 0 and wanted.publicity_days == 0


def seen_change(before: BodyDetails, wanted: BodyDetails) -> str:
    return digest(canonical_json([asdict(before), asdict(wanted)]))


def _checked(wanted: BodyDetails) -> BodyDetails:
    website = one_line(wanted.website, "website")
    if website and not _leads_somewhere(website):
        raise InvalidInput("body.website", field="website")
    if not 0 <= wanted.publicity_days <= MOST_DAYS:
        raise InvalidInput("body.days", field="publicity_days", maximum=MOST_DAYS)
    for field in ("appeal_days", "appeal_answer_days"):
        if not 1 <= getattr(wanted, field) <= MOST_APPEAL_DAYS:
            raise InvalidInput("body.appeal_days", field=field, maximum=MOST_APPEAL_DAYS)
    name = required(wanted.name, "body.name", "name")
    payee, bank = _short(wanted.payee, "payee", 120), _short(wanted.payee_bank, "payee_bank", 120)
    account = "".join(_short(wanted.payee_account, "payee_account", 40).replace("-", " ").split())
    if account and not _ACCOUNT.fullmatch(account):
        raise InvalidInput("body.account", field="payee_account")
    if bool(account) != bool(bank) or (payee and not account):
        raise InvalidInput("body.payee", field="payee_account" if not account else "payee_bank")
    return BodyDetails(
        name=name,
        address=_short(wanted.address, "address", 200),
        phone=_short(wanted.phone, "phone", 40),
        website=_short(website, "website", 200),
        look_up=_page_of_look_ups(wanted.look_up),
        publicity_days=wanted.publicity_days,
        appeal_days=wanted.appeal_days,
        appeal_answer_days=wanted.appeal_answer_days,
        payee=(payee or name) if account else "",
        payee_bank=bank,
        payee_account=account,
        whole_numbers=wanted.whole_numbers,
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


KIND = "body"


def wish_for(before: BodyDetails, wanted: BodyDetails, reason: str) -> ApprovalWish:
    """Return the request for details with which results are not shown any more."""
    wanted = _checked(wanted)
    return ApprovalWish(
        kind=KIND,
        act="publicity_none",
        subject="body:1",
        place=str(_("enrolment.body.title")),
        params=canonical_json({"wanted": asdict(wanted), "reason": reason}),
        preview=(
            *(
                (f"enrolment.body.{name}", "text", f"{_told(value)} → {_told(getattr(wanted, name))}")
                for name, value in asdict(before).items()
                if value != getattr(wanted, name)
            ),
            ("approval.line.reason", "text", reason.strip()),
        ),
    )


def _told(value: str | int) -> str:
    if isinstance(value, bool):
        return str(_("enrolment.body.yes" if value else "enrolment.body.no"))
    return str(value) if value != "" else "—"


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    asked = json.loads(approval.params)
    wanted = BodyDetails(**asked["wanted"])
    change_body(wanted, now=now, actor=first.logged_as, reason=asked["reason"], second=second)


def _said(_approval: Approval, _result: Result) -> str:
    return str(_("enrolment.body.saved"))


def _home(_approval: Approval) -> str:
    return flask.url_for("enrolment.body.body")


BODY_CHANGES = ApprovalKind(KIND, terms_by_roles, _carry_out, _said, _home)
