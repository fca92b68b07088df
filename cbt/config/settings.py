"""Every setting of an installation, with its default."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

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
