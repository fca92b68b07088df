"""The handbooks as they are written: Markdown in `docs/handbooks/<language>`, one file a role, read once a process.

A section begins with its id on a line of its own, `<a id="check-in"></a>`, to which the files themselves can link,
and its heading. Labels of the screen are set in bold and nothing else is, so a test can hold them against the
catalogues. A picture is a file among the static ones, whose size a page says before it is there. Whoever looks for
words in the sections types them as people do: no index and no script.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import PurePosixPath

from markdown_it import MarkdownIt
from markdown_it.token import Token

from cbt.paths import product_dir

FOLDER = "handbooks"
ANCHOR = re.compile(r'^<a id="([a-z][a-z-]*)"></a>\s*^## (.+)$', re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_MARKDOWN = MarkdownIt("zero", {"html": False}).enable(
    ["table", "list", "emphasis", "link", "image", "backticks"]
)
_PNG_HEAD = struct.Struct(">8s4x4sII")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
LONGEST_QUERY = 60
MOST_HITS = 30
AROUND = 40
"""So many characters stand on each side of what was found."""
_TERM = re.compile(r"[㐀-鿿]+|[\w.@-]+")
_ASKING = re.compile(r"怎么办|怎么样|怎样|怎么|如何|为什么|什么|哪里|吗|呢|了")
_HAN = re.compile(r"[㐀-鿿]")

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


@cache
def size_of(name: str) -> tuple[int, int]:
    """Return width and height in pixels of a static PNG; raise ValueError for anything else."""
    with (product_dir("static") / name).open("rb") as file:
        signature, chunk, width, height = _PNG_HEAD.unpack(file.read(_PNG_HEAD.size))
    if (signature, chunk) != (_PNG_SIGNATURE, b"IHDR"):
        raise ValueError(f"{name} is no PNG")
    return width, height


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found: of which handbook, and a piece of it in which what was sought is told apart."""

    book: Handbook
    section: HandbookSection
    excerpt: list[tuple[str, bool]]


def search(query: str, books: Iterable[Handbook]) -> list[Hit]:
    """Return the sections in which all words of a query stand, those with them in their headings first.

    Where no section has them all, those count that have most of their pairs of characters: a question is asked in
    more words than an answer has.
    """
    terms = terms_of(query)
    sections = [(book, section) for book in books for section in book.sections]
    ranked = [
        (rank, book, section) for book, section in sections if (rank := _rank(section, terms)) is not None
    ]
    if not ranked:
        terms = list(_pairs(terms))
        least = (len(terms) + 1) // 2
        ranked = [
            ((-count, 0), book, section)
            for book, section in sections
            if (count := sum(term in _text(section) for term in terms)) >= max(least, 1)
        ]
    ranked.sort(key=lambda hit: hit[0])
    return [Hit(book, section, _excerpt(section, terms)) for _, book, section in ranked[:MOST_HITS]]


def terms_of(query: str) -> list[str]:
    """Return the words of a query, without those that only ask."""
    asked = _ASKING.sub(" ", query[:LONGEST_QUERY].casefold())
    return list(dict.fromkeys(_TERM.findall(asked) or _TERM.findall(query[:LONGEST_QUERY].casefold())))


def _text(section: HandbookSection) -> str:
    return f"{section.title} {section.words}".casefold()


def _rank(section: HandbookSection, terms: list[str]) -> tuple[int, int] | None:
    """Return what sorts a section among those found; None where a term is missing."""
    text, title = _text(section), section.title.casefold()
    if not terms or not all(term in text for term in terms):
        return None
    return -sum(term in title for term in terms), -sum(text.count(term) for term in terms)


def _pairs(terms: list[str]) -> Iterator[str]:
    """Yield the pairs of Chinese characters of terms, and other terms whole."""
    for term in terms:
        if _HAN.match(term) and len(term) > 2:
            yield from (term[at : at + 2] for at in range(len(term) - 1))
        else:
            yield term


def _excerpt(section: HandbookSection, terms: list[str]) -> list[tuple[str, bool]]:
    """Return the words around the first term in pieces, each with whether it is a term."""
    text = section.words
    folded = text.casefold()
    first = min((at for term in terms if (at := folded.find(term)) >= 0), default=0)
    start, end = max(0, first - AROUND), first + 2 * AROUND
    piece = ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
    if not terms:
        return [(piece, False)]
    pattern = "|".join(map(re.escape, sorted(terms, key=len, reverse=True)))
    parts = re.split(f"({pattern})", piece, flags=re.IGNORECASE)
    return [(part, place % 2 == 1) for place, part in enumerate(parts)]
