"""`cbt settings`: every setting with its value, where that comes from, and the default."""

from __future__ import annotations

import click
from flask_babel import gettext

from cbt.config import Settings, Sourced, read_sources, shown, variable
from cbt.exams.table import align
from cbt.web.cli import print_json
from cbt.web.i18n import catalogues


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


@click.command("settings", help="设置：每项的值、来源和默认值 · Each setting, its source and its default.")
@click.option("--json", "as_json", is_flag=True, help="供程序读取 · for programs")
def settings_command(as_json: bool) -> None:
    """Print the settings that every command and the server would use here; nothing is opened or made."""
    read = read_sources()
    found = rows(read)
    if as_json:
        print_json({"file": read.file, "settings": found})
        return
    with catalogues(read.settings):
        click.echo(gettext("settings.file", path=read.file) if read.file else gettext("settings.no_file"))
        words = {source: gettext(f"settings.{source}") for source in ("environment", "default")}
        head = tuple(gettext(f"settings.head_{column}") for column in ("name", "value", "source", "default"))
        lines = [
            (one["name"], one["value"], words.get(one["source"], one["source"]), one["default"])
            for one in found
        ]
        for line in align([head, *lines], frozenset()):
            click.echo(line)
        if read.adrift:
            click.echo(gettext("settings.adrift", folder=read.settings.data_dir), err=True)


commands: list[click.Command] = [settings_command]
