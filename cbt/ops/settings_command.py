"""`cbt settings`: every setting with its value, where that comes from, and the default."""

from __future__ import annotations

import click

from cbt.config import Settings, Sourced, read_sources, shown, variable
from cbt.console.command import command
from cbt.console.output import Answer, align
from cbt.console.texts import text as _


def rows(read: Sourced) -> list[dict[str, str]]:
    """Return each setting: `name`, `value`, `source` (`environment`, `default`, or file and line), `default`.

    No secret is in it. "" stands for what is not set, or has no default that holds everywhere.
    """
    values = shown(read.settings) | {variable("key_dir"): str(read.settings.keys)}
    defaults = shown(Settings())
    sources = {variable(field): source for field, source in read.sources.items()}
    return [
        {
            "name": name,
            "value": value,
            "source": sources.get(name, "default"),
            "default": "" if defaults[name] == "." else defaults[name],
        }
        for name, value in values.items()
    ]


@command("settings", help="settings.cli.settings")
def settings_command() -> Answer:
    """Print the settings that every command and the server would use here; nothing is opened or made."""
    read = read_sources()
    listed = rows(read)
    words = {source: _(f"settings.{source}") for source in ("environment", "default")}
    head = [_(f"settings.head_{column}") for column in ("name", "value", "source", "default")]
    lines = [
        [one["name"], one["value"], words.get(one["source"], one["source"]), one["default"]] for one in listed
    ]
    return Answer(
        {"file": read.file, "adrift": read.adrift, "settings": listed},
        [_("settings.file", path=read.file) if read.file else _("settings.no_file"), *align([head, *lines])],
        [_("settings.adrift", folder=read.settings.data_dir)] if read.adrift else (),
    )


commands: list[click.Command] = [settings_command]
