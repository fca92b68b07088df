"""保管年限 below the rule's own as a request to a second person.

Source: R-62, R-95.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

import flask
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from cbt.accounts.approvals.kinds import ApprovalKind, Result
from cbt.accounts.approvals.requests import ApprovalWish
from cbt.accounts.approvals.second import Second, Wanted
from cbt.accounts.models import Approval
from cbt.retention.terms import KINDS, SUBJECT, KeptYears, change_terms
from cbt.rules.canonical import canonical_json
from cbt.web.who.login import Principal

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
