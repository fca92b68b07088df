"""The second factor: time-based codes of an app, recovery codes on paper, and who must have one.

Source: R-62; RFC 6238; OWASP ASVS 5.0, 6.5.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

import flask
import pyotp
import segno
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from cbt.accounts.models import RecoveryCode, Staff, StaffFactor, StaffRole
from cbt.config import Settings
from cbt.rules.roles import Role

STEP_SECONDS = 30
CODE_DIGITS = 6
CODES = 10
_TOLERANCE = (0, -1, 1)
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP = 3, 4


def new_secret() -> str:
    """Return a fresh secret of 160 bits, as apps take it (base 32)."""
    return pyotp.random_base32(32)


def picture(secret: str, *, login: str, issuer: str) -> str:
    """Return the QR code an app reads the secret from, as a data: address of an image."""
    address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)
    return str(segno.make(address, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#ffffff"))


def in_groups(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the time step `code` belongs to, the present one or a neighbour; None when to none of them."""
    present = int(now.timestamp()) // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for step in (present + off for off in _TOLERANCE):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def as_typed(text: str) -> str:
    """Return what was typed as a code: full-width digits and letters, spaces and dashes make no difference."""
    plain = unicodedata.normalize("NFKC", text[:64]).casefold()
    return "".join(sign for sign in plain if not sign.isspace() and sign not in "-–—_")


def is_app_code(typed: str) -> bool:
    """Return whether this looks like a code of the app; anything else may be a recovery code."""
    return len(typed) == CODE_DIGITS and typed.isascii() and typed.isdigit()


def new_recovery_codes() -> list[str]:
    """Return ten codes such as `7-k3mf-9qxt-2vhd`.

    The number says which hash is asked, so that one try costs one verification; twelve signs are 59 bits.
    """
    return [
        "-".join(
            [
                str(number),
                *("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS)),
            ]
        )
        for number in range(CODES)
    ]


@dataclass(frozen=True, slots=True)
class FactorState:
    """What a person sees of their second factor: since when, how many codes are left, whether it is asked for."""

    since: datetime | None
    codes_left: int
    required: bool


def state(session: Session, staff: Staff) -> FactorState:
    """Return how it stands with a person's second factor."""
    factor = session.get(StaffFactor, staff.id)
    left = session.scalar(
        select(func.count())
        .select_from(RecoveryCode)
        .where(RecoveryCode.staff_id == staff.id, RecoveryCode.used_at.is_(None))
    )
    return FactorState(None if factor is None else factor.created_at, left or 0, is_required(session, staff))


def is_required(session: Session, staff: Staff) -> bool:
    """Return whether this person must have a second factor: by role, once an administrator has or had one.

    So the first sign-in and a demo ask for nothing, and whoever switches it on has tried it. Taking the
    administrator's away again does not switch it off for the others; CBT_SECOND_FACTOR_ROLES does.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    if settings.factor_roles.isdisjoint(row.role for row in staff.roles):
        return False
    began = (
        select(Staff.id)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .outerjoin(StaffFactor, StaffFactor.staff_id == Staff.id)
        .where(
            StaffRole.role == Role.ADMIN.value,
            or_(StaffFactor.staff_id.is_not(None), Staff.factor_reset_at.is_not(None)),
        )
    )
    return session.scalar(began.limit(1)) is not None


def owes(session: Session, staff: Staff) -> bool:
    """Return whether this person must have a second factor and has none."""
    return session.get(StaffFactor, staff.id) is None and is_required(session, staff)
