"""Commands, groups, options, arguments and paths of `cbt`, declared with the id of a text as their help.

Every command takes `--json` and returns an `Answer`; its help and its usage are in the installation's
language. `@group` makes the group of a room, `@that_group.command` its commands, `@command` one without a
group.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from cbt.console.exits import DONE, REFUSED
from cbt.console.output import Answer, ask_for_json, fold, say, width
from cbt.console.texts import text
from cbt.errors import InvalidInput

F = TypeVar("F", bound=Callable[..., Any])
_GAP, _INDENT, _WIDEST_NAME = 2, 2, 26


class _Helped:
    """Whose help is kept as the id of a text and read in the installation's language."""

    help_id: str | None = None

    @property
    def help(self) -> str | None:
        return None if self.help_id is None else text(self.help_id)

    @help.setter
    def help(self, message_id: str | None) -> None:
        self.help_id = message_id


class TextOption(_Helped, click.Option):
    """An option; its metavar is what stands for the value."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option as it is typed, and what is told of it."""
        if self.hidden:
            return None
        extra = self.get_help_extra(ctx)
        notes = [text("console.required")] if "required" in extra else []
        if "default" in extra:
            notes.append(text("console.default", value=extra["default"]))
        help_text = self.help or ""
        return self.get_help_spec(ctx), f"{help_text} [{' · '.join(notes)}]" if notes else help_text

    def make_metavar(self, ctx: click.Context) -> str:
        """Return what stands for the value: a choice as it is, N for a number, else what the option names."""
        if self.metavar is not None or isinstance(self.type, click.Choice):
            return super().make_metavar(ctx)
        return "N" if isinstance(self.type, click.types.IntParamType) else str(self.name).upper()


class TextArgument(_Helped, click.Argument):
    """An argument, told of below the usage."""


