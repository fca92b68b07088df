"""Everybody signed in: a login session and a cookie for each candidate, and for somebody who sees every room."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from cbt.accounts.models import Staff, StaffRole
from cbt.candidates.models import Registration
from cbt.delivery.models import Attempt
from cbt.rules.roles import Role
from cbt.web.who.login import LIFETIME, token_hash
from cbt.web.who.machine import MACHINE_COOKIE, tokens_of
from cbt.web.who.models import LoginSession


@dataclass(slots=True)
class Sitter:
    """One candidate's browser: what it signed in with, and the lease and the next number once it has opened."""

    attempt_id: int
    attempt_ref: str
    cookie: str
    csrf_token: str
    answers: Sequence[tuple[int, str]]
    """(position, an answer that may come in there) of the positions it answers, over and over."""
    lease: str = ""
    epoch: int = 0
    seq: int = 0


def signed_in(
    app: flask.Flask, session: Session, registrations: Sequence[Mapping[str, Any]], *, now: datetime
) -> tuple[list[Sitter], str]:
    """Open a login session for each registration and a chief proctor; return the sitters, the chief's cookie.

    A browser's cookie is what the product would have set.
    """
    with app.test_request_context():
        csrf_token = generate_csrf()
        csrf_field = dict(flask.session)
        signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own session interface
    rows: list[dict[str, Any]] = []

    def sign_in(kind: str, subject_ref: str, machine: str) -> str:
        token = secrets.token_urlsafe(32)
        rows.append(
            {
                "kind": kind,
                "subject_ref": subject_ref,
                "token_hash": token_hash(token),
                "machine": token_hash(machine),
                "created_at": now,
                "expires_at": now + LIFETIME,
            }
        )
        cookie = signer.dumps({**csrf_field, "_user_id": token, "_fresh": True})
        return (
            f"{app.config['SESSION_COOKIE_NAME']}={cookie}; {MACHINE_COOKIE}={tokens_of(app).issue(machine)}"
        )

    known = session.execute(
        select(Attempt.id, Attempt.ref, Registration.ref)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.id >= registrations[0]["id"])
        .order_by(Attempt.id)
    )
    sitters = [
        Sitter(
            attempt_id, attempt_ref, sign_in("candidate", registration_ref, f"m{attempt_id}"), csrf_token, ()
        )
        for attempt_id, attempt_ref, registration_ref in known
    ]
    proctor = sign_in("staff", _chief(session, now), "desk")
    session.execute(insert(LoginSession), rows)
    return sitters, proctor


def _chief(session: Session, now: datetime) -> str:
    """Add a chief proctor, who sees every room, and return the ref."""
    chief = Staff(
        ref="st_bench",
        login="chief",
        name="主考",
        password_hash="",
        must_change_password=False,
        created_at=now,
        roles=[StaffRole(role=Role.CHIEF_PROCTOR)],
    )
    session.add(chief)
    session.flush()
    return chief.ref
