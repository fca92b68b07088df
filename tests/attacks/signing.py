"""Staff members with a second factor, for the attacks on their sign-in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import flask
import pyotp
from flask.testing import FlaskClient

from cbt.accounts import factor_codes as factors
from cbt.accounts import second_factor as factor_service
from cbt.rules.roles import Role
from tests.accounts.test_signing_in import MACHINE, OWN, hire, principal
from tests.helpers import FakeClock


@dataclass(frozen=True)
class Owner:
    """Somebody whose phone holds `secret` and whose paper holds `codes`."""

    login: str
    secret: str
    codes: tuple[str, ...]
    clock: FakeClock

    def code(self, off: int = 0) -> str:
        """Return what the app shows, `off` steps of 30 seconds from now."""
        step = int(self.clock.now().timestamp()) // factors.STEP_SECONDS
        return pyotp.TOTP(self.secret).generate_otp(step + off)


def enrolled(app: flask.Flask, clock: FakeClock, login: str, *roles: Role) -> Owner:
    """Hire somebody and set up their second factor; a minute later no code was used yet."""
    hire(app, clock, login, *roles)
    with app.app_context():
        me = replace(principal(app, login), login_session_id=1)
        secret, _ = factor_service.offer(me)
        owner = Owner(login, secret, (), clock)
        _, codes = factor_service.enrol(
            me, secret=secret, password=OWN, code=owner.code(), machine=MACHINE, now=clock.now()
        )
    clock.advance(2 * timedelta(seconds=factors.STEP_SECONDS))
    return replace(owner, codes=tuple(codes))


def give_password(
    app: flask.Flask, login: str, password: str = OWN, client: FlaskClient | None = None
) -> FlaskClient:
    """Return a browser between password and code."""
    client = client or app.test_client()
    reply = client.post("/staff/sign-in", data={"login": login, "password": password})
    assert reply.status_code == 303, reply.text
    return client


def give_code(client: FlaskClient, code: str, **more: str) -> int:
    """Type a code; return the status."""
    return client.post("/staff/sign-in/code", data={"code": code, **more}).status_code


def is_in(client: FlaskClient) -> bool:
    """Return whether a browser is signed in."""
    return client.get("/staff").status_code == 200
