"""签到 and 允许登录 taken back: what a registration said before, while nobody has gone on from it.

Source: R-10, R-14.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cbt.candidates.models import Registration
from cbt.proctoring.board.seat_view import SeatView
from cbt.proctoring.desk.acting import Desk
from cbt.proctoring.desk.taking_back import change_while, kept, restored


def checked(registration: Registration) -> dict[str, Any]:
    """Return what a check-in changes, as it is before one."""
    return {
        "arrived": kept(registration.arrived_at),
        "checked_in": kept(registration.checked_in_at),
        "document": registration.document_shown,
        "shown": _hex(registration.document_last_four_sealed),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_check_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take a check-in back, or its correction, while no 登录码 was printed and nobody has signed in by it."""
    shown = before["shown"]
    return change_while(
        desk,
        seat,
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        Registration.checked_in_at.is_not(None),
        arrived_at=restored(before["arrived"]),
        checked_in_at=restored(before["checked_in"]),
        document_shown=before["document"],
        document_last_four_sealed=None if shown is None else bytes.fromhex(shown),
    )


def allowed(registration: Registration, *, at: datetime) -> dict[str, Any]:
    """Return what 允许登录 changes, as it is before that, and when it is done."""
    return {
        "was": kept(registration.sign_in_allowed_at),
        "at": kept(at),
        "signed_in": kept(registration.signed_in_at),
        "code": registration.login_code_hash,
    }


def undo_allow_sign_in(desk: Desk, seat: SeatView, before: dict[str, Any]) -> bool:
    """Take 允许登录 back while nobody has signed in by it."""
    return change_while(
        desk,
        seat,
        Registration.sign_in_allowed_at == restored(before["at"]),
        Registration.signed_in_at.is_not_distinct_from(restored(before["signed_in"])),
        Registration.login_code_hash.is_not_distinct_from(before["code"]),
        sign_in_allowed_at=restored(before["was"]),
    )


def _hex(sealed: bytes | None) -> str | None:
    return None if sealed is None else sealed.hex()
