"""提醒 on its way to a candidate's page."""

from __future__ import annotations

from datetime import datetime

from cbt.db.unit_of_work import reading, unit_of_work
from cbt.delivery.guard import AttemptInfo
from cbt.delivery.store import unread_messages
from cbt.rules.canonical import canonical_json


def deliver(info: AttemptInfo, now: datetime) -> str:
    """Return the waiting reminders as JSON; the first time one is sent is its delivered receipt."""
    with reading() as session:
        waiting = unread_messages(session, info.attempt_id)
    fresh = [message.id for message in waiting if message.delivered_at is None]
    if fresh:
        with unit_of_work() as session:
            for message in unread_messages(session, info.attempt_id):
                message.delivered_at = message.delivered_at or now
    return canonical_json([{"id": message.id, "text": message.text} for message in waiting])
