"""The child's side of GIFT: text to questions, and questions to items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping, hidden, shown
from cbt.interchange.raw_items import Gleaning, LeftOut
from cbt.interchange.text import text_of
from cbt.items.types.folders import Mappings

MAPPINGS = Mappings("gift", GiftMapping)

_MARK = re.compile(r"\[(id|tag):((?:\\\]|[^\]\n]){1,200})\]")
_TITLE = re.compile(r"::(.*?)::", re.DOTALL)
_FORMAT = re.compile(r"\s*\[(html|moodle|plain|markdown)\]", re.IGNORECASE)
_GOES_ON = ("=", "~", "}", "#")


@dataclass(slots=True)
class Chunk:
    """The lines of one question, with what stood in comments before and in it."""

    line: int
    lines: list[str] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)


def read(body: bytes) -> bytes:
    """Return the items of a GIFT file; raise InvalidInput("bank.text_encoding")."""
    return gather(text_of(body)).encoded()


def gather(text: str) -> Gleaning:
    """Return the items of a GIFT text and what could not be read of it."""
    gleaning = Gleaning()
    point = ""
    for chunk in _chunks(text.split("\n")):
        if (first := chunk.lines[0].lstrip()).startswith("$"):
            point = raw_items.point_in(first) if first.upper().startswith("$CATEGORY") else point
            continue
        with gleaning.item("", chunk.line):
            _question(gleaning, chunk, point)
    return gleaning


def _chunks(lines: list[str]) -> Iterator[Chunk]:
    """Yield the questions: what stands between empty lines, comments too; an open brace reaches over one.

    A question has one pair of braces: where files leave no empty line, the next pair or title begins the next.
    """
    chunk = Chunk(0)
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if bare.startswith("//"):
            chunk.marks += [(name, value.replace("\\]", "]")) for name, value in _MARK.findall(bare)]
        elif bare.startswith("$") and not chunk.lines:
            yield Chunk(number, [bare])
            chunk = Chunk(0)
        elif bare:
            if chunk.lines and _begins_another(chunk, bare):
                yield _cut(chunk)
            chunk.line = chunk.line or number
            chunk.lines.append(line)
        elif not (chunk.lines and _is_open(chunk, lines, number)):
            if chunk.lines:
                yield chunk
            chunk = Chunk(0)  # what was said before an empty line was said of a question that is not there
    if chunk.lines:
        yield chunk


def _begins_another(chunk: Chunk, line: str) -> bool:
    """Say whether a chunk has its answers, and a line brings a title or braces of its own."""
    text = hidden("\n".join(chunk.lines))
    done = 0 < text.count("{") == text.count("}")
    return done and (line.startswith("::") or "{" in hidden(line))


def _cut(chunk: Chunk) -> Chunk:
    """Return the question that ends with the last closing brace, and leave in `chunk` what follows it."""
    last = max(at for at, line in enumerate(chunk.lines) if "}" in hidden(line))
    ended = Chunk(chunk.line, chunk.lines[: last + 1], chunk.marks)
    chunk.line, chunk.lines, chunk.marks = chunk.line + last + 1, chunk.lines[last + 1 :], []
    if not chunk.lines:
        chunk.line = 0
    return ended


def _is_open(chunk: Chunk, lines: list[str], number: int) -> bool:
    """Say whether a brace is open and what comes after the empty line is one of its answers."""
    ahead = next((line.strip() for line in lines[number : number + 3] if line.strip()), "")
    if not ahead.startswith(_GOES_ON):
        return False
    text = hidden("\n".join(chunk.lines))
    return text.count("{") > text.count("}")


def _question(gleaning: Gleaning, chunk: Chunk, point: str) -> None:
    text = hidden("\n".join(chunk.lines)).strip()
    title = ""
    if named := _TITLE.match(text):
        title, text = shown(named[1]).strip(), text[named.end() :]
    kind = "moodle"
    if match := _FORMAT.match(text):
        kind, text = match[1].lower(), text[match.end() :]
    start, end = text.find("{"), text.rfind("}")
    if start < 0 and end < 0:
        gleaning.hint("open_no_question", shown(text))
        return
    inner = text[start + 1 : end]
    if start < 0 or end < start or inner.count("{") != inner.count("}") or "{" in text[end + 1 :]:
        raise LeftOut("open_braces", shown(text))
    data = _item(Braces(gleaning, text[:start], inner, text[end + 1 :], kind))
    tags = [value for name, value in chunk.marks if name == "tag"]
    ref = next((value for name, value in chunk.marks if name == "id"), "")
    place = {"point": code} if (code := point or raw_items.point_in(title)) else {}
    gleaning.add(raw_items.ref_of(ref), place | data | raw_items.facts(tags))


def _item(braces: Braces) -> dict[str, Any]:
    for mapping in MAPPINGS.values():
        if mapping.claims(braces):
            return mapping.read(braces)
    raise LeftOut("open_braces", shown(braces.inner))
