"""A picture in a text that is still read: one character, so that nothing is found in it that looks like a word.

Readers of documents and sheets look for letters, numbers and brackets; what `Gleaning.medium` gives for a picture
has some, so it stands in its text only once the text is read. Children import this too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FIRST = 0xF0000
MOST = 4_000
RANGE = f"{chr(FIRST)}-{chr(FIRST + MOST)}"
_MARK = re.compile(f"[{RANGE}]")
_TAIL = re.compile(rf"[\s\u3000]*[{RANGE}][\s\u3000{RANGE}]*$")
_KEY = re.compile("(\ufdd0)([0-9]+)")
_BEFORE = re.compile(rf"\s+(?=[{RANGE}])")

HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""How a picture begins that can be drawn anew: a JPEG, a PNG."""
_NO_WORDS = re.compile(
    r"(?:[A-Za-z]:)?[\\/]|https?:|\.(?:png|jpe?g|gif|bmp|tiff?|[ew]mf|svg|webp)\s*$|^(?:图片|图像|图形|picture|image|img)"
    r"[\s_\-\d]*$|自动生成|(?:automatically|AI)[\s-]generated|AI.{0,4}生成|^name of file$|^[0-9a-f_\-\s]{8,}$",
    re.IGNORECASE,
)
"""What programs write as the words for a picture: a path, a file's name, a number."""


def worded(words: str) -> str:
    """Return the words for a picture, "" for those a program wrote."""
    return "" if _NO_WORDS.search(words) else words


@dataclass(frozen=True, slots=True)
class PictureMarks:
    """The pictures of one file: what stands for each of them, in order, and their bodies by their keys."""

    marks: list[str] = field(default_factory=list)
    bodies: Mapping[str, bytes] = field(default_factory=dict)

    def joined(self, other: PictureMarks) -> PictureMarks:
        """Return these and those of another file behind them."""
        by = len(self.bodies)
        marks = [_KEY.sub(lambda found: f"{found[1]}{int(found[2]) + by}", one) for one in other.marks]
        bodies = {str(int(key) + by): body for key, body in other.bodies.items()}
        return PictureMarks([*self.marks, *marks], {**self.bodies, **bodies})


def mark(number: int) -> str:
    """Return the character of a picture, "" for one too many."""
    return chr(FIRST + number) if number < MOST else ""


def number_of(character: str) -> int:
    return ord(character) - FIRST


def marks_in(text: str) -> list[str]:
    return _MARK.findall(text) if not text.isascii() else []


def has_mark(text: str) -> bool:
    return not text.isascii() and _MARK.search(text) is not None


def without(text: str) -> str:
    return _MARK.sub("", text) if not text.isascii() else text


def told(text: str) -> str:
    """Return a text that says where pictures stand."""
    return _MARK.sub("［图］", text) if not text.isascii() else text


def only_marks(text: str) -> bool:
    return has_mark(text) and not without(text).strip(" \n\u3000")


def apart(text: str) -> tuple[str, str]:
    """Return a text without the pictures at its end, and these; a text of nothing but pictures stays whole."""
    match = _TAIL.search(text) if has_mark(text) else None
    if match is None or not text[: match.start()].strip():
        return text, ""
    return text[: match.start()], match[0].rstrip()


def drawn_up(text: str) -> str:
    """Return a text whose pictures stand behind what is before them, on no line of their own."""
    return _BEFORE.sub("", text) if has_mark(text) else text


def shifted(text: str, by: int) -> str:
    """Return a text whose pictures have other numbers: those of two files stand beside each other."""
    return _MARK.sub(lambda found: mark(number_of(found[0]) + by), text)


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)
