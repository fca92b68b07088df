"""提醒 on its way to a candidate's page, and back as read.

Source: R-13, R-41.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.models import Message
from cbt.delivery.save.guard import AttemptInfo
from cbt.delivery.steps import lock_attempt
from cbt.delivery.store import is_out, unread_messages
from cbt.errors import Conflict, Locked
from cbt.rules.canonical import canonical_json


def deliver(info: AttemptInfo, now: datetime) -> str:
    """Return the waiting reminders as JSON; the first time one is sent is its delivered receipt."""
    with reading() as session:
        waiting = unread_messages(session, info.attempt_id)
    fresh = [message.id for message in waiting if message.delivered_at is None]
    if fresh:
        with unit_of_work() as session:
            session.execute(
                update(Message)
                .where(Message.id.in_(fresh), Message.delivered_at.is_(None))
                .values(delivered_at=now)
            )
    return canonical_json([{"id": message.id, "text": message.text} for message in waiting])


def confirm(info: AttemptInfo, message_id: int, *, lease_hash: str, now: datetime) -> None:
    """Note that the candidate has read a reminder; a repeat changes nothing.

    The attempt's row is locked before the reminders are read, and whoever sends one writes that row: a reminder
    sent meanwhile is either seen here, or says afterwards that it waits. Raise Conflict("lease.lost") for a
    browser that has not the lease, Locked("attempt.away") while the candidate is out of the room: nobody can
    have read it.
    """
    with unit_of_work() as session:
        attempt = lock_attempt(session, info.attempt_id)
        if attempt.lease_hash != lease_hash:
            raise Conflict("lease.lost")
        if is_out(session, attempt.registration_id):
            raise Locked("attempt.away")
        unread = unread_messages(session, info.attempt_id)
        for message in unread:
            if message.id == message_id:
                message.read_at = now
        attempt.has_message = any(message.read_at is None for message in unread)
