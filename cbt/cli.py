"""`cbt`: the commands of every room, loaded when one is called: what stops one is two sentences and a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cbt.console.command import TextCommand, TextGroup, TextOption
from cbt.console.exits import DONE, MEANINGS, end_of, reader_there
from cbt.console.loader import load
from cbt.console.output import refuse
from cbt.console.texts import text

if TYPE_CHECKING:
    import flask


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `cbt`: the id of what `cbt --help` says of it, and the modules that make it.

    The first module holds it in its `commands`; the others add commands of later rooms to it.
    """

    help: str
    modules: tuple[str, ...]

    def load(self, name: str) -> click.Command:
        first, *_later = load(*self.modules)
        commands: list[click.Command] = first.commands
        return next(command for command in commands if command.name == name)


_SERVING, _SAFETY = ("cbt.ops.serve",), ("cbt.ops.backup.commands",)
COMMANDS = {
    "audit": Command("audit.cli.audit", ("cbt.audit.verification",)),
    "backup": Command("safety.cli.backup", _SAFETY),
    "bank": Command("bank.cli.bank", ("cbt.bank.commands",)),
    "blueprint": Command("exams.cli.blueprint", ("cbt.blueprints.commands", "cbt.assembly.commands")),
    "certificates": Command("certificates.cli.certificates", ("cbt.certificates.commands",)),
    "completion": Command("console.cli.completion", ("cbt.console.completion",)),
    "demo": Command("demo.cli.demo", ("cbt.demo.commands",)),
    "docs": Command("docs.cli.docs", ("cbt.ops.documents",)),
    "doctor": Command("doctor.cli.doctor", ("cbt.ops.doctor.commands",)),
    "form": Command("assembly.cli.form", ("cbt.assembly.commands",)),
    "key": Command("key.cli.key", ("cbt.ops.keys",)),
    "migrate": Command("serving.cli.migrate", _SERVING),
    "move": Command("move.cli.move", ("cbt.ops.move",)),
    "package": Command("package.cli.package", ("cbt.results.package.commands",)),
    "rehearse": Command("rehearsal.cli.rehearse", ("cbt.rehearsal.commands",)),
    "rescue": Command("rescue.cli.rescue", ("cbt.ops.reinstatement",)),
    "restore": Command("safety.cli.restore", _SAFETY),
    "roster": Command("candidates.cli.roster", ("cbt.batches.commands",)),
    "score": Command("scoring.cli.score", ("cbt.scoring.commands",)),
    "serve": Command("serving.cli.serve", _SERVING),
    "service": Command("service.cli.service", ("cbt.ops.systemd",)),
    "settings": Command("settings.cli.settings", ("cbt.ops.settings_command",)),
    "sitting": Command("sittings.cli.sitting", ("cbt.sittings.commands", "cbt.batches.commands")),
    "staff": Command("accounts.cli.staff", ("cbt.accounts.commands",)),
    "tls": Command("tls.cli.tls", ("cbt.ops.tls",)),
    "upgrade": Command("upgrade.cli.upgrade", ("cbt.ops.upgrade",)),
    "verify": Command("safety.cli.verify", _SAFETY),
}


class Root(TextGroup):
    """The group of `cbt`: its help needs the table only, a room is loaded when its command is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else entry.load(cmd_name)

    def line(self, ctx: click.Context, name: str) -> click.Command | None:
        return self.commands.get(name)

    def sections(self, ctx: click.Context) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        yield from super().sections(ctx)
        yield "console.exits", [(str(code), text(told)) for code, told in MEANINGS.items()]

    def make_context(self, *args: Any, **attrs: Any) -> click.Context:
        """Read what was typed; helps are printed here."""
        with reader_there():
            return super().make_context(*args, **attrs)

    def invoke(self, ctx: click.Context) -> None:
        with reader_there():
            super().invoke(ctx)

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run one command and exit with its code; refusals are printed as words, or as JSON where that was asked.

        How click ends a command (its `standalone_mode`) is no choice here.
        """
        argv = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, "cbt", standalone_mode=False)
        except (Exception, KeyboardInterrupt) as stopped:
            end, as_json = end_of(stopped), wants_json(argv)
            if isinstance(stopped, click.exceptions.NoArgsIsHelpError) and not as_json:
                stopped.show()
            elif end.error is not None:
                refuse(end.error, as_json=as_json)
            sys.exit(end.code)
        sys.exit(code if isinstance(code, int) else DONE)


def wants_json(argv: Sequence[str]) -> bool:
    """Return whether `--json` was typed, also where what was typed cannot be read to its end."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    return "--json" in words


def build(callback: Callable[[], None] | None = None) -> Root:
    """Return the whole command tree; `callback` is called before a command runs."""
    lines: dict[str, click.Command] = {
        name: TextCommand(name, help=entry.help) for name, entry in COMMANDS.items()
    }
    params: list[click.Parameter] = [_settings_option(), _version_option()]
    return Root("cbt", commands=lines, params=params, callback=callback, help="console.cbt")


def _version_option() -> TextOption:
    return TextOption(
        ["--version"],
        is_flag=True,
        is_eager=True,
        help="console.version",
        expose_value=False,
        callback=_show_version,
    )


def _show_version(context: click.Context, _option: click.Parameter, value: bool) -> None:
    """Name the version and the revision of its tables, by files alone."""
    if value and not context.resilient_parsing:
        from cbt.releases import newest_revision, product_version

        click.echo(f"cbt {product_version()}, revision {newest_revision()}")
        context.exit()


def _settings_option() -> TextOption:
    return TextOption(
        ["--settings"],
        metavar="FILE",
        help="settings.cli.option",
        expose_value=False,
        callback=_name_settings,
    )


def _name_settings(_ctx: click.Context, _option: click.Parameter, file: str | None) -> None:
    """Have this process and all it starts read that settings file."""
    from cbt.config import FILE_VARIABLE, NO_FILE

    if file is not None:
        os.environ[FILE_VARIABLE] = file if file == NO_FILE else str(Path(file).absolute())


def main(argv: list[str] | None = None) -> NoReturn:
    build(_offer_app).main(args=argv)


# What follows imports where it needs to: the web framework and the database are a second that `--help` and a
# mistyped name need not wait for.


def _offer_app() -> None:
    from cbt.http.app_context import register_factory

    register_factory(_app)


def _app() -> flask.Flask:
    """Return the app of a command, at the time that all nodes share (R-27), where there is an installation."""
    [application] = load("cbt.application.app")
    from cbt.clock import SystemClock
    from cbt.config import read_settings
    from cbt.confined.runner import take_longer
    from cbt.ops.file_permissions import check_hands
    from cbt.ops.preflight import ask
    from cbt.ops.reinstatement import check_files
    from cbt.storage.server_time import database_time

    settings = read_settings()
    check_hands(settings)
    check_files(settings)
    ask(settings)
    app: flask.Flask = application.create_app(settings, clock=SystemClock(database_time(settings)))
    take_longer()
    return app


if __name__ == "__main__":
    main()
