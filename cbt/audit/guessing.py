"""Guessing as an entry of the log: one per account, ticket or seat and window (R-14)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from cbt.audit import chain
from cbt.web.who.guessing import Guessing

SHORT = 12
"""So many characters of a machine's hash tell machines apart in a log."""


def record_guessing(session: Session, guessing: Guessing) -> None:
    """Record that somebody guesses at a subject: how often, last from which address and machine. Source: R-14."""
    chain.record(
        session,
        at=guessing.at,
        actor=f"machine:{guessing.machine[:SHORT]}",
        act=f"guessing.{guessing.scope}",
        subject=f"{guessing.scope}:{guessing.named}",
        after={
            "tries": guessing.tries,
            "address": guessing.address,
            "machine": guessing.machine[:SHORT],
        },
    )
