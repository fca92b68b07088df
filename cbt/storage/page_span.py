"""Pages of a list: the rows that one of them has, and what its links and its head say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Select

T = TypeVar("T")
Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class ListPage(Generic[T]):
    """A page of a list of `count` lines; `text` was looked for, `kind` is the one shown of those in `counts`."""

    lines: Sequence[T]
    count: int
    page: int
    pages: int
    text: str = ""
    kind: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    def tabs(
        self, url: Callable[[str], str], title: Callable[[str, int], str]
    ) -> list[tuple[str, str, bool]]:
        """Return a link to each kind: its address, its title with how many there are, whether it is shown."""
        return [(url(kind), title(kind, count), kind == self.kind) for kind, count in self.counts.items()]


@dataclass(frozen=True, slots=True)
class PageSpan:
    """The rows of one page: `size` of `count` stand on each; whoever asks beyond the last one gets the last."""

    count: int
    size: int
    asked: int = 1

    @property
    def pages(self) -> int:
        """How many pages there are, one for an empty list."""
        return max(1, -(-self.count // self.size))

    @property
    def page(self) -> int:
        """Which page it is."""
        return min(self.asked, self.pages)

    @property
    def offset(self) -> int:
        """How many rows stand on the pages before."""
        return (self.page - 1) * self.size

    def cut(self, query: Query) -> Query:
        """Return the query of these rows alone."""
        return query.limit(self.size).offset(self.offset)

    def of(
        self,
        lines: Sequence[T],
        *,
        text: str = "",
        kind: str = "",
        counts: Mapping[str, int] | None = None,
    ) -> ListPage[T]:
        """Return the page that has these lines."""
        return ListPage(lines, self.count, self.page, self.pages, text, kind, counts or {})
