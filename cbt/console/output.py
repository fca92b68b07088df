"""Output of commands: answers, refusals and progress, as JSON or as words in columns of a terminal.

A Chinese character takes two columns.
"""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from cbt.console.texts import explain
from cbt.errors import CbtError

Row = Sequence[str]
_NOT_FIRST = frozenset("，。；：、！？）》】”’…,.;:!?)")
"""What must not stand at the beginning of a line."""


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def align(rows: Sequence[Row], right: frozenset[int] = frozenset()) -> list[str]:
    """Return the rows as lines with columns two spaces apart; the columns of `right` end together."""
    if not rows:
        return []
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            _pad(cell, widths[column], right=column in right) for column, cell in enumerate(row)
        ).rstrip()
        for row in rows
    ]


def _pad(cell: str, target: int, *, right: bool) -> str:
    space = " " * (target - width(cell))
    return space + cell if right else cell + space


def fold(text: str, columns: int) -> list[str]:
    """Return `text` as lines of at most `columns`: broken at spaces and between Chinese characters."""
    lines, line = [], ""
    for piece in _pieces(text):
        if line and width(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterator[str]:
    """Yield what stays together: a word and the space after it, a wide character, each with its closing mark."""
    piece = ""
    for char in text:
        wide = unicodedata.east_asian_width(char) in "WF"
        after = piece[-1:]
        parts = after == " " or wide or (after != "" and unicodedata.east_asian_width(after) in "WF")
        if piece and parts and char not in _NOT_FIRST and char != " ":
            yield piece
            piece = ""
        piece += char
    yield piece


# What a command says, once: as data for a program, as words for a person. Only here it is printed.
#
# With `--json` the data stands alone on standard output, refusals too. Without it people read words, in a
# terminal and in a pipe alike; colours only in a terminal, and not where `NO_COLOR` is set.

_JSON = "cbt.console.json"
_ERASE = "\r\x1b[K"
QUIET_SECONDS = 10.0
"""Where nobody watches, progress is told this often."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command found or did.

    `data` is what `--json` prints: dicts, lists, texts, numbers, and the types `plain` knows. `words` are the lines
    a person reads on standard output, `notes` those beside the answer, on standard error; with `--json` neither is
    printed, so what they say stands in `data` too. `code` is the exit code.
    What is `paged` is long: a terminal shows it in the system's pager. `each` says that `data` is a list whose
    entries are documents of their own: JSON has one a line then.
    """

    data: object
    words: Sequence[str] = ()
    notes: Sequence[str] = ()
    code: int = 0
    paged: bool = False
    each: bool = False


def say(answer: Answer, *, as_json: bool | None = None) -> None:
    """Print an answer: as JSON or as words, as the running command was asked unless `as_json` says it."""
    if asked_for_json() if as_json is None else as_json:
        whole = [answer.data] if not answer.each else answer.data
        assert isinstance(whole, list)
        for document in whole:
            indent = None if answer.each else 2
            _print(json.dumps(document, ensure_ascii=False, indent=indent, default=plain))
        return
    if answer.paged:
        click.echo_via_pager("\n".join(answer.words))
    else:
        for line in answer.words:
            _print(line)
    for line in answer.notes:
        _print(line, err=True)


def hint(line: str) -> None:
    """Tell whoever sits at a terminal what is expected of them now, on standard error."""
    _print(line, err=True)


def refuse(error: CbtError, *, as_json: bool) -> None:
    """Print what happened and what to do now; with `as_json` on standard output, as `{"error": …}`."""
    what, fix = explain(error)
    say(Answer({"error": told(error)}, notes=[tone(what, "red"), fix]), as_json=as_json)


def told(error: CbtError, **more: object) -> dict[str, object]:
    """Return an error as `--json` prints it below `error`: code, what, fix, and what a command adds."""
    what, fix = explain(error)
    return {"code": error.code, "what": what, "fix": fix, **more}


def asked_for_json() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_JSON, False)


def ask_for_json(context: click.Context) -> None:
    context.meta[_JSON] = True


def tone(line: str, colour: str) -> str:
    """Return a line in a colour, which is taken out again where no terminal shows it."""
    return click.style(line, fg=colour)


def _print(line: str, *, err: bool = False) -> None:
    # A file's name need not be UTF-8; what is printed is.
    readable = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    click.echo(readable, err=err, color=False if os.environ.get("NO_COLOR") else None)


def plain(value: object) -> object:
    """Return a value that JSON has no word for as one it has; raise TypeError for a kind nobody thought of."""
    if isinstance(value, date):  # an instant, too
        return value.isoformat()
    if isinstance(value, Path | Decimal):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


class Progress:
    """Where a long command stands, on standard error, so that what is piped or read by a program stays clean.

    A terminal shows one line that is written over; elsewhere (a log) there is a line now and then.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that never go back."""
        self._clock, self._stream = clock, sys.stderr
        self._live, self._told_at = self._stream.isatty(), float("-inf")

    def tell(self, line: str) -> None:
        now = self._clock()
        if self._live:
            click.echo(_ERASE + line, file=self._stream, nl=False)
        elif now - self._told_at >= QUIET_SECONDS:
            click.echo(line, file=self._stream)
            self._told_at = now

    def done(self) -> None:
        """Take the line away: what follows is the answer."""
        if self._live:
            click.echo(_ERASE, file=self._stream, nl=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        """End, also when what it tells of failed."""
        self.done()
