"""Use cases of the office: put a text in force, go back to a former version, read the folder again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.exams.desk.reason_forms import Row, place_of, with_row
from cbt.exams.folder import FolderFile, load_folder, look
from cbt.exams.models import ReasonsVersion
from cbt.exams.reasons import store as reasons
from cbt.exams.reasons.writing import written
from cbt.exams.steps import store_blueprint, store_reasons, withdraw_blueprint
from cbt.exams.store import numbered_version, version_in_force
from cbt.rules.exam.blueprint import ExamBlueprint


def keep(
    blueprint: ExamBlueprint, text: str, *, begun_from: str, reason: str, now: datetime, actor: str
) -> None:
    """Put a sound text in force as the version of its blueprint.

    Raise Conflict("blueprint.changed") when in force is another version than the one the person has seen, by its
    digest (`begun_from`).

    Source: R-1, R-43.
    """
    with unit_of_work() as session:
        current = version_in_force(session, blueprint.ref)
        if current is not None and current.sha256 != begun_from:
            raise Conflict("blueprint.changed", ref=blueprint.ref)
        store_blueprint(session, text, now=now, actor=actor, act="blueprint.keep", reason=reason)


def use_again(ref: str, number: int, *, reason: str, now: datetime, actor: str) -> None:
    """Put a former version in force again; a repeat changes nothing. Raise NotFound for one there is not."""
    with unit_of_work() as session:
        row = numbered_version(session, ref, number).row
        store_blueprint(session, row.source, now=now, actor=actor, act="blueprint.again", reason=reason)


def withdraw(ref: str, *, now: datetime, actor: str) -> None:
    """Take a blueprint out of force, as `withdraw_blueprint` does."""
    with unit_of_work() as session:
        withdraw_blueprint(session, ref, now=now, actor=actor)


def read_folder(folder: Path, *, now: datetime, actor: str) -> list[FolderFile]:
    """Take what is new in the folder's files, as a start does; return all of them."""
    found = look(folder)
    with unit_of_work() as session:
        load_folder(session, folder, found, now=now, actor=actor)
    return found


def reasons_text(session: Session) -> str:
    """Return the text of the table of reasons in force."""
    version_id = reasons.version_in_force(session)
    if version_id is None:
        return written(reasons.table_in_force(session))
    return session.get_one(ReasonsVersion, version_id).source


def keep_reason(
    kind: str, code: str, row: Row, *, begun_from: str, reason: str, now: datetime, actor: str
) -> None:
    """Put a row of the table of reasons in force, in place of the one with its code or, for "", as a new one.

    Raise Conflict("reasons.changed") when in force is another version than the one the form was begun from, and
    InvalidInput for a table that would not hold.

    Source: R-26, R-63.
    """
    with unit_of_work() as session:
        if str(reasons.version_in_force(session) or "") != begun_from:
            raise Conflict("reasons.changed")
        table = reasons.table_in_force(session)
        changed = with_row(table, place_of(table, kind, code), row)
        if changed != table:
            store_reasons(session, written(changed), now=now, actor=actor, act="reasons.keep", reason=reason)
