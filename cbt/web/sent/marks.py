"""The row of a form that was sent: written with what is made of it, told where the answer led, or taken back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import LargeBinary, String, Text, bindparam, delete, update

from cbt.db.known.changes import KnownChange
from cbt.db.types import UtcDateTime
from cbt.web.sent.models import SentForm
from cbt.web.who.counters import insert_of

_MARK = bindparam("of_mark", type_=String)


def claiming(dialect: str) -> Any:
    """Return what writes the row, unless it is there (`of_mark`, `of_content`, `now`), for a kind of database."""
    values = {
        "mark": _MARK,
        "content": bindparam("of_content", type_=String),
        "sent_at": bindparam("now", type_=UtcDateTime),
    }
    return insert_of(dialect)(SentForm).values(values).on_conflict_do_nothing()


CLAIMED = KnownChange(claiming)
ANSWERED = KnownChange(
    lambda _: (
        update(SentForm)
        .where(SentForm.mark == _MARK)
        .values(place=bindparam("led_to", type_=Text), answer=bindparam("said", type_=LargeBinary))
    )
)
FORGOTTEN = KnownChange(lambda _: delete(SentForm).where(SentForm.mark == _MARK))
