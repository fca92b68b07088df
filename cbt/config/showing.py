"""Settings as a person or a log may see them: what is secret is masked."""

from __future__ import annotations

import re
from dataclasses import fields

from cbt.config.settings import Settings, variable, written

MASK = "***"
_USER = re.compile(r"(?<=://)([^:/?#]*):(.*)@")
_QUERY = re.compile(r"([?&](?:password|sslpassword|passfile)=)[^&]*", re.IGNORECASE)


def masked(url: str) -> str:
    """Return a database URL without its password, wherever in it that stands."""
    return _QUERY.sub(rf"\1{MASK}", _USER.sub(rf"\1:{MASK}@", url))


def shown(settings: Settings) -> dict[str, str]:
    """Return every setting as it would be written, by its variable, without secrets; "" for what is not set."""
    texts = {field.name: written(getattr(settings, field.name)) for field in fields(Settings)}
    return {variable(name): masked(text) if name == "database_url" else text for name, text in texts.items()}
