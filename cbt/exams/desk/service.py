"""Use cases of the office: put a text in force, go back to a former version, read the folder again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cbt.db.unit_of_work import unit_of_work
from cbt.errors import Conflict
from cbt.exams.folder import FolderFile, load_folder, look
from cbt.exams.steps import store_blueprint, withdraw_blueprint
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
