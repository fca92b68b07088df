"""Texts of the command line, read from the compiled catalogues alone: no web framework, no database.

What stands in a terminal is said in the installation's language (`CBT_LOCALE`), helps and refusals included.
"""

from __future__ import annotations

import errno
import gettext
import os
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cbt.config import FILE_VARIABLE, Settings, read_settings, spoken_language, variable
from cbt.errors import CbtError, TextId
from cbt.paths import translations_dir

REASONS = {
    errno.ENOENT: "console.reason.not_there",
    errno.EACCES: "console.reason.not_allowed",
    errno.EPERM: "console.reason.not_allowed",
    errno.EISDIR: "console.reason.folder",
    errno.ENOTDIR: "console.reason.no_folder",
    errno.EEXIST: "console.reason.there",
    errno.ENOSPC: "console.reason.full",
    errno.EDQUOT: "console.reason.full",
    errno.EROFS: "console.reason.read_only",
    errno.EIO: "console.reason.failing",
    errno.EBUSY: "console.reason.busy",
    errno.ENAMETOOLONG: "console.reason.long",
}
"""Why the system would not: the ids of a few words, as the system's own come in its language and not in ours."""


def language() -> str:
    """Return the installation's language; a wrong one is refused where settings are read, not here."""
    return _language(os.environ.get(variable("locale")), os.environ.get(FILE_VARIABLE))


@lru_cache
def _language(*_named: str | None) -> str:
    """Ask once for what the environment names, because the settings file may have to be read for it."""
    return spoken_language()


def text(message_id: str, **values: object) -> str:
    catalogue = gettext.translation("messages", str(translations_dir()), [language()], fallback=True)
    translated = catalogue.gettext(message_id)
    return translated % values if values else translated


def explain(error: CbtError) -> tuple[str, str]:
    """Return what happened and what to do now: in a terminal, where no page can be looked at (`error.….cli`)."""
    values = {name: plain_value(value, _zone, text) for name, value in error.params.items()}
    here = f"error.{error.code}.cli"
    fix = here if text(here) != here else f"error.{error.code}.fix"
    return text(f"error.{error.code}.what", **values), text(fix, **values)


def plain_value(value: object, zone: Callable[[], ZoneInfo], translate: Callable[[str], str]) -> object:
    """Return `value` as a sentence can hold it: a text in words, an instant, a list with commas, an OSError.

    `zone` returns the centre's zone, `translate` the text of an id.
    """
    if isinstance(value, TextId):
        return translate(value)
    if isinstance(value, datetime):
        return value.astimezone(zone()).strftime("%H:%M:%S")
    if isinstance(value, (list, tuple)):
        return translate("ui.comma").join(str(entry) for entry in value)
    if isinstance(value, OSError):
        reason = REASONS.get(value.errno or 0)
        return value.strerror or type(value).__name__ if reason is None else translate(reason)
    return value


def _zone() -> ZoneInfo:
    """Return the centre's zone, the default one where settings cannot be read: the refusal says so itself."""
    try:
        return ZoneInfo(read_settings().timezone)
    except CbtError:
        return ZoneInfo(Settings().timezone)
