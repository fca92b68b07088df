"""The folder of blueprint files: what its files say, which cannot be used, and what a start takes from them.

A file that cannot be used stops nothing: what was in force stays in force, and whoever is concerned is told. A file
is taken when its text is another than at the last start, so that what was decided in the browser since then stays.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import flask
from sqlalchemy.orm import Session

from cbt.config import Settings
from cbt.errors import CbtError, InvalidInput
from cbt.exams.files import blueprint_files, blueprint_text, read_blueprint, read_reasons, too_long
from cbt.exams.reasons.spec import REASONS_FILE
from cbt.exams.steps import keep_file, load_reasons
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.web.i18n import explain

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of the folder: what it says, or what keeps it from being used."""

    name: str
    text: str = ""
    blueprint: ExamBlueprint | None = None
    """None for the file of reasons, and for one that cannot be used."""
    error: CbtError | None = None

    @property
    def line(self) -> int:
        """Return where the first thing is that is wrong with it; 0 where nothing is, or no line has it."""
        line = self.error.params.get("line", 0) if self.error else 0
        return line if isinstance(line, int) else 0


def look(folder: Path) -> list[FolderFile]:
    """Return every blueprint file of a folder and its file of reasons; nothing is raised over any of them.

    Of two files with one ref the second, by name, cannot be used: InvalidInput("blueprint.ref_twice").
    """
    found: list[FolderFile] = []
    refs: dict[str, str] = {}
    for path in blueprint_files(folder):
        one = _read(path)
        if one.blueprint is not None:
            ref = one.blueprint.ref
            if ref in refs:
                twice = InvalidInput("blueprint.ref_twice", name=one.name, ref=ref, other=refs[ref])
                one = replace(one, blueprint=None, error=twice)
            else:
                refs[ref] = one.name
        found.append(one)
    own = folder / REASONS_FILE
    return [*found, _read(own)] if own.is_file() else found


def faults(folder: Path) -> list[FolderFile]:
    """Return the files of a folder that cannot be used."""
    return [one for one in look(folder) if one.error is not None]


def own_folder() -> Path:
    """Return the folder of the blueprint files of this installation."""
    settings: Settings = flask.current_app.extensions["cbt_settings"]
    return settings.blueprint_dir


def told_faults() -> list[tuple[str, str]]:
    """Return what is wrong with each file that cannot be used, and what to do, in the reader's language."""
    return [explain(one.error) for one in faults(own_folder()) if one.error is not None]


def load_folder(
    session: Session, folder: Path, found: Sequence[FolderFile], *, now: datetime, actor: str
) -> None:
    """Take what is new in the files that were `found` in a folder; those that cannot be used are logged."""
    bad = [one for one in found if one.error is not None]
    for one in bad:
        assert one.error is not None
        log.error(
            "%s is not used, what was in force stays: %s at line %s",
            one.name,
            one.error.params.get("what", one.error.code),
            one.line or "-",
        )
    load_reasons(session, folder, now=now, actor=actor, usable=REASONS_FILE not in {one.name for one in bad})
    for one in found:
        if one.blueprint is not None:
            keep_file(session, one.text, now=now, actor=actor, name=one.name)


def _read(path: Path) -> FolderFile:
    try:
        text = blueprint_text(path)
        if path.name == REASONS_FILE:
            read_reasons(text, name=path.name)
            return FolderFile(path.name, text)
        return FolderFile(path.name, text, read_blueprint(text, name=path.name))
    except CbtError as error:
        return FolderFile(path.name, error=error)
    except (RecursionError, MemoryError):
        return FolderFile(path.name, error=too_long(str(path)))
