"""One file of a unit's account is read at a time, in all processes of a machine: others go on beside it."""

from __future__ import annotations

import flask

from cbt.confined.running import SHARES
from cbt.rules.roles import Role
from cbt.web.who.login import current_principal


def init_children(app: flask.Flask) -> None:
    """Have the children that read files know which of the accounts of `app` have one at a time."""
    SHARES.slots, SHARES.asking = app.extensions["cbt_slots"], account_of_unit


def account_of_unit() -> str:
    """Return the account of a unit that asks now; "" for any other, and where nobody asks."""
    principal = current_principal() if flask.has_request_context() else None
    return principal.subject_ref if principal is not None and principal.has(Role.UNIT_CLERK) else ""
