"""The tables of docs/commands.md, out of the commands themselves.

`python -m tests.console.page` writes them into the page; a test holds the page to them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from cbt.cli import build
from cbt.console.command import TextCommand, TextGroup
from cbt.console.exits import MEANINGS
from cbt.paths import product_dir
from cbt.translations.compiler import texts_of

PAGE = product_dir("docs") / "commands.md"


def walk(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and group with the words it is typed by."""
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from walk(found, *path, name)


def tables() -> dict[str, str]:
    """Return the page's tables by the name of their place."""
    zh, en = texts_of("zh"), texts_of("en")
    codes = [_row(str(code), en[told], zh[told]) for code, told in MEANINGS.items()]
    rows = []
    for path, one in walk(build()):
        assert isinstance(one, TextCommand | TextGroup)
        if isinstance(one, TextCommand) and one.help_id is not None:
            typed = " ".join(["cbt", *path, *_arguments(one)])
            beside = en[one.alone] if one.alone else "yes"
            ends = " ".join(str(code) for code in one.ends)
            rows.append(_row(f"`{typed}`", en[one.help_id], zh[one.help_id], beside, ends))
    head = [
        "| Command | What it does | 用途 | Beside a running server | Exit codes |",
        "|---|---|---|---|---|",
    ]
    return {
        "codes": "\n".join(["| Code | Meaning | 含义 |", "|---|---|---|", *codes]),
        "commands": "\n".join([*head, *rows]),
    }


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _arguments(command: click.Command) -> list[str]:
    context = click.Context(command)
    return [one.make_metavar(context) for one in command.params if isinstance(one, click.Argument)]


def filled(text: str) -> str:
    """Return the page's text with the tables in their places."""
    for name, table in tables().items():
        place = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        text = place.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)  # type: ignore[misc]
    return text


def main(page: Path = PAGE) -> None:
    """Write the tables into the page."""
    page.write_text(filled(page.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
