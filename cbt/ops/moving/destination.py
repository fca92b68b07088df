"""Where a database is to go, as `--to` says it, and which settings find it there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from cbt.config import Settings
from cbt.db.engine import database_path
from cbt.errors import InvalidInput

EMBEDDED = "embedded"
_DRIVER = "postgresql+psycopg"
_NAMED = ("postgresql", "postgres", _DRIVER)


@dataclass(frozen=True, slots=True)
class Destination:
    """The place a database goes to: the installation's settings as they are there."""

    settings: Settings
    changes: dict[str, str | None]
    """The settings to change when the database is there; None: to be taken out. No password is in it."""

    @property
    def place(self) -> str:
        """Return what people call it: a URL without its password, or the path of the database's file."""
        if self.settings.embedded:
            return str(database_path(self.settings).absolute())
        return make_url(self.settings.database_url).render_as_string(hide_password=True)


def read_destination(text: str, settings: Settings) -> Destination:
    """Return where `text` says: a PostgreSQL URL, `embedded` (the data folder of `settings`), or a data folder.

    Raise InvalidInput("move.destination") for what is none of them, ("move.same_kind") when the database of
    `settings` is of that kind already.
    """
    text = text.strip()
    scheme, separator, _ = text.partition("://")
    postgres = bool(separator)
    if not text or (postgres and scheme not in _NAMED):
        raise InvalidInput("move.destination", text=scheme)
    if postgres is not settings.embedded:
        raise InvalidInput("move.same_kind")
    return _on_postgres(text, settings) if postgres else _in_folder(text, settings)


def _on_postgres(text: str, settings: Settings) -> Destination:
    try:
        url = make_url(text).set(drivername=_DRIVER)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput("move.destination", text="postgresql://…") from error
    if not url.database:
        raise InvalidInput("move.destination", text=url.render_as_string(hide_password=True))
    there = replace(settings, database_url=url.render_as_string(hide_password=False), journal_copy_dir=None)
    changes: dict[str, str | None] = {"CBT_DATABASE_URL": url.render_as_string(hide_password=True)}
    if settings.journal_copy_dir is not None:
        changes["CBT_JOURNAL_COPY_DIR"] = None
    return Destination(there, changes)


def _in_folder(text: str, settings: Settings) -> Destination:
    folder = settings.data_dir if text == EMBEDDED else Path(text).expanduser()
    there = replace(settings, database_url="", data_dir=folder, key_dir=settings.keys)
    changes: dict[str, str | None] = {"CBT_DATABASE_URL": None}
    if folder != settings.data_dir:
        changes["CBT_DATA_DIR"] = str(folder.absolute())
        if settings.key_dir is None:
            changes["CBT_KEY_DIR"] = str(settings.keys.absolute())
    return Destination(there, changes)
