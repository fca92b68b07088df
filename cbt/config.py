"""Every setting of an installation, with its default: where it is read from, converted, checked, or refused.

A name that is not known is refused with the known one that is nearest.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from cbt.errors import CbtError, InvalidInput, NotAllowed, NotFound
from cbt.paths import product_dir
from cbt.rules.roles import Role

FILE_VARIABLE = "CBT_SETTINGS"
"""Names the settings file of a command and of what it starts."""
NO_FILE = "none"
"""The value of FILE_VARIABLE of whoever is handed all settings as variables."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation. docs/settings.md documents each; a test holds the two together."""

    data_dir: Path = Path("data")
    """CBT_DATA_DIR: the folder of the database, its lock and the journal's working files."""
    key_dir: Path | None = None
    """CBT_KEY_DIR: the folder of the key files, outside the database and its backups."""
    database_url: str = ""
    """CBT_DATABASE_URL: a PostgreSQL URL (postgresql+psycopg://…); empty means the embedded database."""
    db_encryption: bool = True
    """CBT_DB_ENCRYPTION: `off` keeps the embedded database in clear, with a warning at every start."""
    blueprint_dir: Path = Path()
    """CBT_BLUEPRINT_DIR: the folder of the blueprint files."""
    bank_dir: Path = Path()
    """CBT_BANK_DIR: the folder of the text banks."""
    host: str = "0.0.0.0"
    """CBT_HOST: the address to listen on."""
    port: int = 8000
    """CBT_PORT: the port to listen on."""
    workers: int = 3
    """CBT_WORKERS: server processes. Of three that have enough to do, two can do it while a third is replaced."""
    threads: int = 256
    """CBT_THREADS: threads of each process."""
    timezone: str = "Asia/Shanghai"
    """CBT_TIMEZONE: the zone instants are shown in."""
    locale: str = "zh"
    """CBT_LOCALE: the language of a first visit (zh or en)."""
    secure_cookies: bool = False
    """CBT_SECURE_COOKIES: `on` when the centre serves over https."""
    tls_cert: Path | None = None
    """CBT_TLS_CERT: the certificate chain (PEM) `cbt serve` shows; with it the product speaks https."""
    tls_key: Path | None = None
    """CBT_TLS_KEY: the private key (PEM) of that certificate."""
    second_factor_roles: str = "admin,officer,chief_proctor,unit_clerk"
    """CBT_SECOND_FACTOR_ROLES: roles that must have a second factor once an administrator has one, or `none`."""
    trusted_proxies: str = ""
    """CBT_TRUSTED_PROXIES: addresses or networks of the proxies whose X-Forwarded-For is believed."""
    max_upload_mb: int = 20
    """CBT_MAX_UPLOAD_MB: the largest file a page accepts, in MiB."""
    backup_dir: Path | None = None
    """CBT_BACKUP_DIR: the folder of the backups made on a schedule; none are made without it."""
    backup_minutes: int = 60
    """CBT_BACKUP_MINUTES: minutes from one scheduled backup to the next."""
    backup_keep: int = 24
    """CBT_BACKUP_KEEP: how many of the newest scheduled backups are kept."""
    backup_hook: Path | None = None
    """CBT_BACKUP_HOOK: a program that is run with the folder of each backup, to take it elsewhere."""
    journal_copy_dir: Path | None = None
    """CBT_JOURNAL_COPY_DIR: the folder of the second copy of the embedded database; none without it."""
    journal_copy_required: bool = True
    """CBT_JOURNAL_COPY_REQUIRED: `off` goes on saving while the second copy cannot be written."""
    journal_copy_hours: int = 24
    """CBT_JOURNAL_COPY_HOURS: for so many hours any moment can be had back from the second copy's logs."""
    audit_anchor: Path | None = None
    """CBT_AUDIT_ANCHOR: a file, or a folder, on another disk that the log's head is written to after each act."""
    unbound_sign_in: bool = False
    """CBT_UNBOUND_SIGN_IN: `on` lets candidates sign in at machines that are bound to no seat."""
    metrics_from: str = ""
    """CBT_METRICS_FROM: addresses or networks that may read /metrics besides this machine."""
    opening_spread_ms: int = 1500
    """CBT_OPENING_SPREAD_MS: in how many milliseconds at most the papers of those who begin together open."""
    slow_ms: int = 500
    """CBT_SLOW_MS: a request that takes longer, in milliseconds, gets a line in the log."""
    log_file: Path | None = None
    """CBT_LOG_FILE: the file the server's log is appended to; without it, standard error."""

    @property
    def keys(self) -> Path:
        return self.key_dir or self.data_dir.with_name(self.data_dir.name + ".keys")

    @property
    def https(self) -> bool:
        return self.secure_cookies or self.tls_cert is not None

    @property
    def factor_roles(self) -> frozenset[str]:
        named = (part.strip() for part in self.second_factor_roles.split(","))
        return frozenset(filter(None, named)) - {"none"}

    @property
    def embedded(self) -> bool:
        return not self.database_url


