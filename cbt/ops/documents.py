"""The documents of the product and `cbt docs`: listed, printed, or copied out with `docs/deploy`."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from cbt.console.command import PATH, argument, command, option
from cbt.console.output import Answer, align
from cbt.console.texts import text as _
from cbt.errors import Conflict, NotFound
from cbt.paths import product_dir

FRONT = ("README.md", "README.zh-CN.md", "CHANGELOG.md")
BESIDE = (*FRONT, "SECURITY.md")
"""What stands beside the folder of the documents; their links lead to each other by these places."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document by the name it is asked for, its first heading, and its file."""

    name: str
    title: str
    path: Path


def documents() -> list[Document]:
    """Return every document in the order of its name, those at the front of the product last."""
    folder = product_dir("docs")
    files = [*sorted(folder.glob("*.md")), *(folder.parent / name for name in FRONT)]
    return [Document(path.stem.lower(), _title(path), path) for path in files if path.is_file()]


def find(name: str) -> Document:
    """Return the document `name`; raise NotFound("docs.unknown") with those whose names are near, else all."""
    by_name = {one.name: one for one in documents()}
    wanted = name.lower().removesuffix(".md")
    if wanted not in by_name:
        near = difflib.get_close_matches(wanted, by_name) or sorted(by_name)
        raise NotFound("docs.unknown", name=name, near=near)
    return by_name[wanted]


def copy_out(target: Path) -> int:
    """Copy all documents and the files of a deployment into the folder `target`; return how many are new there.

    A file that is there already with the same text is left; one with another text raises Conflict("docs.there")
    before anything is copied, because somebody may have put their addresses into it.
    """
    coming = {target / place: path for place, path in _files()}
    for there, path in coming.items():
        if there.exists() and there.read_bytes() != path.read_bytes():
            raise Conflict("docs.there", path=there)
    fresh = [there for there in coming if not there.exists()]
    for there in fresh:
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(coming[there], there)
    return len(fresh)


def _files() -> Iterator[tuple[Path, Path]]:
    folder = product_dir("docs")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder.parent), path
    for name in BESIDE:
        if (folder.parent / name).is_file():
            yield Path(name), folder.parent / name


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line[2:].strip() for line in lines if line.startswith("# ")), path.stem)


@command("docs", help="docs.cli.docs")
@argument("name", required=False, help="docs.cli.name")
@option("--copy", "target", type=PATH, metavar="FOLDER", help="docs.cli.copy")
def docs(name: str | None, target: Path | None) -> Answer:
    """List the documents, print the one that is named, or copy all of them with the files of a deployment."""
    if target is not None:
        fresh = copy_out(target)
        return Answer({"folder": target, "copied": fresh}, [_("docs.copied", count=fresh, folder=target)])
    if name is not None:
        document = find(name)
        text = document.path.read_text("utf-8")
        return Answer(
            {"name": document.name, "title": document.title, "text": text}, [text.rstrip("\n")], paged=True
        )
    listed = documents()
    lines = align([[one.name, one.title] for one in listed])
    data = [{"name": one.name, "title": one.title, "path": one.path} for one in listed]
    return Answer(data, [*lines, _("docs.how")])


commands: list[click.Command] = [docs]
