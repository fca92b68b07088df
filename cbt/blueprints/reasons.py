"""The table of reasons: which version is in force, which one a fact was recorded under, and its words."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import flask
import flask_babel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.blueprints.models import ReasonsVersion
from cbt.blueprints.store import blueprint_text, read_reasons, shipped_reasons
from cbt.http.i18n import Words, register_words, word
from cbt.rules.violations import OUTAGE, SYSTEM, Reason, ReasonTable, Violation
from cbt.storage.prepared import PreparedSelect
from cbt.storage.unit_of_work import reading

# A version never changes, so a process keeps it; by the dialect object, which one database's engines share.
_kept: WeakKeyDictionary[Any, dict[int, ReasonTable]] = WeakKeyDictionary()


_IN_FORCE = PreparedSelect(
    select(ReasonsVersion.id).order_by(ReasonsVersion.loaded_at.desc(), ReasonsVersion.id.desc()).limit(1)
)


def version_in_force(session: Session) -> int | None:
    """Return the id of the version loaded last; None before a first start stored one."""
    return next((row.id for row in _IN_FORCE.rows(session)), None)


def table_of(session: Session, version_id: int | None) -> ReasonTable:
    """Return the table of a version; of None the first one, which is the shipped one.

    So a violation that was recorded before tables had versions keeps what it did then.
    """
    if version_id is None:
        version_id = session.scalar(select(func.min(ReasonsVersion.id)))
    if version_id is None:
        path = shipped_reasons()
        return read_reasons(blueprint_text(path), name=path.name)
    kept = _kept.setdefault(session.get_bind().dialect, {})
    if version_id not in kept:
        row = session.get_one(ReasonsVersion, version_id)
        kept[version_id] = read_reasons(row.source, name=f"reasons:{version_id}")
    return kept[version_id]


def table_in_force(session: Session) -> ReasonTable:
    return table_of(session, version_in_force(session))


def violation_of(session: Session, code: str | None, version_id: int | None) -> Violation | None:
    """Return a recorded violation with what it did when it was recorded; None for none."""
    return None if code is None else table_of(session, version_id).violation(code)


REASON, VIOLATION = "proctoring.reason.", "violation."
"""Beginnings of the ids under which records name a reason and a violation."""


def cause_word(code: str, reason: str) -> str:
    """Return the word of a recorded reason; of the product's own acts what befell it, which it wrote beside."""
    if (code, reason) == (SYSTEM, OUTAGE):
        return str(flask_babel.gettext("reason.outage"))
    return word(REASON + code)


def init_reasons(app: flask.Flask) -> None:
    """Have the words of reasons and violations looked up in the table instead of in the catalogues."""
    register_words(app, _words)


def _words() -> Words:
    table = table_now()
    named: list[tuple[str, Reason | Violation]] = [(REASON + one.code, one) for one in table.reasons]
    named += [(VIOLATION + one.code, one) for one in table.violations]
    return {message_id: {"zh": one.zh, "en": one.en} for message_id, one in named}


def table_now() -> ReasonTable:
    with reading() as session:
        return table_in_force(session)


def words_of(entry: Reason | Violation) -> str:
    return entry.zh if str(flask_babel.get_locale()) == "zh" else entry.en
