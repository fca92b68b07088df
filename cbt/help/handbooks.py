"""The handbooks as they are written: Markdown in `docs/handbooks/<language>`, one file a role, read once a process.

A section begins with its id on a line of its own, `<a id="check-in"></a>`, to which the files themselves can link,
and its heading. Labels of the screen are set in bold and nothing else is, so a test can hold them against the
catalogues.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from cbt.help.pictures import size_of
from cbt.paths import product_dir

FOLDER = "handbooks"
ANCHOR = re.compile(r'^<a id="([a-z][a-z-]*)"></a>\s*^## (.+)$', re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_MARKDOWN = MarkdownIt("zero", {"html": False}).enable(
    ["table", "list", "emphasis", "link", "image", "backticks"]
)

Places = Callable[[str, str], str]
"""Says where a handbook's section is for whoever reads: its name, and the section's id or ""."""
Pictures = Callable[[str], str]
"""Says where a static file is."""


@dataclass(frozen=True, slots=True)
class HandbookSection:
    """One step of a role's day: its id, its heading, its HTML, and its words in one line."""

    id: str
    title: str
    html: str
    words: str


@dataclass(frozen=True, slots=True)
class Handbook:
    """A role's handbook in one language; `lead` is the HTML of what stands before the first section."""

    name: str
    title: str
    lead: str
    sections: tuple[HandbookSection, ...]


def source_of(name: str, language: str) -> str:
    """Return a handbook as it is written."""
    return (product_dir("docs") / FOLDER / language / f"{name}.md").read_text("utf-8")


def parts_of(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield id, heading and text of each section; of what stands before them the title, with the id ""."""
    found = list(ANCHOR.finditer(text))
    title = _TITLE.search(text)
    starts = [one.start() for one in found] + [len(text)]
    if title is None:
        raise ValueError("a handbook begins with its title")
    yield "", title[1].strip(), text[title.end() : starts[0]]
    for one, end in zip(found, starts[1:], strict=True):
        yield one[1], one[2].strip(), text[one.end() : end]


@lru_cache(maxsize=64)
def handbook(name: str, language: str, places: Places, pictures: Pictures) -> Handbook:
    """Return a handbook, drawn for readers for whom `places` and `pictures` say where everything is."""
    (_, title, lead), *rest = parts_of(source_of(name, language))
    sections = (
        HandbookSection(section, heading, *_drawn(text, name, places, pictures))
        for section, heading, text in rest
    )
    return Handbook(name, title, _drawn(lead, name, places, pictures)[0], tuple(sections))


def _drawn(text: str, name: str, places: Places, pictures: Pictures) -> tuple[str, str]:
    """Return the HTML of a text, and its words."""
    tokens = _MARKDOWN.parse(text)
    for token in _all(tokens):
        if token.type == "link_open":
            target, _, section = str(token.attrGet("href")).partition("#")
            if target.endswith(".md") or not target:
                token.attrSet("href", places(PurePosixPath(target).stem or name, section))
        elif token.type == "image":
            file = str(token.attrGet("src")).partition("static/")[2]
            width, height = size_of(file)
            token.attrSet("src", pictures(file))
            token.attrs |= {"width": width, "height": height, "loading": "lazy"}
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return html, " ".join(" ".join(_words(tokens)).split())


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _words(tokens: list[Token]) -> Iterator[str]:
    """Yield what is read of a text, a piece for each block; a picture's description is read of it."""
    before = ""
    for token in tokens:
        if token.type == "inline":
            yield "".join(" " if one.type == "softbreak" else one.content for one in token.children or ())
        elif token.type == "td_open" and before == "td_close":
            yield "–"
        before = token.type