_DEFAULTS = Settings()


def variable(field: str) -> str:
    return f"CBT_{field.upper()}"


def written(value: object) -> str:
    """Return the value of a setting as it is written in the environment and in a settings file; "" for none."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return `settings` as the variables a child process reads them from, and from nowhere else.

    What is not set is left out, unless it is empty on purpose where the default is not.
    """
    texts = {field.name: written(getattr(settings, field.name)) for field in fields(Settings)}
    given = {name: text for name, text in texts.items() if text or written(getattr(_DEFAULTS, name))}
    return {FILE_VARIABLE: NO_FILE} | {variable(name): text for name, text in given.items()}


MASK = "***"
_USER = re.compile(r"(?<=://)([^:/?#]*):(.*)@")
_QUERY = re.compile(r"([?&](?:password|sslpassword|passfile)=)[^&]*", re.IGNORECASE)


def masked(url: str) -> str:
    return _QUERY.sub(rf"\1{MASK}", _USER.sub(rf"\1:{MASK}@", url))


def shown(settings: Settings) -> dict[str, str]:
    """Return every setting as it would be written, by its variable, without secrets; "" for what is not set."""
    texts = {field.name: written(getattr(settings, field.name)) for field in fields(Settings)}
    return {variable(name): masked(text) if name == "database_url" else text for name, text in texts.items()}


USUAL_ZONE = "Asia/Shanghai"
_CHINA = ("beijing", "peking", "china", "prc", "cst", "+8", "+08", "北京", "上海", "中国")
"""What people write for the zone whose name is that of another city."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the known name that is nearest to `word`, whatever its case; "" when none is near."""
    names = {name.casefold(): name for name in choices}
    matches = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.7)
    return names[matches[0]] if matches else ""


def near_zone(word: str) -> str:
    if any(part in word.casefold() for part in _CHINA):
        return USUAL_ZONE
    return nearest(word, zoneinfo.available_timezones()) or USUAL_ZONE


def near_language(word: str, languages: tuple[str, ...]) -> str:
    """Return the language that a tag such as `zh_CN.UTF-8` or `English` begins with, else the first."""
    return next((one for one in languages if word.casefold().startswith(one)), languages[0])


LOCALES = ("zh", "en")
DRIVER = "postgresql+psycopg://"
_SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
_NEEDED = frozenset({"host", "timezone", "locale"})
"""Texts that cannot be empty; neither can numbers, switches and the folders that everything lies in."""
_RANGES = {
    "port": (1, 65535),
    "workers": (1, 128),
    "threads": (1, 4096),
    "opening_spread_ms": (1, 10_000),
}


