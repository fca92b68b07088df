"""Media named in a text: pictures `![说明](media:3f9c…)`, sounds with `.mp3`, `.ogg` or `.wav` behind."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "/item-media/"
"""Where they are served: texts become pages where no map of addresses is at hand."""
NAME = re.compile(r"[0-9a-f]{32}(?:\.(?:mp3|ogg|wav))?")
MARK = re.compile(r"!\[([^\]\n]{0,300})\]\(media:([0-9a-f]{32}(?:\.(?:mp3|ogg|wav))?)\)")
_AT_END = re.compile(rf"(?:\s*{MARK.pattern})+\s*$")
ANY_MARK = re.compile(r"!\[([^\]\n]{0,300})\]\(([^)\s]{0,300})\)")
SCHEME = "media:"
_FIRST = {"stimulus": 0, "stem": 0, "explanation": 2}
NO_WORDS, NO_WORDS_SOUND = "图", "录音"
"""What is said of a picture or a sound that came in a file which says nothing of it."""
ENDINGS: Mapping[str, str] = {"audio/mpeg": ".mp3", "audio/ogg": ".ogg", "audio/wav": ".wav"}


def is_sound(name: str) -> bool:
    return "." in name


def kind_of(name: str) -> str:
    """Return the kind of a sound by its name, "" for a picture's."""
    return next((kind for kind, ending in ENDINGS.items() if name.endswith(ending)), "")


def address(name: str) -> str:
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
        for inner in value:
            yield from _inner(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _inner(inner)


@dataclass(frozen=True, slots=True)
class NamedMedium:
    """A picture or a sound that a text names: the field, the words for it, where it is sent from."""

    field: str
    words: str
    address: str
    sound: bool


def media_in(data: Mapping[str, Any]) -> list[NamedMedium]:
    """Return the pictures and sounds that the texts of a content name, in the order in which people read them."""
    choices = data.get("choices", ())
    media = [
        NamedMedium(
            f"choices.{choices.index(text) + 1}" if field == "choices" and text in choices else field,
            mark[1],
            address(mark[2]),
            is_sound(mark[2]),
        )
        for field, text in texts_of(data)
        for mark in MARK.finditer(text)
    ]
    return sorted(media, key=lambda one: _FIRST.get(one.field, 1))


def names_in(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return field and name of each picture and sound that a content names, a picture to be marked too."""
    names = [(field, mark[2]) for field, text in texts_of(data) for mark in MARK.finditer(text)]
    for prefix, part in [
        ("", data),
        *((f"parts.{n}.", one) for n, one in enumerate(data.get("parts", ()), 1)),
    ]:
        picture = part.get("picture", "") if isinstance(part, Mapping) else ""
        if isinstance(picture, str) and picture.startswith(SCHEME):
            names.append((f"{prefix}picture", picture.removeprefix(SCHEME)))
    return names


def in_words(text: str) -> str:
    return MARK.sub(lambda found: f"［{found[1]}］", text)


def without_last(text: str) -> tuple[str, str]:
    """Return a text without the pictures and sounds at its end, and these."""
    match = _AT_END.search(text) if text.endswith(")") else None
    return (text[: match.start()], match[0]) if match else (text, "")


def replaced(value: Any, mark: re.Pattern[str], name: Callable[[re.Match[str]], str]) -> Any:
    """Return a content in whose texts each mark is what `name` makes of it."""
    if isinstance(value, str):
        return mark.sub(name, value)
    if isinstance(value, list | tuple):
        inner = (replaced(one, mark, name) for one in value)
        return list(inner) if isinstance(value, list) else tuple(inner)
    if isinstance(value, Mapping):
        return {key: replaced(one, mark, name) for key, one in value.items()}
    return value


NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class NewMedium:
    """A picture or a sound that was drawn or copied anew, and not stored yet.

    `came` is what a picture would be called by if it were kept as it came: it is one of ours that went out where
    that is kept already, and drawn anew it would be another.
    """

    mimetype: str
    body: bytes
    width: int = 0
    height: int = 0
    seconds: int = 0
    came: str = ""

    @property
    def name(self) -> str:
        """What it is called by: the head of its digest, and for a sound its ending."""
        return digest_of(self.body) + ENDINGS.get(self.mimetype, "")


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:NAME_LENGTH]
