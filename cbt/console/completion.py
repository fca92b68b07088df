"""`cbt completion`: the script by which a shell completes commands, options, choices and paths."""

from __future__ import annotations

from typing import cast

import click
from click.shell_completion import ShellComplete, get_completion_class

from cbt.console.command import argument, command
from cbt.console.output import Answer

SHELLS = ("bash", "zsh", "fish")


@command("completion", help="console.cli.completion")
@argument("shell", type=click.Choice(SHELLS), help="console.cli.shell")
def completion(shell: str) -> Answer:
    """Print a shell's script; it asks `cbt` itself what may come next."""
    kind = cast(type[ShellComplete], get_completion_class(shell))
    root = click.get_current_context().find_root().command
    # The script as such: bash's own class would run bash first to ask for its version.
    script = ShellComplete.source(kind(root, {}, "cbt", "_CBT_COMPLETE"))
    return Answer({"shell": shell, "script": script}, [script.strip("\n")])


commands: list[click.Command] = [completion]