def convert(field: str, kind: str, raw: str, *, name: str, base: Path) -> object:
    """Return the value of a field whose type is written `kind`; `name` says what is set, and where.

    A path is absolute: what is relative begins at `base`. An empty text leaves the setting empty, where it may be.
    Raise InvalidInput when the text is none.
    """
    if not raw:
        if field in _NEEDED or kind not in ("str", "Path | None"):
            raise InvalidInput("config.empty", name=name)
        return "" if kind == "str" else None
    if "Path" in kind:
        return base / Path(raw).expanduser()
    if kind == "bool":
        if raw.lower() not in _SWITCH:
            raise InvalidInput("config.switch", name=name, value=raw)
        return _SWITCH[raw.lower()]
    if kind == "int":
        return _number(field, raw, name)
    _text(field, raw, name)
    return raw


def _number(field: str, raw: str, name: str) -> int:
    if not (raw.isascii() and raw.isdigit()) or int(raw) < 1:
        raise InvalidInput("config.number", name=name, value=raw)
    least, most = _RANGES.get(field, (1, int(raw)))
    if not least <= int(raw) <= most:
        raise InvalidInput("config.range", name=name, value=raw, least=least, most=most)
    return int(raw)


def _text(field: str, raw: str, name: str) -> None:
    if field == "timezone" and not is_zone(raw):
        raise InvalidInput("config.zone", name=name, value=raw, near=near_zone(raw))
    if field == "locale" and raw not in LOCALES:
        raise InvalidInput("config.language", name=name, value=raw, near=near_language(raw, LOCALES))
    if field == "database_url" and not raw.startswith(DRIVER):
        # The rest of it may hold a password.
        raise InvalidInput("config.database", name=name, value=raw.partition("://")[0], driver=DRIVER)


