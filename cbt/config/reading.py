"""The settings of this installation: the environment wins over the settings file, the file over the defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from cbt.config.checking import LOCALES, check_together, convert
from cbt.config.files import find_file, read_file, usual_file
from cbt.config.near import nearest
from cbt.config.settings import FILE_VARIABLE, Settings, variable
from cbt.errors import CbtError, InvalidInput
from cbt.paths import product_dir

PREFIX = "CBT_"
HANDED_DOWN = ("CBT_CLOCK_ANCHOR", "CBT_HELD_FILES")
"""What a server tells its own processes; no setting."""
OF_TESTS = "CBT_TEST_"
"""Variables that begin so are for the tests and mean nothing to the product."""
DEFAULTS = Settings()
NAMES = tuple(variable(field.name) for field in fields(Settings))


@dataclass(frozen=True, slots=True)
class _Given:
    """The text of a setting, where it stands, and where a relative path in it begins."""

    text: str
    source: str
    base: Path


@dataclass(frozen=True, slots=True)
class Sourced:
    """Settings with where each comes from."""

    settings: Settings
    file: Path | None
    """The settings file that was read."""
    sources: Mapping[str, str]
    """By field: `environment`, or file and line. What is not here has its default."""
    adrift: bool
    """Whether the data folder depends on the folder a command is started in."""


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings as `read_sources` reads them."""
    return read_sources(environ).settings


def read_sources(environ: Mapping[str, str] | None = None, *, usual: Path | None = None) -> Sourced:
    """Read the environment and the settings file it names in CBT_SETTINGS, else the usual one if it is there.

    With an `environ` of its own there is no usual file but `usual`. Every path that was set is absolute afterwards:
    one in a file begins at the file's folder, one in the environment at the working directory.

    Raise InvalidInput, NotFound or NotAllowed naming the setting, the file and line, and the remedy; a name that
    begins with CBT_ and is no setting is refused with the near one.
    """
    if environ is None:
        environ, usual = os.environ, usual_file()
    file = find_file(environ, usual)
    given = (_of_file(file) if file else {}) | _of_environment(environ)
    values: dict[str, object] = {
        "blueprint_dir": product_dir("blueprints"),
        "bank_dir": product_dir("question_bank"),
        "data_dir": Path.cwd() / DEFAULTS.data_dir,
    }
    kinds = {field.name: str(field.type) for field in fields(Settings)}
    for field, one in given.items():
        in_file = one.source != "environment"
        name = f"{variable(field)} ({one.source})" if in_file else variable(field)
        values[field] = convert(field, kinds[field], one.text, name=name, base=one.base)
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was converted by its field's type
    check_together(settings)
    return Sourced(settings, file, {field: one.source for field, one in given.items()}, _adrift(given))


def spoken_language(environ: Mapping[str, str] | None = None) -> str:
    """Return the language to explain a refusal in, whatever else is wrong with the settings."""
    try:
        source = os.environ if environ is None else environ
        asked = source.get(variable("locale"), "").strip()
        if not asked and (file := find_file(source, usual_file() if environ is None else None)):
            asked = read_file(file)[variable("locale")].value
    except (CbtError, KeyError):
        asked = ""
    return asked if asked in LOCALES else DEFAULTS.locale


def _adrift(given: Mapping[str, _Given]) -> bool:
    one = given.get("data_dir")
    return one is None or (one.source == "environment" and not Path(one.text).expanduser().is_absolute())


def _of_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    beside = (FILE_VARIABLE, *HANDED_DOWN)
    ours = {name: text.strip() for name, text in environ.items() if name.startswith(PREFIX)}
    set_here = {
        name: text
        for name, text in ours.items()
        if text and name not in beside and not name.startswith(OF_TESTS)
    }
    return {_field(name, ""): _Given(text, "environment", Path.cwd()) for name, text in set_here.items()}


def _of_file(path: Path) -> dict[str, _Given]:
    entries = {name: (entry, f"{path}:{entry.line}") for name, entry in read_file(path).items()}
    fields_of = {_field(name, where): (entry.value, where) for name, (entry, where) in entries.items()}
    return {field: _Given(text, where, path.parent) for field, (text, where) in fields_of.items() if text}


def _field(name: str, where: str) -> str:
    """Return the field that `name` sets, or refuse a name that is none."""
    if name in NAMES:
        return name.removeprefix(PREFIX).lower()
    shown = f"{name} ({where})" if where else name
    near = nearest(name, NAMES)
    if near:
        raise InvalidInput("config.unknown_near", name=shown, near=near)
    raise InvalidInput("config.unknown", name=shown)
