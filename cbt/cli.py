"""`cbt`: gathers each room's commands; errors are two sentences and exit code 2.

An unknown name is refused with the near one (click's own).
"""

from __future__ import annotations

import importlib
import sys

import click
import flask

from cbt.application.app import create_app
from cbt.clock import SystemClock
from cbt.config import Settings, read_settings
from cbt.db.server_time import database_time
from cbt.errors import CbtError
from cbt.web.cli import register_factory
from cbt.web.i18n import explain, init_i18n

ROOMS = (
    "cbt.ops.serving",
    "cbt.demo.commands",
    "cbt.accounts.commands",
    "cbt.audit.commands",
    "cbt.bank.commands",
    "cbt.exams.commands",
    "cbt.assembly.commands",
    "cbt.sittings.commands",
    "cbt.candidates.commands",
    "cbt.delivery.commands",
    "cbt.scoring.commands",
    "cbt.ops.safety.commands",
    "cbt.ops.keys.commands",
    "cbt.ops.keys.tls_commands",
)


def build() -> click.Group:
    """Return the whole command tree."""
    root = click.Group("cbt", help="机考引擎 · A computer-based testing engine.")
    click.version_option(package_name="cbt-engine")(root)
    for name in ROOMS:
        for command in importlib.import_module(name).commands:
            root.add_command(command)
    return root


def main(argv: list[str] | None = None) -> None:
    """Run one command; an explained error prints what happened and what to do, and exits with 2."""
    register_factory(_app)
    try:
        build().main(args=argv, prog_name="cbt", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except CbtError as error:
        print("\n".join(_sentences(error)), file=sys.stderr)
        sys.exit(2)


def _app() -> flask.Flask:
    """Return the app of a command, at the time that all nodes share (R-27)."""
    settings = read_settings()
    return create_app(settings, clock=SystemClock(database_time(settings)))


def _sentences(error: CbtError) -> tuple[str, str]:
    app = flask.Flask("cbt")
    init_i18n(app, Settings())
    with app.app_context():
        return explain(error)


if __name__ == "__main__":
    main()
