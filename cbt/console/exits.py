"""How a command ends: what stopped it becomes two sentences and an exit code, whatever it was."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from cbt.console.texts import text
from cbt.errors import CbtError, InvalidInput, NotFound, Unavailable

DONE, DIFFERS, REFUSED, NOT_PROVED, UNFORESEEN, TRY_AGAIN, INTERRUPTED, UNREAD = 0, 1, 2, 3, 70, 75, 130, 141
"""Exit codes: done; not as it should be and no fault yet (`cbt audit verify`, `cbt doctor`); refused, or wrong;
unchanged, and by whom was not asked (`cbt package verify` without a key); an error nobody foresaw; something it
needs is not there now; Ctrl+C; whoever read the output has gone."""
MEANINGS = {
    DONE: "console.exit.done",
    DIFFERS: "console.exit.differs",
    REFUSED: "console.exit.refused",
    NOT_PROVED: "console.exit.not_proved",
    UNFORESEEN: "console.exit.unforeseen",
    TRY_AGAIN: "console.exit.try_again",
    INTERRUPTED: "console.exit.interrupted",
    UNREAD: "console.exit.unread",
}
"""What each means: the id of a text, shown by `cbt --help`."""
_CODES = {
    "db.unreachable": TRY_AGAIN,
    "serve.not_prepared": TRY_AGAIN,
    "console.database": TRY_AGAIN,
    "console.unforeseen": UNFORESEEN,
}
"""Of what is explained, all that is no refusal: a service manager starts it again."""
_PACKAGE = Path(__file__).resolve().parents[2]
_FILES = {
    errno.ENOENT: "console.file.not_there",
    errno.EACCES: "console.file.not_allowed",
    errno.EPERM: "console.file.not_allowed",
    errno.EISDIR: "console.file.folder",
    errno.ENOTDIR: "console.file.no_folder",
    errno.EEXIST: "console.file.there",
    errno.ENOSPC: "console.file.full",
    errno.EDQUOT: "console.file.full",
    errno.EROFS: "console.file.read_only",
}


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """How a command ended: its exit code, and what is to be said; nothing where the person knows."""

    code: int
    error: CbtError | None = None


class Unread(Exception):
    """Whoever read the output (`| head`) has gone."""


@contextmanager
def reader_there() -> Iterator[None]:
    """Run what prints; raise Unread when nobody reads any more, before click makes a failure of it."""
    try:
        yield
    except BrokenPipeError as gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Unread from gone


def end_of(stopped: BaseException) -> CommandEnd:
    """Return what an exception that nobody caught means for whoever typed the command."""
    if isinstance(stopped, click.Abort | KeyboardInterrupt | EOFError):
        return CommandEnd(INTERRUPTED)
    if isinstance(stopped, Unread):
        return CommandEnd(UNREAD)
    if isinstance(stopped, CbtError):
        return CommandEnd(_CODES.get(stopped.code, REFUSED), stopped)
    if isinstance(stopped, click.ClickException):
        return CommandEnd(REFUSED, mistyped(stopped))
    if isinstance(stopped, UnicodeDecodeError):
        return CommandEnd(REFUSED, InvalidInput("console.not_text"))
    if _databases_own(stopped):
        return CommandEnd(TRY_AGAIN, Unavailable("console.database", kind=type(stopped).__name__))
    if isinstance(stopped, OSError) and stopped.errno in _FILES:
        return CommandEnd(REFUSED, _file(stopped))
    return CommandEnd(UNFORESEEN, unforeseen(stopped))


def _databases_own(stopped: BaseException) -> bool:
    """Return whether the database cannot do its work now; where none was opened, it is not asked."""
    if "sqlalchemy" not in sys.modules:
        return False
    from cbt.storage.engine import cannot_persist

    return cannot_persist(stopped)


def mistyped(error: click.ClickException) -> CbtError:
    """Return what click refuses, as an error of ours: which word, the near one, and where the help is."""
    context = getattr(error, "ctx", None)
    where = {"command": "cbt" if context is None else context.command_path}
    match error:
        case click.NoSuchOption() | click.NoSuchCommand():
            what = "option" if isinstance(error, click.NoSuchOption) else "command"
            typed = error.option_name if isinstance(error, click.NoSuchOption) else error.command_name
            if near := error.possibilities:
                return NotFound(f"console.no_{what}_near", given=typed, near=near[0], **where)
            return NotFound(f"console.no_{what}", given=typed, **where)
        case click.exceptions.NoArgsIsHelpError():
            return InvalidInput("console.which_command", **where)
        case click.MissingParameter():
            return InvalidInput("console.missing", name=_name(error), **where)
        case click.BadParameter():
            return _wrong_value(error, where)
        case click.BadOptionUsage():
            return InvalidInput("console.option_value", name=error.option_name, **where)
        case _:
            return InvalidInput("console.mistyped", **where)


def _name(error: click.BadParameter) -> str:
    param = error.param
    if param is None:
        return "?"
    return param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name


def _wrong_value(error: click.BadParameter, where: dict[str, str]) -> CbtError:
    kind = None if error.param is None else error.param.type
    if isinstance(kind, click.Choice):
        return InvalidInput("console.choice", name=_name(error), choices=list(kind.choices), **where)
    if isinstance(kind, click.IntRange) and kind.min is not None:
        return InvalidInput("console.number_from", name=_name(error), least=kind.min, **where)
    if isinstance(kind, click.types.IntParamType):
        return InvalidInput("console.number", name=_name(error), **where)
    return InvalidInput("console.value", name=_name(error), **where)


def _file(error: OSError) -> CbtError:
    return Unavailable(_FILES[error.errno or 0], path=str(error.filename or text("console.output")))


def unforeseen(error: BaseException) -> CbtError:
    """Return an error nobody foresaw: its type and its places in the code.

    Never its text, which may name the values of a row.
    """
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE / "cbt")]
    places = [f"{Path(one.filename).relative_to(_PACKAGE)}:{one.lineno}" for one in inside[-5:]]
    kind = type(error)
    return Unavailable(
        "console.unforeseen", kind=f"{kind.__module__}.{kind.__qualname__}", places=" > ".join(places)
    )
