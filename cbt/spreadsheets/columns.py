"""The columns of a kind of file: the headers that mean them, and where those stand on a sheet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from xlsxwriter.utility import xl_col_to_name

from cbt.spreadsheets.findings import Place


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the code, the headers that mean it (the template's first), its width in templates."""

    name: str
    headers: tuple[str, ...]
    required: bool = False
    width: int = 13


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column of a sheet: its letter, its header, the field it is read as ("" when it is left out)."""

    sheet: str
    column: str
    header: str
    field: str


class Columns:
    """The columns of one kind of file, known by any of their headers."""

    def __init__(self, *columns: Column) -> None:
        self.by_name = {column.name: column for column in columns}
        self.required = [column.name for column in columns if column.required]
        self._meanings = {plain(header): column.name for column in columns for header in column.headers}

    def title(self, name: str) -> str:
        return self.by_name[name].headers[0]

    def meant(self, header: str) -> str:
        return self._meanings.get(plain(header), "")


@dataclass(frozen=True, slots=True)
class Heading:
    """The row (from 1) that names the columns of a sheet."""

    columns: Columns
    file: str
    sheet: str
    row: int
    uses: list[ColumnUse]

    @property
    def places(self) -> dict[str, int]:
        """Where each column that is read stands in a row, from 0."""
        return {use.field: index for index, use in enumerate(self.uses) if use.field}

    @property
    def mapped(self) -> int:
        """How many columns are read."""
        return len(self.places)

    @property
    def doubled(self) -> list[tuple[Place, str]]:
        """The headers that mean what one before them means, and what that is."""
        left_out = [(use, self.columns.meant(use.header)) for use in self.uses if not use.field]
        return [
            (Place(self.file, self.sheet, self.row, use.column, use.header), meant)
            for use, meant in left_out
            if meant
        ]

    def place(self, row: int, field: str) -> Place:
        """Return the place of a field in a row; without a letter where the file has no such column."""
        for use in self.uses if field else ():
            if use.field == field:
                return Place(self.file, self.sheet, row, use.column, use.header)
        header = self.columns.title(field) if field else ""
        return Place(self.file, self.sheet, row, header=header)


@lru_cache(1_000)
def letter(index: int) -> str:
    """Return the letter of a column (from 0), as spreadsheets show it."""
    return str(xl_col_to_name(index))


def plain(text: str) -> str:
    """Return a text as names of things are compared: NFKC, case folded, without spaces and marks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s*:：·/()（）_-]+", "", folded)
