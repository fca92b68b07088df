"""`cbt`: the commands of every room, loaded when one is called; errors are two sentences and exit code 2.

An unknown name is refused with the near one (click's own).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cbt.errors import CbtError

if TYPE_CHECKING:
    import flask


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `cbt`: what `cbt --help` says of it, and the modules that make it.

    The first module holds it in its `commands`; the others add commands of later rooms to it.
    """

    help: str
    modules: tuple[str, ...]

    def load(self, name: str) -> click.Command:
        """Import the modules and return the command `name`."""
        first, *_later = [importlib.import_module(module) for module in self.modules]
        commands: list[click.Command] = first.commands
        return next(command for command in commands if command.name == name)


_SERVING, _SAFETY = ("cbt.ops.serving",), ("cbt.ops.safety.commands",)
COMMANDS = {
    "audit": Command("操作日志 · The audit log.", ("cbt.audit.commands",)),
    "backup": Command("在线备份到一个文件夹，不打断考试 · Back up while the exam goes on.", _SAFETY),
    "bank": Command("题库 · Item banks.", ("cbt.bank.commands",)),
    "blueprint": Command("考核方案 · Exam blueprints.", ("cbt.exams.commands", "cbt.assembly.commands")),
    "demo": Command(
        "演练：一条命令搭好一场考试并启动 · Build an examination day and serve it.", ("cbt.demo.commands",)
    ),
    "docs": Command(
        "随产品附带的文档：列出、阅读、拷出 · The documents: list, read, copy out.",
        ("cbt.ops.documents.commands",),
    ),
    "form": Command("试卷：试抽与查看 · Draw and show forms.", ("cbt.assembly.commands",)),
    "key": Command("密钥：查看指纹、打印、录回、更换 · The keys.", ("cbt.ops.keys.commands",)),
    "migrate": Command("升级数据库结构 · Upgrade the database.", _SERVING),
    "restore": Command("恢复备份，或从副本重建，只写入空目录 · Restore into an empty folder.", _SAFETY),
    "roster": Command("考生名册 · Candidate rosters.", ("cbt.candidates.commands",)),
    "score": Command(
        "机器评分：立即评分、核验 · Score closed attempts, verify scores.", ("cbt.scoring.commands",)
    ),
    "serve": Command("启动考试服务 · Serve the product.", _SERVING),
    "settings": Command(
        "设置：每项的值、来源和默认值 · Each setting, its source and its default.",
        ("cbt.ops.installing.settings_command",),
    ),
    "sitting": Command("场次 · Sittings.", ("cbt.sittings.commands", "cbt.delivery.commands")),
    "staff": Command("考务人员账号 · Staff accounts.", ("cbt.accounts.commands",)),
    "tls": Command("https 证书：制作、续期、查看 · Certificates for https.", ("cbt.ops.keys.tls_commands",)),
    "verify": Command("核验全部存档，有误时退出码 2 · Verify everything stored, exit 2 if wrong.", _SAFETY),
}


class Commands(click.Group):
    """The group of `cbt`: its help needs the table only, a room is loaded when its command is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command as its room made it, or None for an unknown name."""
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else entry.load(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the lines of the table."""
        click.Group(commands=self.commands).format_commands(ctx, formatter)


def build(callback: Callable[[], None] | None = None) -> click.Group:
    """Return the whole command tree; `callback` is called before a command runs."""
    lines = {name: click.Command(name, help=entry.help) for name, entry in COMMANDS.items()}
    root = Commands(
        "cbt",
        commands=lines,
        params=[_settings_option()],
        callback=callback,
        help="机考引擎 · A computer-based testing engine.",
    )
    return click.version_option(package_name="cbt-engine")(root)


def _settings_option() -> click.Option:
    return click.Option(
        ["--settings"],
        metavar="FILE",
        help="设置文件；none 表示不用 · the settings file, none for no file (CBT_SETTINGS)",
        expose_value=False,
        callback=_name_settings,
    )


def _name_settings(_ctx: click.Context, _option: click.Parameter, file: str | None) -> None:
    """Have this process and all it starts read that settings file."""
    from cbt.config import FILE_VARIABLE, NO_FILE

    if file is not None:
        os.environ[FILE_VARIABLE] = file if file == NO_FILE else str(Path(file).absolute())


def main(argv: list[str] | None = None) -> None:
    """Run one command; an explained error prints what happened and what to do, and exits with 2."""
    try:
        build(_offer_app).main(args=argv, prog_name="cbt", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except CbtError as error:
        print("\n".join(_sentences(error)), file=sys.stderr)
        sys.exit(2)


# What follows imports where it needs to: the web framework and the database are a second that `--help` and a
# mistyped name need not wait for.


def _offer_app() -> None:
    from cbt.web.cli import register_factory

    register_factory(_app)


def _app() -> flask.Flask:
    """Return the app of a command, at the time that all nodes share (R-27)."""
    from cbt.application.app import create_app
    from cbt.clock import SystemClock
    from cbt.config import read_settings
    from cbt.db.server_time import database_time

    settings = read_settings()
    return create_app(settings, clock=SystemClock(database_time(settings)))


def _sentences(error: CbtError) -> tuple[str, str]:
    from cbt.config import Settings, spoken_language
    from cbt.web.i18n import catalogues, explain

    with catalogues(Settings(locale=spoken_language())):
        return explain(error)


if __name__ == "__main__":
    main()
