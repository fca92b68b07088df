"""The terms for which records are kept (保管年限), and their change, shorter ones by two people.

Source: R-62, R-95.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Result,
    Second,
    Wanted,
    claim,
    countersigned,
    put_result,
)
from cbt.accounts.models import Approval
from cbt.audit.chain import record
from cbt.errors import InvalidInput
from cbt.http.auth.login import Principal
from cbt.http.form_values import whole_number
from cbt.retention.models import ONLY, RetentionTerms
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.retention import ELECTRONIC_YEARS, MOST_YEARS, PAPER_YEARS, takes_two
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import unit_of_work

KINDS = ("electronic", "paper")
SUBJECT = f"retention_terms:{ONLY}"
COUNTERSIGNERS = frozenset({Role.OFFICER})
"""Who approves terms shorter than the rule's: those who ask for the destructions that follow from them."""


@dataclass(frozen=True, slots=True)
class KeptYears:
    """So many years electronic records and paper are kept."""

    electronic: int = ELECTRONIC_YEARS
    paper: int = PAPER_YEARS

    def of(self, kind: str) -> int:
        """Return the years of a kind."""
        return self.electronic if kind == "electronic" else self.paper

    def takes_two(self, wanted: KeptYears) -> bool:
        """Return whether changing these to `wanted` takes two people. Source: R-62, R-95."""
        return takes_two(self.electronic, wanted.electronic, least=ELECTRONIC_YEARS) or takes_two(
            self.paper, wanted.paper, least=PAPER_YEARS
        )

    def told(self) -> dict[str, int]:
        """Return them as the log has them."""
        return {"electronic_years": self.electronic, "paper_years": self.paper}


def kept_years(session: Session) -> KeptYears:
    """Return how long records are kept."""
    row = session.get(RetentionTerms, ONLY)
    return KeptYears() if row is None else KeptYears(row.electronic, row.paper)


def typed_years(electronic: str, paper: str) -> KeptYears:
    """Return the years somebody typed; raise InvalidInput("retention.years") at the one that is none."""
    years = {}
    for kind, text in zip(KINDS, (electronic, paper), strict=True):
        number = whole_number(text.strip(), most=MOST_YEARS)
        if not number:
            raise InvalidInput("retention.years", field=kind, maximum=MOST_YEARS)
        years[kind] = number
    return KeptYears(**years)


def change_terms(wanted: KeptYears, *, first: Principal, second: Second | None, now: datetime) -> None:
    """Say how long records are kept; shorter than the rule's own term takes two.

    Raise SecondNeeded then, Conflict("approval.changed") when the terms are no longer those that were to change.

    Source: R-62, R-95.
    """
    with unit_of_work() as session:
        claim(session, second, now=now)
        before = kept_years(session)
        if second is not None or before.takes_two(wanted):
            countersigned(second, roles=COUNTERSIGNERS, seen=seen_change(before, wanted))
        if before != wanted:
            session.merge(RetentionTerms(id=ONLY, **asdict(wanted)))
            after: dict[str, object] = {**wanted.told()}
            if second is not None:
                after["second"] = f"staff:{second.ref}"
            record(
                session,
                at=now,
                actor=first.logged_as,
                act="retention.terms",
                subject=SUBJECT,
                before=before.told(),
                after=after,
            )
        put_result(session, second, wanted.told())


def seen_change(before: KeptYears, wanted: KeptYears) -> str:
    """Return what names one change of the terms."""
    return digest(canonical_json([before.told(), wanted.told()]))


KIND = "terms"


def wish_for(before: KeptYears, wanted: KeptYears) -> ApprovalWish:
    """Return the request to keep records for `wanted` years."""
    changes = ((kind, before.of(kind), wanted.of(kind)) for kind in KINDS)
    return ApprovalWish(
        kind=KIND,
        act="terms",
        subject=SUBJECT,
        place=str(_("retention.title")),
        params=canonical_json(asdict(wanted)),
        preview=tuple(
            (f"retention.terms.{kind}", "text", f"{old} → {new}") for kind, old, new in changes if old != new
        ),
    )


def _wanted(_session: Session, approval: Approval) -> Wanted:
    return Wanted(frozenset(approval.roles.split(",")))


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    change_terms(KeptYears(**json.loads(approval.params)), first=first, second=second, now=now)


def _said(_approval: Approval, _result: Result) -> str:
    return str(_("retention.terms.saved"))


def _home(_approval: Approval) -> str:
    return flask.url_for("retention.retention")


TERMS = ApprovalKind(KIND, _wanted, _carry_out, _said, _home)