class _Page:
    """A command whose help page is laid out for Chinese as well, and names its parts in its language."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        assert isinstance(self, click.Command)
        pieces = [piece for param in self.get_params(ctx) for piece in param.get_usage_pieces(ctx)]
        if isinstance(self, click.Group):
            pieces.append(text("console.usage.command"))
        return [text("console.usage.options"), *pieces]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        usage = " ".join([ctx.command_path, *self.collect_usage_pieces(ctx)])
        formatter.write(f"{text('console.usage')} {usage}\n")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the whole page: usage, purpose, arguments, options, commands."""
        assert isinstance(self, click.Command)
        self.format_usage(ctx, formatter)
        paragraphs = [self.help or ""]
        if isinstance(self, TextCommand) and self.alone:
            paragraphs.append(text(self.alone))
        folded = [line for one in paragraphs for line in fold(one, formatter.width - _INDENT)]
        lines = ["", *(" " * _INDENT + line for line in folded)]
        for heading, rows in self.sections(ctx):
            lines += ["", text(heading), *_listed(rows, formatter.width)]
        formatter.write("\n".join(lines) + "\n")

    def sections(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield the id of each heading, and the rows below it."""
        assert isinstance(self, click.Command)
        params = self.get_params(ctx)
        arguments = [one.get_help_record(ctx) for one in params if isinstance(one, click.Argument)]
        options = [one.get_help_record(ctx) for one in params if isinstance(one, click.Option)]
        commands: list[tuple[str, str]] = []
        if isinstance(self, click.Group):
            listed_commands = [(name, self.line(ctx, name)) for name in self.list_commands(ctx)]
            commands = [
                (name, one.help or "") for name, one in listed_commands if one is not None and not one.hidden
            ]
        for heading, rows in (
            ("console.arguments", arguments),
            ("console.options", options),
            ("console.commands", commands),
        ):
            if there := [row for row in rows if row is not None]:
                yield heading, there

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        assert isinstance(self, click.Command)
        help_option = click.Command.get_help_option(self, ctx)
        if help_option is not None:
            help_option.help = text("console.help")
        return help_option


def _listed(rows: list[tuple[str, str]], columns: int) -> Iterator[str]:
    """Yield names with what is told of them beside, or below where a name is long."""
    first = min(max(width(name) for name, _told in rows), _WIDEST_NAME)
    margin = " " * (_INDENT + first + _GAP)
    for name, help_text in rows:
        head, *rest = fold(help_text, columns - len(margin))
        space = first + _GAP - width(name)
        if space < _GAP:
            yield " " * _INDENT + name
            yield margin + head
        else:
            yield (" " * _INDENT + name + " " * space + head).rstrip()
        yield from (margin + line for line in rest)


@contextmanager
def _of(ctx: click.Context) -> Iterator[None]:
    """Have a refusal know which command it is about; click leaves that out of some."""
    try:
        yield
    except click.UsageError as refused:
        refused.ctx = refused.ctx or ctx
        raise


class TextCommand(_Helped, _Page, click.Command):
    """A command: takes `--json`, says what it returns, and ends with that answer's exit code."""

    def __init__(
        self, name: str | None, *, alone: str = "", ends: tuple[int, ...] = (DONE, REFUSED), **attrs: Any
    ) -> None:
        """Take what click takes, and add `--json`.

        `alone` is the id of what has to be told where a server must not run beside it; `ends` are its exit codes
        beside those that every command has.
        """
        super().__init__(name, **attrs)
        self.alone, self.ends = alone, ends
        self.params.append(
            TextOption(
                ["--json"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                help="console.json",
                callback=lambda ctx, _param, asked: ask_for_json(ctx) if asked else None,
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what was typed; raise InvalidInput("console.extra_argument") for more than it takes."""
        ctx.allow_extra_args = True
        with _of(ctx):
            left = super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            raise InvalidInput("console.extra_argument", given=" ".join(left), command=ctx.command_path)
        return left

    def invoke(self, ctx: click.Context) -> None:
        answer = super().invoke(ctx)
        if isinstance(answer, Answer):
            say(answer)
            if answer.code:
                ctx.exit(answer.code)


class TextGroup(_Helped, _Page, click.Group):
    """A group of commands."""

    command_class = TextCommand

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what was typed; raise InvalidInput("console.json_place") for `--json` before the command."""
        if args[:1] == ["--json"] and not ctx.resilient_parsing:
            raise InvalidInput("console.json_place", command=ctx.command_path)
        with _of(ctx):
            return super().parse_args(ctx, args)

    def line(self, ctx: click.Context, name: str) -> click.Command | None:
        return self.get_command(ctx, name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin so, by their lines alone."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        own_commands = [(name, self.line(ctx, name)) for name in names]
        items = [CompletionItem(name, help=one.help) for name, one in own_commands if one and not one.hidden]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


def command(name: str, *, help: str, **attrs: Any) -> Callable[[Callable[..., Any]], TextCommand]:
    """Declare a command of `cbt` itself; `help` is the id of a text."""
    return click.command(name, cls=TextCommand, help=help, **attrs)


def group(name: str, *, help: str) -> Callable[[Callable[..., Any]], TextGroup]:
    """Declare the group of a room's commands; `help` is the id of a text."""
    return click.group(name, cls=TextGroup, help=help)


def option(*names: str, help: str | None = None, **attrs: Any) -> Callable[[F], F]:
    """Declare an option; `help` is the id of a text, and only a hidden option does without."""
    return click.option(*names, cls=TextOption, help=help, **attrs)


def argument(name: str, *, help: str, **attrs: Any) -> Callable[[F], F]:
    """Declare an argument; `help` is the id of a text."""
    return click.argument(name, cls=TextArgument, help=help, **attrs)


class PathKind(click.Path):
    """A path; `must` says what it has to be, and a command gets it as a `Path`."""

    def __init__(self, must: Callable[[Path], None]) -> None:
        """`must` raises InvalidInput for a path that will not do."""
        super().__init__(path_type=Path)
        self._must = must

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; raise InvalidInput("console.…") as `must` does."""
        path = Path(value)
        self._must(path)
        return path


def _there(path: Path) -> None:
    try:
        path.stat()
    except PermissionError as error:
        raise InvalidInput("console.not_readable", path=str(path)) from error
    except OSError as error:
        raise InvalidInput("console.not_there", path=str(path)) from error
    if not os.access(path, os.R_OK):
        raise InvalidInput("console.not_readable", path=str(path))


def _file(path: Path) -> None:
    _there(path)
    if path.is_dir():
        raise InvalidInput("console.folder_for_file", path=str(path))


def _folder(path: Path) -> None:
    _there(path)
    if not path.is_dir():
        raise InvalidInput("console.file_for_folder", path=str(path))


def _new_file(path: Path) -> None:
    if path.is_dir():
        raise InvalidInput("console.folder_for_file", path=str(path))
    if os.path.lexists(path):
        raise InvalidInput("console.file_there", path=str(path))
    if not path.parent.is_dir():
        raise InvalidInput("console.not_there", path=str(path.parent))


def _any(path: Path) -> None:
    """Let the command say what is wrong with it."""


FILE = PathKind(_file)
"""A file that is there and can be read."""
FOLDER = PathKind(_folder)
"""A folder that is there and can be read."""
EITHER = PathKind(_there)
"""A file or a folder that is there and can be read."""
NEW_FILE = PathKind(_new_file)
"""A file that is not there yet, in a folder that is."""
PATH = PathKind(_any)
"""Any path: what may be there, and what must not, is the command's to say."""
