"""The answer page and the page after it: ready bytes of a process, with the tools and texts of each kind."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import flask
import flask_babel
from markupsafe import escape

from cbt.config import LOCALES
from cbt.http.app_context import path_of
from cbt.http.i18n import THEMES, as_nobody, script_texts, wall_turns
from cbt.http.page_cache import HOLE, hole
from cbt.rules.exam import TOOLS, Paper, offered, tools_in
from cbt.rules.states import ClosedBy, Purpose


def tools_of_page(paper: Paper, own: str) -> list[str]:
    """Return the tools of a page: those free on its paper, and the candidate's `own` as they are stored.

    Source: R-30.
    """
    return offered(paper.tools, tools_in(own))


def page_texts(tools: Sequence[str], *more: str) -> dict[str, str]:
    """Return what the answer page's scripts say: of tools where there are some, and of `more` groups."""
    language = str(flask_babel.get_locale())
    groups = (*(("tools",) if tools else ()), *more)
    texts = script_texts(language, "delivery")
    return texts | script_texts(language, "answering", *groups) if groups else texts


# The answer page without the person: ready bytes, made once in a process for each language, theme and
# purpose.
#
# Nothing of anybody is in them: they are drawn outside of any request, of a kind alone. Who it is follows at
# their end, uncompressed: nothing secret is packed together with what a stranger may have chosen (BREACH),
# and a page costs a copy and a checksum.

FOLDER = "runner/paper/shells"
"""Where a browser finds them, among the static files: to be fetched before the start."""
ANYBODY = "-"
"""Stands in the addresses of a shell for the attempt."""
_MARK = "\ue000"
"""Where the person will be: a character that no text has."""
_RAW, _GZIP_HEAD = -15, b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
_MOST_STORED = 0xFFFF


class ShellKind(NamedTuple):
    """What shells differ in."""

    locale: str
    theme: str
    purpose: str
    tools: bool
    """Whether the paper offers any, whose texts its scripts need."""

    @property
    def name(self) -> str:
        return f"{self.locale}-{self.theme}-{self.purpose}{'-tools' if self.tools else ''}.html"


KINDS = {
    kind.name: kind
    for kind in (
        ShellKind(locale, theme, purpose.value, tools)
        for locale in LOCALES
        for theme in THEMES
        for purpose in Purpose
        for tools in (False, True)
    )
}


@dataclass(frozen=True, slots=True)
class Shell:
    """The page up to where the person stands, plain and packed, and the little that follows."""

    head: bytes
    tail: bytes
    packed: bytes
    """The head as the beginning of a gzip file; it ends at a byte."""
    checksum: int

    def plain(self, person: bytes = b"") -> bytes:
        return self.head + person + self.tail

    def gzipped(self, person: bytes) -> bytes:
        rest = person + self.tail
        ends = struct.pack("<II", zlib.crc32(rest, self.checksum), len(self.head) + len(rest))
        return b"".join([self.packed, *_stored(rest), ends])


def _stored(body: bytes) -> Iterator[bytes]:
    """Yield the last blocks of a packed text, which hold a body as it is (RFC 1951, 3.2.4)."""
    for start in range(0, len(body), _MOST_STORED):
        part = body[start : start + _MOST_STORED]
        last = start + _MOST_STORED >= len(body)
        yield struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part


def shell_of(text: str) -> Shell:
    head, tail = (part.encode() for part in text.split(_MARK))
    packing = zlib.compressobj(9, zlib.DEFLATED, _RAW, zlib.DEF_MEM_LEVEL)
    packed = _GZIP_HEAD + packing.compress(head) + packing.flush(zlib.Z_FULL_FLUSH)
    return Shell(head, tail, packed, zlib.crc32(head))


