"""What the result desk is told of certificates: their room comes later, the application says how to find them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, cast

import flask
from sqlalchemy.orm import Session

_EXTENSION = "cbt_desk_certificates"


class HeldCertificate(Protocol):
    """A certificate of the register, as far as the desk shows it."""

    number: str
    issued_at: datetime
    issued_by: str
    revoked_at: datetime | None
    revoked_by: str
    revoke_reason: str


Register = Callable[[Session, int, str], Sequence[HeldCertificate]]
"""Finds the certificates of a candidate (id) for a blueprint (ref), those revoked too, by their issue."""


def register_certificates(app: flask.Flask, register: Register) -> None:
    """Have the desks of `app` find certificates there."""
    app.extensions[_EXTENSION] = register


def certificates_of(session: Session, candidate_id: int, blueprint_ref: str) -> Sequence[HeldCertificate]:
    return cast(Register, flask.current_app.extensions[_EXTENSION])(session, candidate_id, blueprint_ref)
