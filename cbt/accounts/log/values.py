"""What stood before and after an act, in words: facts by name, states, roles and instants as people say them.

What has no word, or was written by a later version, is shown as it is stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from cbt.accounts.log import words
from cbt.accounts.log.naming import Called
from cbt.web.i18n import local_text, word

Facts = list[tuple[str, str]]
"""Names of facts with what they are, both in words."""
_THING = re.compile(r"[a-z_]+:[\w-]+(?::[\w-]+)?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?([+-]\d\d:\d\d|Z)")
_STATES = ("sittings.state", "candidates.state", "proctoring.state", "bank.state")
_OF_KIND = {"item": "bank.state", "attempt": "proctoring.state", "registration": "candidates.state"}
"""Where the words of a state are, by what it is the state of."""
_CODES = {
    "roles": ("role",),
    "mode": ("sittings.mode",),
    "purpose": ("sittings.purpose",),
    "verdict": ("objection.state",),
    "brought_by": ("objection.by",),
}
_ACTS = frozenset({"act"})


def things_in(stored: str) -> Iterator[str]:
    """Yield the things that stored facts speak of."""
    for value in _leaves(_read(stored)):
        if isinstance(value, str) and _THING.fullmatch(value):
            yield value


def in_words(stored: str, subject: str, names: Mapping[str, Called]) -> Facts:
    """Return the facts of an entry about `subject` in words; none where there were none."""
    kind = subject.partition(":")[0]
    found = _read(stored)
    if not isinstance(found, dict):
        return [("", str(found))] if stored else []
    return [(_name(key), _said(key, value, kind, names)) for key, value in found.items()]


def on_one_line(facts: Facts) -> str:
    """Return facts as a cell of a sheet holds them."""
    return "\n".join(
        str(_("accounts.log.fact", name=name, value=value)) if name else value for name, value in facts
    )


def _read(stored: str) -> Any:
    try:
        return json.loads(stored) if stored else None
    except ValueError:
        return stored


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _known(message_id: str) -> str:
    found = str(_(message_id))
    return "" if found == message_id else found


def _name(key: str) -> str:
    return _known(f"accounts.log.key.{key}") or key


def _said(key: str, value: Any, kind: str, names: Mapping[str, Called]) -> str:
    if isinstance(value, list):
        return str(_("accounts.log.comma")).join(_said(key, one, kind, names) for one in value) or _none()
    if isinstance(value, dict):
        parts = (
            str(_("accounts.log.fact", name=_name(name), value=_said(name, one, kind, names)))
            for name, one in value.items()
        )
        return str(_("accounts.log.comma")).join(parts) or _none()
    if value is None or value == "":
        return _none()
    if isinstance(value, bool):
        return str(_("accounts.log.yes" if value else "accounts.log.no"))
    return _text(key, str(value), kind, names)


def _none() -> str:
    return str(_("accounts.log.no_value"))


def _text(key: str, value: str, kind: str, names: Mapping[str, Called]) -> str:
    if _INSTANT.fullmatch(value):
        return local_text(datetime.fromisoformat(value), "%Y-%m-%d %H:%M:%S")
    if value in names:
        return names[value].name
    if key in _ACTS:
        return words.act_name(value)
    if key == "reason_code":
        return word(f"proctoring.reason.{value}")
    prefixes: tuple[str, ...] = _CODES.get(key, ())
    if key == "state":
        prefixes = (_OF_KIND.get(kind, _STATES[0]), *_STATES)
    return next((said for prefix in prefixes if (said := _known(f"{prefix}.{value}"))), value)
