"""Which rooms carry out approved acts: each registers itself, so that this room need not know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import flask
from sqlalchemy.orm import Session

from cbt.accounts.approvals.second import Second, Wanted
from cbt.accounts.models import Approval
from cbt.web.who.login import Principal

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApprovalKind:
    """One room's starred acts.

    `wanted` says who may be second, `carry_out` does the act of a request with both persons (in its unit of
    work it claims the request and puts down what it did), `said` puts that into a sentence, `home` is the page
    the first person came from.
    """

    code: str
    wanted: Callable[[Session, Approval], Wanted]
    carry_out: Callable[[Approval, Principal, Second, datetime], None]
    said: Callable[[Approval, Result], str]
    home: Callable[[Approval], str]


def register_kind(app: flask.Flask, kind: ApprovalKind) -> None:
    """Tell who carries out the approved acts of `kind`."""
    app.extensions.setdefault("cbt_approvals", {})[kind.code] = kind


def kind_of(approval: Approval) -> ApprovalKind:
    """Return who carries out this request."""
    return cast(ApprovalKind, flask.current_app.extensions["cbt_approvals"][approval.kind])
