"""Sheets and their tables: a file as rows of text, cleaned, and the columns of each table.

Sheets are held within what a bank may take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from cbt.errors import InvalidInput
from cbt.interchange.picture_marks import Shown
from cbt.interchange.tables.cell_keys import looks_like_key
from cbt.interchange.tables.cell_text import clean
from cbt.interchange.tables.headers import BLANKS, CHOICES, LEFT_OUT, LONGEST, POSSIBLE, bare_place, meant
from cbt.interchange.tables.pictured_reader import PicturedBook
from cbt.spreadsheets import intake
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import letter
from cbt.spreadsheets.findings import Place
from cbt.spreadsheets.intake import Merged

MAX_ROWS = 20_000
MAX_COLUMNS = 60
_BOUNDS = intake.Bounds(
    MAX_ROWS,
    MAX_COLUMNS * 10,
    {"sheet.unreadable": "bank.not_workbook", "sheet.too_big": "bank.workbook_too_big"},
)
_PICTURED = "cbt.interchange.tables.pictured_reader:open_pictured"
_KINDS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def open_tables(content: bytes) -> list[SheetData]:
    """Return the sheets of a workbook, a CSV file, a saved page or an XML spreadsheet as people see their cells.

    Raises as `read_workbook` does, and InvalidInput("sheet.frames").
    """
    return [_within(sheet) for sheet in intake.open_tables(content, _BOUNDS)]


def open_pictured(content: bytes) -> tuple[list[SheetData], Shown]:
    """Return what `open_tables` does, and the pictures of the sheets; raise as that does.

    Of each in `shown` the part is the character that stands for it.
    """
    said = msgspec.msgpack.decode(intake.asked(_PICTURED, content, _BOUNDS), type=PicturedBook)
    sheets = intake.as_typed(content, said.sheets)
    return [_within(sheet) for sheet in sheets], Shown(said.marks, said.bodies)


def _within(sheet: SheetData) -> SheetData:
    return replace(
        sheet,
        rows=[row[:MAX_COLUMNS] for row in sheet.rows],
        merged=[one for one in sheet.merged if one[1] < MAX_COLUMNS],
    )


def is_workbook(content: bytes) -> bool:
    """Say whether a file begins as workbooks do, and as other archives may."""
    return content.startswith(_KINDS)


def read_workbook(content: bytes) -> list[SheetData]:
    """Return the sheets of an .xlsx, .xlsm, .xlsb, .ods or .xls file.

    Raises InvalidInput("bank.not_workbook"), ("bank.workbook_too_big") for a file that takes too much to read,
    ("sheet.locked"), ("sheet.too_long") and ("sheet.too_wide") with the sheet.
    """
    if not is_workbook(content):
        raise InvalidInput("bank.not_workbook")
    sheets = intake.read_workbook(content, _BOUNDS)
    return [replace(sheet, rows=[row[:MAX_COLUMNS] for row in sheet.rows]) for sheet in sheets]


LONGEST_CELL = 12_000


class Page:
    """One sheet: its cells cleaned, and what a merged cell says wherever it reaches."""

    def __init__(self, data: SheetData, file: str) -> None:
        self.name, self.file = data.name, file
        self.rows = [[clean(cell) if cell else "" for cell in row] for row in data.rows]
        for number, line in enumerate(self.rows, 1):
            if any(len(cell) > LONGEST_CELL for cell in line):
                raise InvalidInput("bank.cell_long", sheet=self.name, row=number, limit=LONGEST_CELL)
        self.shown = [(row, column, one) for row, column, one, _words in data.shown]
        self.lost = data.pictures
        self.unshown = set(data.unshown)
        merged = Merged(self.rows, data.merged)
        self._over, self.across = merged.over, merged.across

    @property
    def is_csv(self) -> bool:
        """Whether it came out of a text, where a cell too many moves all after it."""
        return self.name == ""

    def cell(self, row: int, column: int) -> str:
        """Return the text of a cell (from 0), "" beyond the end."""
        line = self.rows[row] if 0 <= row < len(self.rows) else []
        return line[column] if 0 <= column < len(line) else ""

    def spread(self, row: int, column: int) -> str:
        """Return the text of a cell, or of the merged cell that covers it from above."""
        return self.cell(row, column) or self._over.get((row, column), "")

    def filled(self, row: int, left: int = 0, right: int = 1_000) -> list[int]:
        """Return the columns of a row that say something."""
        line = self.rows[row][: right + 1]
        return [place for place in range(left, len(line)) if line[place]]


@dataclass(slots=True)
class Table:
    """One table of a sheet: where its items stand (rows from 0, `end` excluded) and what its columns are.

    `head` is the row (from 1) of its headers, 0 for none. `guessed` are the columns that were known by what
    stands in them alone, `skipped` rows that say the headers again, `joined` those that go on with an item.
    """

    page: Page
    head: int
    start: int
    end: int
    left: int
    right: int
    columns: dict[str, int]
    headers: dict[int, str] = field(default_factory=dict)
    meanings: dict[int, str] = field(default_factory=dict)
    guessed: dict[int, str] = field(default_factory=dict)
    doubled: list[tuple[int, str]] = field(default_factory=list)
    two_rows: bool = False
    skipped: set[int] = field(default_factory=set)
    joined: set[int] = field(default_factory=set)

    def text(self, row: int, name: str) -> str:
        """Return what stands in the column of a field."""
        return self.page.cell(row, self.columns[name]) if name in self.columns else ""

    def spread(self, row: int, name: str) -> str:
        """Return what stands in the column of a field, or in the merged cell that reaches into it from above."""
        return self.page.spread(row, self.columns[name]) if name in self.columns else ""

    def place(self, row: int, name: str = "") -> Place:
        """Return the place of a field in a row (from 0); without a letter where there is no such column."""
        column = self.columns.get(name)
        if column is None:
            return Place(self.page.file, self.page.name, row + 1)
        return Place(self.page.file, self.page.name, row + 1, letter(column), self.headers.get(column, ""))

    def has(self, *names: str) -> bool:
        """Return whether there is a column for one of the fields."""
        return any(name in self.columns for name in names)

    def of(self, prefix: str) -> list[str]:
        """Return the fields of a kind (`choice_`, `blank_`) in their order."""
        found = [name for name in self.columns if name.startswith(prefix)]
        return sorted(found, key=lambda name: (len(name), name))

    def values(self, column: int) -> Sequence[str]:
        """Return what stands in a column, without what is empty."""
        return [text for row in range(self.start, self.end) if (text := self.page.cell(row, column))]


WIDEST = 80
_KEYLIKE = 0.8
_SAMPLE = 400
_REMARK = re.compile(r"(?:错误|提示|自动修正|Error|Hint|Fixed)\s*[：:]", re.IGNORECASE)
"""What a marked copy says beside its rows."""


def find_tables(page: Page, head: int | None) -> list[Table]:
    """Return the tables of a sheet that have headers; `head` is the row (from 1) its author says, 0 for none."""
    if head == 0:
        return []
    heads = _said(page, head) if head else list(_heads(page))
    tables: list[Table] = []
    for n, (row, fields, two) in enumerate(heads):
        end = heads[n + 1][0] if n + 1 < len(heads) else len(page.rows)
        found = list(_side_by_side(page, row, fields, end, two=two))
        if len(found) == len(tables) == 1 and found[0].columns == tables[-1].columns:
            tables[-1].skipped |= {row, row + two}
            tables[-1].end = end  # the same headers again, as on every printed page
        else:
            tables += found
    return tables


def whole(page: Page) -> Table:
    """Return a sheet as one table without headers."""
    right = max((len(row) for row in page.rows), default=0) - 1
    remarks = [text for row in range(len(page.rows)) if (text := page.cell(row, right))]
    if remarks and all(_REMARK.match(text) for text in remarks):
        right -= 1
    return Table(page, 0, 0, len(page.rows), 0, min(right, WIDEST), {})


Fields = dict[int, str]


def _said(page: Page, head: int) -> list[tuple[int, Fields, bool]]:
    if head > len(page.rows):
        return []
    single, double = _named(page, head - 1), _two_rows(page, head - 1)
    if double and len(set(double.values())) > len(set(single.values())):
        return [(head - 1, double, True)]
    return [(head - 1, single, False)]


def _heads(page: Page) -> Iterator[tuple[int, Fields, bool]]:
    """Yield the rows (from 0) that name columns, with the fields they name."""
    row, last = 0, len(page.rows)
    while row < last:
        single = _named(page, row)
        double = _two_rows(page, row) if row + 1 < last and _may_begin(page, row) else {}
        if _is_head(single) or _is_lone_head(page, row, single):
            if (
                double
                and len(set(double.values())) > len(set(single.values()))
                and not _is_head(_named(page, row + 1))
            ):
                yield row, double, True
                row += 2
                continue
            yield row, single, False
        elif double and _is_head(double) and not _is_head(_named(page, row + 1)):
            yield row, double, True
            row += 2
            continue
        row += 1


def _is_lone_head(page: Page, row: int, fields: Fields) -> bool:
    """Return whether 题目 stands alone above a column of items."""
    if list(fields.values()) != ["stem"] or row > 4 or len(page.filled(row)) > 1:
        return False
    column = next(iter(fields))
    return len(page.cell(row, column)) < 6 < len(page.cell(row + 1, column))


def _named(page: Page, row: int) -> Fields:
    """Return the field that each cell of a row names; a lone letter only beside others and a name."""
    cells = page.rows[row][:WIDEST]
    if any(len(cell) > LONGEST for cell in cells):
        return {}
    found = {column: field for column, cell in enumerate(cells) if cell and (field := meant(cell))}
    if "stem" in found.values() or "answer" in found.values():
        bare = {
            c: place
            for c, cell in enumerate(cells)
            if cell.isalnum() and (place := bare_place(cell)) is not None
        }
        first = min(bare, default=0)
        if len(bare) > 1 and all(bare.get(first + n) == n for n in range(len(bare))):
            found |= {column: CHOICES[place] for column, place in bare.items()}
    return found


def _may_begin(page: Page, row: int) -> bool:
    return any(meant(cell) for cell in page.rows[row][:WIDEST] if len(cell) <= 30)


def _two_rows(page: Page, row: int) -> Fields:
    """Return the fields that a row and the one below name together; none when the lower holds anything else."""
    if row + 1 >= len(page.rows):
        return {}
    upper, lower = page.rows[row], page.rows[row + 1]
    if any(len(cell) > 30 for cell in (*upper[:WIDEST], *lower[:WIDEST])):
        return {}
    found: Fields = {}
    group = ""
    for column in range(min(max(len(upper), len(lower)), WIDEST)):
        above, below = page.cell(row, column), page.cell(row + 1, column)
        group = above or page.across.get((row, column), "") or (group if below else "")
        if not below:
            field = meant(above)
        elif (place := bare_place(below)) is not None and _groups_choices(group):
            field = CHOICES[place]
        else:
            field = meant(below) or meant(f"{group}{below}")
            if not field:
                return {}
        if field:
            found[column] = field
    return found


def _groups_choices(group: str) -> bool:
    return meant(group) in {"choices", "stem", "answer"} or not group


def _is_head(fields: Mapping[int, str]) -> bool:
    """Return whether a row that names these fields names the columns of a table of items."""
    names = set(fields.values())
    choices = names & {*CHOICES, "choices", "right"}
    if "stem" in names:
        return bool(names - {"stem", LEFT_OUT})
    return "answer" in names and len(choices) > 1


def _side_by_side(page: Page, row: int, fields: Fields, end: int, *, two: bool) -> Iterator[Table]:
    """Yield the table of a row of headers, or each of several that stand beside each other."""
    start = row + (2 if two else 1)
    width = max((len(line) for line in page.rows[row:end]), default=1) - 1
    cuts = _cuts(fields) or [0]
    for n, left in enumerate(cuts):
        right = cuts[n + 1] - 1 if n + 1 < len(cuts) else min(width, WIDEST)
        own = {column: name for column, name in fields.items() if left <= column <= right}
        table = Table(page, row + 1, start, end, left, right, {}, meanings=own, two_rows=two)
        for column in range(left, right + 1):
            said = [page.cell(row + k, column) for k in range(2 if two else 1)]
            table.headers[column] = " ".join(text for text in said if text)
        settle(table, own)
        yield table


def _cuts(fields: Fields) -> list[int]:
    """Return where tables side by side begin: each has a stem and a key, or choices, of its own."""
    stems = [column for column, name in sorted(fields.items()) if name == "stem"]
    if len(stems) < 2:
        return []
    names = [set(), set()]  # type: list[set[str]]
    for column, name in fields.items():
        names[column >= stems[1]].add(name)
    if not (names[0] & names[1] & {"answer", "choice_A", "choices"}):
        return []
    first = next(name for _column, name in sorted(fields.items()))
    cuts = [column for column, name in sorted(fields.items()) if name == first]
    if len(cuts) != len(stems) or first == LEFT_OUT:
        cuts = stems
    return [0, *cuts[1:]]


def settle(table: Table, fields: Fields) -> None:
    """Give each field its column: of several that mean one, the first in which most stands."""
    by_name: dict[str, list[int]] = {}
    for column, name in sorted(fields.items()):
        by_name.setdefault(name, []).append(column)
    for name, columns in by_name.items():
        if name == LEFT_OUT or name.startswith(POSSIBLE):
            continue
        if name == "choices":
            columns = [column for column in columns if not _only_labels(table, column)] or columns
        chosen = _fullest(table, columns)
        table.columns[name] = chosen
        table.doubled += [(column, name) for column in columns if column != chosen]
    _settle_possible(table, fields)
    _swap_choices_and_key(table)


def _only_labels(table: Table, column: int) -> bool:
    """Return whether nothing but the letters of choices stand in a column."""
    values = table.values(column)[:_SAMPLE]
    return bool(values) and all(bare_place(text) is not None for text in values)


def _fullest(table: Table, columns: list[int]) -> int:
    if len(columns) == 1:
        return columns[0]
    counts = [len(table.values(column)[:_SAMPLE]) for column in columns]
    return next(c for c, count in zip(columns, counts, strict=True) if 2 * count >= max(counts))


def _settle_possible(table: Table, fields: Fields) -> None:
    """答案1, 答案2 … are choices where a key stands beside them, else the blanks of a 填空."""
    possible = {int(name.partition(":")[2]): c for c, name in fields.items() if name.startswith(POSSIBLE)}
    if not possible:
        return
    kinds = CHOICES if "answer" in table.columns and not table.of("choice_") else BLANKS
    for place, column in possible.items():
        table.columns.setdefault(kinds[place], column)


def _swap_choices_and_key(table: Table) -> None:
    """选项 may hold the key (答案选项), and 答案 the choices, where the other is missing."""
    if "choices" in table.columns and "answer" not in table.columns and "right" not in table.columns:
        values = table.values(table.columns["choices"])[:_SAMPLE]
        if values and sum(looks_like_key(text) for text in values) >= _KEYLIKE * len(values):
            table.columns["answer"] = table.columns.pop("choices")
