"""A new key for the log, by its own hand or because the former one is lost.

Source: R-64.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import flask
from sqlalchemy.orm import Session

from cbt.audit.chain import HEAD_ID, Tail, append, ensure_keyed, keyed_line, tail_of
from cbt.audit.keyring import PRESENT, make_key
from cbt.audit.models import AuditHead
from cbt.audit.verifying import content_of
from cbt.config import Settings
from cbt.db.private.keys import fingerprint
from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict, Unavailable


def rotate_audit_key(*, lost: bool, now: datetime) -> str:
    """Begin a new key for the log and return its print; its first entry seals the change.

    The former key stays beside it under its print: what was chained with it is proved by it. With `lost` there
    is no former key any more; a digest of all entries takes its place, so that they cannot be changed from now
    on, and `cbt audit verify` says how many are not proved before that.

    Raise Unavailable("audit.key_missing") without `lost` when the key in force is not there, and
    Conflict("audit.key_not_lost") with it when it is.
    """
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    with unit_of_work() as session:
        tail = _lost_tail(session, settings, now=now) if lost else _present_tail(session, now=now)
        key = make_key(settings.keys)
        print_ = fingerprint(key)
        more = {"lost": "1", "content": content_of(session)} if lost else {}
        line = keyed_line(now, print_, former=tail.print_, **more)
        append(session, replace(tail, print_=print_, key=key, fresh_key=True), [line])
    return print_


def _present_tail(session: Session, *, now: datetime) -> Tail:
    ensure_keyed(session, at=now)  # what has to be said before is still said under the former key
    return tail_of(session, at=now)


def _lost_tail(session: Session, settings: Settings, *, now: datetime) -> Tail:
    try:
        tail_of(session, at=now)
    except Unavailable as error:
        if error.code != "audit.key_missing":
            raise
    else:
        raise Conflict("audit.key_not_lost", path=str(settings.keys / PRESENT))
    head = session.get_one(AuditHead, HEAD_ID)
    return Tail(head.last_id, head.hash, head.key_print, b"")
