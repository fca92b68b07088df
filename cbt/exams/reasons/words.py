"""What people read for a stored code: the words of the table in force, in their language."""

from __future__ import annotations

import flask
import flask_babel

from cbt.db.unit_of_work import reading
from cbt.exams.reasons.store import table_in_force
from cbt.rules.reasons import Reason, ReasonTable
from cbt.rules.violation import Violation
from cbt.web.i18n import Words, register_words

REASON, VIOLATION = "proctoring.reason.", "violation."
"""Beginnings of the ids under which records name a reason and a violation."""


def init_reasons(app: flask.Flask) -> None:
    """Have the words of reasons and violations looked up in the table instead of in the catalogues."""
    register_words(app, _words)


def _words() -> Words:
    table = table_now()
    named: list[tuple[str, Reason | Violation]] = [(REASON + one.code, one) for one in table.reasons]
    named += [(VIOLATION + one.code, one) for one in table.violations]
    return {message_id: {"zh": one.zh, "en": one.en} for message_id, one in named}


def table_now() -> ReasonTable:
    """Return the table in force."""
    with reading() as session:
        return table_in_force(session)


def words_of(one: Reason | Violation) -> str:
    """Return the name of a reason or a violation in the reader's language."""
    return one.zh if str(flask_babel.get_locale()) == "zh" else one.en
