"""One setting's text made its value, or refused with what would be right."""

from __future__ import annotations

import zoneinfo
from pathlib import Path

from cbt.config.near import near_language, near_zone
from cbt.config.settings import Settings
from cbt.errors import InvalidInput
from cbt.rules.roles import Role

LOCALES = ("zh", "en")
DRIVER = "postgresql+psycopg://"
_SWITCH = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
_RANGES = {
    "port": (1, 65535),
    "workers": (1, 128),
    "threads": (1, 4096),
    "opening_spread_ms": (1, 10_000),
}


def convert(field: str, kind: str, raw: str, *, name: str, base: Path) -> object:
    """Return the value of a field whose type is written `kind`; `name` says what is set, and where.

    A path is absolute: what is relative begins at `base`. Raise InvalidInput when the text is none.
    """
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
    known = {role.value for role in Role}
    for name in settings.factor_roles - known:
        raise InvalidInput("config.role", value=name, roles=sorted(known))
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise InvalidInput("config.tls_half")
