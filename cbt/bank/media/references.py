"""How a text names a picture or a sound: `![说明](media:3f9c…)`, a sound with `.mp3`, `.ogg` or `.wav` behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "/item-media/"
"""Where they are served: texts become pages where no map of addresses is at hand."""
NAME = re.compile(r"[0-9a-f]{32}(?:\.(?:mp3|ogg|wav))?")
MARK = re.compile(r"!\[([^\]\n]{0,300})\]\(media:([0-9a-f]{32}(?:\.(?:mp3|ogg|wav))?)\)")
ANY_MARK = re.compile(r"!\[([^\]\n]{0,300})\]\(([^)\s]{0,300})\)")
SCHEME = "media:"
ENDINGS: Mapping[str, str] = {"audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/wav": ".wav"}


def is_sound(name: str) -> bool:
    """Return whether a name is a sound's."""
    return "." in name


def address(name: str) -> str:
    """Return where a picture or a sound is sent from."""
    return f"{PREFIX}{name}"


def texts_of(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield field and text of everything in a content that is shown as Markdown."""
    for name, value in data.items():
        if name == "parts" and isinstance(value, list):
            for number, part in enumerate(value, 1):
                if isinstance(part, Mapping):
                    yield from ((f"parts.{number}.{field}", text) for field, text in texts_of(part))
        elif name not in {"type", "point", "picture", "law", "compute"}:
            yield from ((name, text) for text in _inner(value))


def _inner(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inner(one)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _inner(one)


def names_in(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return field and name of each picture and sound that a content names, a picture to be marked too."""
    found = [(field, mark[2]) for field, text in texts_of(data) for mark in MARK.finditer(text)]
    for prefix, part in [
        ("", data),
        *((f"parts.{n}.", one) for n, one in enumerate(data.get("parts", ()), 1)),
    ]:
        picture = part.get("picture", "") if isinstance(part, Mapping) else ""
        if isinstance(picture, str) and picture.startswith(SCHEME):
            found.append((f"{prefix}picture", picture.removeprefix(SCHEME)))
    return found
