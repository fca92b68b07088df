"""From the rows of a table to its items: headings, instructions and page headers aside, rows that go on joined."""

from __future__ import annotations

from collections import Counter

from cbt.bank.formats.tables.cells.dirt import leading_number, without_bullets
from cbt.bank.formats.tables.cells.keys import looks_like_key
from cbt.bank.formats.tables.cells.kinds import heading_type
from cbt.bank.formats.tables.rows.headings import heading_above
from cbt.bank.formats.tables.rows.options import gather_options
from cbt.bank.formats.tables.rows.records import Records, SheetItem, item_at
from cbt.bank.formats.tables.rows.shapes import (
    ANSWER_LINE,
    ASKS,
    CHOICE_LINE,
    END,
    EXPLANATION_LINE,
    HEADING,
    INSTRUCTED,
    INSTRUCTION,
    KIND_ALONE,
    PAGE,
    says_headers,
)
from cbt.bank.formats.tables.rows.sheet import Table


def gather(table: Table) -> Records:
    """Return the items of a table."""
    if table.has("right") and table.has("choices"):
        return gather_options(table)
    return _Gatherer(table).run()


class _Gatherer:
    """Goes down a table and keeps the item it is in."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._found = Records(table)
        self._now: SheetItem | None = None
        self._heading = heading_above(table)
        self._carried = ""
        self._choice_columns = table.of("choice_")
        rows = [
            row for row in range(table.start, table.end) if table.page.filled(row, table.left, table.right)
        ]
        self._rows = rows
        stems = Counter(table.text(row, "stem") for row in rows if len(table.page.filled(row)) == 1)
        self._repeated = {text for text, count in stems.items() if count > 1 and not CHOICE_LINE.match(text)}
        with_stem = [row for row in rows if table.text(row, "stem")]
        self._numbered = self._share("number", with_stem)
        self._keyed = self._share("answer", with_stem)
        typed = self._share("type", with_stem)
        self._sparse = 0 < typed < 0.7
        self._several = self._numbered < 0.75 and table.has("number") and self._numbered > 0.05

    def _share(self, name: str, rows: list[int]) -> float:
        if not self._table.has(name) or not rows:
            return 0.0
        return sum(bool(self._table.text(row, name)) for row in rows) / len(rows)

    def run(self) -> Records:
        for row in self._rows:
            self._take(row)
        self._found.several_rows = any(len(item.rows) > 1 for item in self._found.items)
        return self._found

    def _take(self, row: int) -> None:
        table = self._table
        filled = table.page.filled(row, table.left, table.right)
        texts = [table.page.cell(row, column) for column in filled]
        if row in table.skipped or says_headers(texts):
            return
        if len(set(texts)) == 1 and self._set_aside(row, texts[0], filled):
            return
        if self._is_instruction(row, texts):
            self._found.left_out.append((row, "row_instruction"))
            return
        if self._goes_on(row, filled):
            self._attach(row, filled)
        else:
            self._begin(row)

    def _set_aside(self, row: int, text: str, filled: list[int]) -> bool:
        """Take a row with one text for a heading, a page header, or the end; return whether it is one."""
        alone = len(filled) == 1 or (row, filled[0]) in self._table.page.across
        if not alone:
            return False
        kind = heading_type(text)
        marked = (
            bool(HEADING.match(text)) and len(text) <= 80 and not text.rstrip().endswith(("。", "？", "?"))
        )
        if kind and (marked or KIND_ALONE.match(text)):
            self._heading, self._carried, self._now = text, "", None
            return True
        if (
            PAGE.match(text)
            or END.match(text)
            or (text in self._repeated and not self._has_choices_below(row))
        ):
            self._found.left_out.append((row, "row_page"))
            return True
        in_stem = self._table.columns.get("stem") == filled[0]
        if marked and not ANSWER_LINE.match(text) and (not in_stem or self._keyed > 0.5 or self._several):
            self._found.left_out.append((row, "row_heading"))
            self._now = None
            return True
        title = in_stem and self._keyed > 0.8 and len(text) < 16 and not ASKS.search(text)
        if (title and not CHOICE_LINE.match(text)) or (not in_stem and not self._is_part(text, filled[0])):
            self._found.left_out.append((row, "row_left_out"))
            return True
        return False

    def _has_choices_below(self, row: int) -> bool:
        """Return whether the next row that says anything is one of choices."""
        below = next((other for other in self._rows if other > row), None)
        if below is None:
            return False
        first = self._table.page.filled(below, self._table.left, self._table.right)[0]
        return below in self._table.joined or bool(CHOICE_LINE.match(self._table.page.cell(below, first)))

    def _is_part(self, text: str, column: int) -> bool:
        known = {n: name for name, n in self._table.columns.items()}
        name = known.get(column, "")
        if name.startswith(("choice", "answer", "blank", "explanation")):
            return True
        return bool(CHOICE_LINE.match(text) or ANSWER_LINE.match(text)) and self._now is not None

    def _is_instruction(self, row: int, texts: list[str]) -> bool:
        if row - self._table.start >= INSTRUCTED or self._found.items:
            return False
        said = sum(bool(INSTRUCTION.search(text)) for text in texts)
        answer, number = self._table.text(row, "answer"), self._table.text(row, "number")
        if number.isdigit() or (answer and not INSTRUCTION.search(answer) and looks_like_key(answer)):
            return False
        return said >= 2 and 2 * said >= min(len(texts), 4)

    def _goes_on(self, row: int, filled: list[int]) -> bool:
        """Return whether a row belongs to the item above it."""
        table, now = self._table, self._now
        stem, answer = table.text(row, "stem"), table.text(row, "answer")
        number = table.text(row, "number")
        if now is None or number:
            return False
        if row in table.joined:
            return True
        if table.text(row, "type") and stem:
            return False
        if not stem:
            first = table.page.cell(row, filled[0])
            known = {column for name, column in table.columns.items()}
            choices = len(self._filled_choices(row)) > 1 or bool(table.text(row, "choices"))
            if answer and choices and (now.answer or any(now.choices)):
                return False  # an item whose stem is missing, or a picture
            return bool(set(filled) & known) or bool(CHOICE_LINE.match(first) or ANSWER_LINE.match(first))
        if ANSWER_LINE.match(stem) or EXPLANATION_LINE.match(stem):
            return not answer or not now.answer
        if self._is_next_choice(stem) and all(
            CHOICE_LINE.match(table.page.cell(row, column)) for column in filled
        ):
            return True
        return self._several and not answer and leading_number(stem) is None

    def _is_next_choice(self, text: str) -> bool:
        found = CHOICE_LINE.match(text)
        if found is None or self._now is None:
            return False
        letter = next(group for group in found.groups() if group).upper()
        letter = chr(ord(letter) - 0xFEE0) if ord(letter) > 0x7F else letter
        if letter == "A":
            return not self._now.lines or not self._filled_choices(self._now.row)
        return bool(self._now.lines) or not self._choice_columns

    def _filled_choices(self, row: int) -> list[str]:
        return [text for name in self._choice_columns if (text := self._table.text(row, name))]

    def _begin(self, row: int) -> None:
        table = self._table
        kind = table.spread(row, "type")
        if kind:
            self._carried = kind
        elif self._sparse and self._carried:
            kind, self._found.carried_types = self._carried, self._found.carried_types + 1
        item = item_at(table, row, kind=kind, heading=self._heading)
        self._now = item
        self._found.items.append(item)

    def _attach(self, row: int, filled: list[int]) -> None:
        item, table = self._now, self._table
        assert item is not None
        item.rows.append(row)
        by_column = {column: name for name, column in table.columns.items()}
        texts = [table.page.cell(row, column) for column in filled]
        if len(texts) > 1 and (
            all(map(CHOICE_LINE.match, texts)) or (not self._choice_columns and not table.has("choices"))
        ):
            item.lines += [without_bullets(text) for text in texts]
            return
        for column in filled:
            text, name = table.page.cell(row, column), by_column.get(column, "")
            if name == "answer" and not item.answer:
                item.answer = text
            elif name == "explanation":
                item.explanation = f"{item.explanation}\n{text}".strip()
            elif name == "choices":
                item.cells.append(text)
            elif (
                name.startswith("choice_") and self._filled_choices(row) and not self._alternates(row, filled)
            ):
                place = self._choice_columns.index(name)
                item.choices[place] = f"{item.choices[place]}\n{text}".strip()
            elif name in {"type", "point", "difficulty", "consistency"} and not getattr(item, name):
                setattr(item, name, text)
            elif found := ANSWER_LINE.match(text):
                item.answer = item.answer or found[1]
            elif found := EXPLANATION_LINE.match(text):
                item.explanation = f"{item.explanation}\n{found[1]}".strip()
            elif name not in {"left_out", "answer"} and (name or not table.headers.get(column)):
                item.lines.append(without_bullets(text))
            else:
                self._found.left_out.append((row, "row_left_out"))

    def _alternates(self, row: int, filled: list[int]) -> bool:
        """Return whether a row of choices begins left of the columns of choices."""
        first = self._table.columns[self._choice_columns[0]]
        return (
            bool(self._choice_columns)
            and filled[0] < first
            and self._now is not None
            and not any(self._now.choices)
        )