class Shells:
    """Those of one process."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._made: dict[ShellKind, Shell] = {}
        self._making = threading.Lock()

    def of(self, kind: ShellKind) -> Shell:
        shell = self._made.get(kind)
        if shell is None:
            with self._making:  # a hall that begins asks for one kind all at once: it is drawn by the first
                shell = self._made.get(kind) or self._made.setdefault(kind, self._make(kind))
        return shell

    def file(self, name: str) -> bytes | None:
        """Return the shell that is called so, of nobody; None where there is no such kind."""
        kind = KINDS.get(name)
        return None if kind is None else self.of(kind).plain()

    def _make(self, kind: ShellKind) -> Shell:
        app = self._app
        path = path_of(app, "delivery.runner", ref=ANYBODY)
        with as_nobody(app, path, locale=kind.locale, theme=kind.theme):
            text = flask.render_template(
                "runner/paper/runner.html",
                purpose=kind.purpose,
                turns=wall_turns(now=app.extensions["cbt_clock"].now()),
                urls=_urls(),
                texts=page_texts(TOOLS if kind.tools else ()),
                mark=_MARK,
            )
        return shell_of(text)


def _urls() -> dict[str, Any]:
    return {
        "page": flask.url_for("delivery.runner", ref=ANYBODY),
        "start": flask.url_for("attempts.start", ref=ANYBODY),
        "answers": flask.url_for("attempts.answers", ref=ANYBODY),
        "advance": flask.url_for("attempts.advance", ref=ANYBODY),
        "submit": flask.url_for("attempts.submit", ref=ANYBODY),
        "clock": flask.url_for("attempts.clock", ref=ANYBODY),
        "news": flask.url_for("news.since", ref=ANYBODY),
        "message": flask.url_for("attempts.read_message", ref=ANYBODY, message_id=0),
        "hand": flask.url_for("hands.raising", ref=ANYBODY),
        "lower": flask.url_for("hands.lowering", ref=ANYBODY),
        "remark": flask.url_for("hands.remarking", ref=ANYBODY),
        "done": flask.url_for("delivery.done", ref=ANYBODY),
        "seat": flask.url_for("door.seat_page"),
        "wait": flask.url_for("door.wait"),
        "ahead": flask.url_for("delivery.ahead"),
    }


# The page after the paper: ready bytes with holes for what is somebody's, made once in a process for each
# kind.
#
# Everybody of a hall gets it within minutes, and it asks for itself every few seconds while they look: it may
# be that a closing is undone.
#
# Source: R-28.


class DoneKind(NamedTuple):
    """What these pages differ in, besides the person."""

    locale: str
    theme: str
    purpose: str
    by: str
    """Who closed the paper: the candidate, the deadline, an evacuation, else a proctor."""
    receipt: bool


class DoneFacts(NamedTuple):
    """What is somebody's on the page, as it is shown."""

    receipt: str
    closed_at: str
    name: str
    ticket: str
    seat: str
    title: str


_TOLD = frozenset({ClosedBy.CANDIDATE, ClosedBy.DEADLINE, ClosedBy.EVACUATION})


def told_by(closed_by: str | None) -> str:
    """Return who the page says has closed a paper."""
    return closed_by if closed_by in _TOLD else ClosedBy.PROCTOR.value


class DonePages:
    """Those of one process."""

    def __init__(self, app: flask.Flask) -> None:
        self._app = app
        self._made: dict[DoneKind, list[str]] = {}
        self._making = threading.Lock()

    def page(self, kind: DoneKind, done: DoneFacts) -> bytes:
        """Return the page of somebody."""
        parts = self._made.get(kind)
        if parts is None:
            with self._making:  # a hall whose time is over asks all at once
                parts = self._made.get(kind) or self._made.setdefault(kind, self._make(kind))
        theirs = done._asdict()
        filled = [str(escape(theirs[part])) if number % 2 else part for number, part in enumerate(parts)]
        return "".join(filled).encode()

    def _make(self, kind: DoneKind) -> list[str]:
        """Draw a page of nobody; return its texts, and between them the names of what is missing there."""
        path = path_of(self._app, "delivery.done", ref="-")
        holes = DoneFacts(*map(hole, DoneFacts._fields))
        with as_nobody(self._app, path, locale=kind.locale, theme=kind.theme):
            text = flask.render_template("runner/paper/done.html", kind=kind, done=holes)
        return HOLE.split(text)