def is_zone(name: str) -> bool:
    """Return whether the zone database has `name`, in this case."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def check_together(settings: Settings) -> None:
    """Refuse settings that do not go with each other, or name a role that is none."""
    roles = {role.value for role in Role}
    for name in settings.factor_roles - roles:
        raise InvalidInput("config.role", value=name, roles=sorted(roles))
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise InvalidInput("config.tls_half")


# A settings file: `KEY=value` lines, read as systemd's `EnvironmentFile=` reads them, or refused.
#
# What two readers could take differently (a comment behind a value, a quote in the middle, a backslash
# without quotes, a name that stands twice) is refused with its line.

_LINE = re.compile(r"\s*([^\s=]+)\s*=\s*(.*?)\s*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r'\\(["\\`$])')
_NEEDS_QUOTES = re.compile(r"[\"'\\]|\s[#;]")


@dataclass(frozen=True, slots=True)
class SettingsLine:
    """A value, and the number of the line it stands on."""

    value: str
    line: int


def read_lines(text: str, path: Path) -> dict[str, SettingsLine]:
    """Return the entries of a settings file by their names.

    Raise InvalidInput naming file and line when a line cannot be read in one way only.
    """
    lines: dict[str, SettingsLine] = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        where = f"{path}:{number}"
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise InvalidInput("config.line", where=where)
        name, value = matched.groups()
        if name in lines:
            raise InvalidInput("config.twice", where=where, name=name, line=lines[name].line)
        lines[name] = SettingsLine(_unquoted(value, name, where), number)
    return lines


def quoted(value: str) -> str:
    """Return `value` as a settings file holds it: `read_lines` gives it back, systemd too."""
    if not _NEEDS_QUOTES.search(value) and value == value.strip():
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + re.sub(r'(["\\`$])', r"\\\1", value) + '"'


def _unquoted(raw: str, name: str, where: str) -> str:
    if any(not character.isprintable() for character in raw):
        raise InvalidInput("config.control", where=where, name=name)
    if single := _SINGLE.fullmatch(raw):
        return single[1]
    if double := _DOUBLE.fullmatch(raw):
        return _ESCAPE.sub(r"\1", double[1])
    if _NEEDS_QUOTES.search(raw):
        raise InvalidInput("config.quotes", where=where, name=name)
    return raw


try:
    import grp
    import pwd
except ImportError:  # Windows has neither
    grp = pwd = None  # type: ignore[assignment]  # None says that there is nobody to name

MOST_BYTES = 1024 * 1024


def usual_file() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "cbt" / "cbt.env"
    return Path("/etc/cbt.env")


def find_file(environ: Mapping[str, str], usual: Path | None) -> Path | None:
    named = environ.get(FILE_VARIABLE, "").strip()
    if named == NO_FILE:
        return None
    if named:
        return Path(named).expanduser().absolute()
    return usual if usual is not None and usual.exists() else None


def read_file(path: Path) -> dict[str, SettingsLine]:
    """Return the entries of a settings file.

    Raise NotFound("config.file_missing"), NotAllowed("config.file_forbidden") naming whom to become, InvalidInput
    when it cannot be read or its lines are none.
    """
    try:
        with path.open("rb") as handle:
            body = handle.read(MOST_BYTES)
    except FileNotFoundError as error:
        raise NotFound("config.file_missing", path=path) from error
    except PermissionError as error:
        raise NotAllowed("config.file_forbidden", path=path, user=reader_of(path)) from error
    except OSError as error:
        raise InvalidInput("config.file_unreadable", path=path, detail=error) from error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidInput("config.encoding", where=f"{path}:{line}") from error
    return read_lines(text, path)


def reader_of(path: Path) -> str:
    """Return the user who may read `path`: the one its group is named after, else its owner."""
    if pwd is None:
        return "Administrator"
    try:
        there = path.stat()
    except PermissionError:  # its folder is closed, too
        return "root"
    try:
        group = grp.getgrgid(there.st_gid).gr_name
        if there.st_gid and there.st_mode & 0o040:
            return pwd.getpwnam(group).pw_name
    except KeyError:
        pass  # a group without a name, or without a user of its name
    try:
        return pwd.getpwuid(there.st_uid).pw_name
    except KeyError:
        return str(there.st_uid)


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
    one in a file begins at the file's folder, one in the environment at the working directory. An empty variable of
    the environment goes before the file, too; an empty line of a file leaves the default.

    Raise InvalidInput, NotFound or NotAllowed naming the setting, the file and line, and the remedy; a name that
    begins with CBT_ and is no setting is refused with the near one.
    """
    if environ is None:
        environ, usual = os.environ, usual_file()
    file = find_file(environ, usual)
    named_values = (_of_file(file) if file else {}) | _of_environment(environ)
    values: dict[str, object] = {
        "blueprint_dir": product_dir("blueprints"),
        "bank_dir": product_dir("question_bank"),
        "data_dir": Path.cwd() / DEFAULTS.data_dir,
    }
    kinds = {field.name: str(field.type) for field in fields(Settings)}
    for field, setting in named_values.items():
        in_file = setting.source != "environment"
        name = f"{variable(field)} ({setting.source})" if in_file else variable(field)
        values[field] = convert(field, kinds[field], setting.text, name=name, base=setting.base)
    settings = Settings(**values)  # type: ignore[arg-type]  # each value was converted by its field's type
    check_together(settings)
    return Sourced(
        settings, file, {field: one.source for field, one in named_values.items()}, _adrift(named_values)
    )


def spoken_language(environ: Mapping[str, str] | None = None) -> str:
    """Return the language to explain a refusal in, whatever else is wrong with the settings."""
    try:
        source = os.environ if environ is None else environ
        tag = source.get(variable("locale"), "").strip()
        if not tag and (file := find_file(source, usual_file() if environ is None else None)):
            tag = read_file(file)[variable("locale")].value
    except (CbtError, KeyError):
        tag = ""
    return tag if tag in LOCALES else DEFAULTS.locale


def _adrift(values: Mapping[str, _Given]) -> bool:
    setting = values.get("data_dir")
    return setting is None or (
        setting.source == "environment" and not Path(setting.text).expanduser().is_absolute()
    )


def _of_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    beside = (FILE_VARIABLE, *HANDED_DOWN)
    ours = {name: text.strip() for name, text in environ.items() if name.startswith(PREFIX)}
    set_here = {
        name: text for name, text in ours.items() if name not in beside and not name.startswith(OF_TESTS)
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
