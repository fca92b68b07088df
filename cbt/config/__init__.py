"""Every setting of an installation: what there is, where it is read from, how it is shown."""

from cbt.config.reader import LOCALES, Sourced, read_settings, read_sources, spoken_language
from cbt.config.settings import (
    FILE_VARIABLE,
    NO_FILE,
    Settings,
    as_environment,
    masked,
    shown,
    variable,
    written,
)

__all__ = [
    "FILE_VARIABLE",
    "LOCALES",
    "NO_FILE",
    "Settings",
    "Sourced",
    "as_environment",
    "masked",
    "read_settings",
    "read_sources",
    "shown",
    "spoken_language",
    "variable",
    "written",
]
