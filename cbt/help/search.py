"""Looking for words in the sections of handbooks, as people type them: no index and no script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cbt.help.handbooks import Handbook, HandbookSection

LONGEST_QUERY = 60
MOST = 30
AROUND = 40
"""So many characters stand on each side of what was found."""
_TERM = re.compile(r"[㐀-鿿]+|[\w.@-]+")
_ASKING = re.compile(r"怎么办|怎么样|怎样|怎么|如何|为什么|什么|哪里|吗|呢|了")
_HAN = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found: of which handbook, and a piece of it in which what was sought is told apart."""

    book: Handbook
    section: HandbookSection
    excerpt: list[tuple[str, bool]]


def find(query: str, books: Iterable[Handbook]) -> list[Hit]:
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
        terms = list(_pieces(terms))
        least = (len(terms) + 1) // 2
        ranked = [
            ((-count, 0), book, section)
            for book, section in sections
            if (count := sum(term in _text(section) for term in terms)) >= max(least, 1)
        ]
    ranked.sort(key=lambda hit: hit[0])
    return [Hit(book, section, _excerpt(section, terms)) for _, book, section in ranked[:MOST]]


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


def _pieces(terms: list[str]) -> Iterator[str]:
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
