"""`cbt docs`: list the documents, show one, copy all."""

from __future__ import annotations

from pathlib import Path

import click
from flask_babel import gettext

from cbt.ops.documents.shelf import copy_out, documents, find
from cbt.web.cli import print_json
from cbt.web.i18n import catalogues


@click.command("docs", help="随产品附带的文档：列出、阅读、拷出 · The documents: list, read, copy out.")
@click.argument("name", required=False)
@click.option(
    "--copy",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="把全部文档和部署文件拷到此文件夹 · copy all of them, and the files of docs/deploy, into a folder",
)
@click.option("--json", "as_json", is_flag=True, help="输出 JSON · as JSON")
def docs(name: str | None, target: Path | None, as_json: bool) -> None:
    """List the documents, print the one that is named, or copy all of them with the files of a deployment."""
    with catalogues():
        if target is not None:
            fresh = copy_out(target)
            if as_json:
                print_json({"folder": target, "copied": fresh})
            else:
                click.echo(gettext("docs.copied", count=fresh, folder=target))
        elif name is not None:
            found = find(name)
            text = found.path.read_text("utf-8")
            if as_json:
                print_json({"name": found.name, "title": found.title, "text": text})
            else:
                click.echo_via_pager(text.rstrip("\n"))
        else:
            _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    found = documents()
    if as_json:
        print_json([{"name": one.name, "title": one.title, "path": one.path} for one in found])
        return
    wide = max(len(one.name) for one in found)
    for one in found:
        click.echo(f"{one.name:<{wide}}  {one.title}")
    click.echo(gettext("docs.how"))


commands: list[click.Command] = [docs]
