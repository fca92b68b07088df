"""What the rows of a table hold, item by item: one row each, several rows, or a row for each choice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cbt.interchange.tables.cells import leading_number, looks_like_key, without_bullets
from cbt.interchange.tables.item_types import heading_type
from cbt.interchange.tables.sheet import Table, meant
from cbt.items.exam_prose import is_signature
from cbt.spreadsheets.findings import Place


@dataclass(slots=True)
class SheetItem:
    """One item as its cells say it; `rows` are those it stands in (from 0), `lines` what no column places.

    `at` gives the place of a choice by its row, where each has one. `shown` are the pictures behind the stem,
    `lost` the cells of those that could not be read.
    """

    table: Table
    rows: list[int]
    number: str = ""
    type: str = ""
    stem: str = ""
    choices: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    answer: str = ""
    explanation: str = ""
    difficulty: str = ""
    consistency: str = ""
    point: str = ""
    blanks: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    heading: str = ""
    beyond: int = -1
    at: dict[int, int] = field(default_factory=dict)
    shown: str = ""
    lost: list[tuple[int, int]] = field(default_factory=list)

    @property
    def row(self) -> int:
        """The row (from 0) it begins in."""
        return self.rows[0]

    def place(self, name: str = "") -> Place:
        return self.table.place(self.row, name)


@dataclass(slots=True)
class Records:
    """The items of a table, and the rows that are none: (row, code of a finding)."""

    table: Table
    items: list[SheetItem] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    several_rows: bool = False
    keys_elsewhere: bool = False
    look_asked: bool = False


def item_at(table: Table, row: int, *, kind: str, heading: str) -> SheetItem:
    """Return the item that begins in a row, and what of a CSV's row stands beyond its headers."""
    item = item_in(table, row, kind=kind, heading=heading)
    if table.page.is_csv:
        last = max((column for column, text in table.headers.items() if text), default=table.right)
        item.beyond = next((column for column in table.page.filled(row) if column > last), -1)
    return item


def item_in(table: Table, row: int, *, kind: str, heading: str) -> SheetItem:
    """Return what the columns say of the item that begins in a row."""
    return SheetItem(
        table,
        [row],
        number=table.text(row, "number"),
        type=kind,
        stem=table.text(row, "stem"),
        choices=[table.text(row, name) for name in table.of("choice_")],
        cells=[text] if (text := table.text(row, "choices")) else [],
        answer=table.text(row, "answer"),
        explanation=table.text(row, "explanation"),
        difficulty=table.spread(row, "difficulty"),
        consistency=table.text(row, "consistency"),
        point=table.spread(row, "point"),
        blanks=[text for name in table.of("blank_") if (text := table.text(row, name))],
        heading=heading,
    )


HEADING = re.compile(
    r"^\s*(?:第?[一二三四五六七八九十百]+\s*(?:[、.．,，章节部分篇]|大题)|[（(][一二三四五六七八九十]+[)）]|题型\s*[:：]|分类\s*[:：]|【[^】]*题】|"
    r"第\s*\d+\s*[章节篇部]|Part|PART|[IVⅠ-Ⅻ]+[.、])"
)
KIND_ALONE = re.compile(
    r"^[^。？?（(]{0,12}?(?:单选|多选|判断|填空|简答|问答|选择|论述|计算|名词解释|案例分析|不定项|单项选择|多项选择)[^。？?]{0,6}题?\s*(?:[（(:：].*)?$"
)
PAGE = re.compile(
    r"^(?:第\s*\d+\s*页.*|共\s*\d+\s*页|\d+\s*/\s*\d+|-\s*\d+\s*-|Page\s+\d+.*)$", re.IGNORECASE
)
END = re.compile(r"^(?:以下空白|以上.*结束|完|END|合计|总计|小计)[：:。]?\s*\d*$", re.IGNORECASE)
INSTRUCTION = re.compile(
    r"^(?:\S{0,6}[（(]?(?<!不)必填(?!写)|选填|非必填|可选|可不填|可为空|不填|请|说明|示例|例如|例[:：]|格式|注[:：]|注意|从下拉)|(?<!不)必填(?!写)|不能为空"
    r"|不超过\s*\d+|最多\s*\d+|只能输入|只能填|请填写|下拉选择|用.{1,6}(?:隔开|分隔|分割)|^0/1|^[1-9]\s*[:：.]?\s*(?:单|多|判)"
)
CHOICE_LINE = re.compile(
    r"^\s*(?:[（(【\[]\s*([A-Ja-jＡ-Ｊ])\s*[)）】\]]|([A-Ja-jＡ-Ｊ])\s*[.．、:：,，)）]|([A-JＡ-Ｊ])\s+(?=\S))"
)
ANSWER_LINE = re.compile(
    r"^\s*[【\[（(]?\s*(?:正确答案|参考答案|标准答案|答案|正确选项|答|answer|key)\s*[】\]）)]?\s*[:：]?\s*(\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
EXPLANATION_LINE = re.compile(
    r"^\s*[【\[（(]?\s*(?:解析|答案解析|试题解析|题目解析|分析|详解)\s*[】\]）)]?\s*[:：]?\s*(.*)$", re.DOTALL
)
ASKS = re.compile(r"[（(。？?，,：:_]|\d\s*[.、．]")
INSTRUCTED = 3


def is_choice_line(text: str) -> bool:
    return CHOICE_LINE.match(text) is not None


def says_headers(texts: Sequence[str]) -> bool:
    """Return whether the texts of a row are headers, as on top of every printed page."""
    fields = [field for text in texts if len(text) <= 30 and (field := meant(text))]
    return len(fields) >= 3 and len(fields) >= 0.8 * len(texts) and "stem" in fields


def heading_above(table: Table) -> str:
    """Return the heading right above the headers, "" for none that names a type."""
    for row in range(table.head - 2, max(table.head - 5, -1), -1):
        texts = {table.page.cell(row, c) for c in table.page.filled(row, table.left, table.right)}
        if len(texts) != 1:
            return ""
        text = texts.pop()
        if heading_type(text) and (HEADING.match(text) or KIND_ALONE.match(text)):
            return text
    return ""


def gather_options(table: Table) -> Records:
    """Return the items of a table with a row for each choice: rows of one item share its number, or follow it."""
    records, now = Records(table, several_rows=True), None
    for row in range(table.start, table.end):
        if not table.page.filled(row, table.left, table.right):
            continue
        number, stem = table.text(row, "number"), table.text(row, "stem")
        right, option = table.text(row, "right"), table.text(row, "choices")
        if row - table.start < INSTRUCTED and not records.items and _instructs(table, row, right):
            records.left_out.append((row, "row_instruction"))
            continue
        fresh = (
            now is None
            or (number and number != now.number)
            or (bool(stem) and not number and stem != now.stem)
        )
        if not stem and not option and not number:
            records.left_out.append((row, "row_left_out"))
            continue
        if fresh:
            now = SheetItem(
                table,
                [row],
                number=number,
                type=table.text(row, "type"),
                stem=stem,
                answer=table.text(row, "answer"),
                explanation=table.text(row, "explanation"),
                difficulty=table.text(row, "difficulty"),
                point=table.text(row, "point"),
            )
            records.items.append(now)
        else:
            assert now is not None
            now.rows.append(row)
            now.stem = now.stem or stem
            now.type = now.type or table.text(row, "type")
            if stem and stem != now.stem:
                now.lines.append(stem)
        assert now is not None
        if option or right:
            now.at[row] = len(now.choices)
            now.choices.append(option)
            now.rights.append(right)
    return records


def _instructs(table: Table, row: int, right: str) -> bool:
    cells = [table.page.cell(row, column) for column in table.page.filled(row)]
    count = sum(bool(INSTRUCTION.search(cell)) for cell in cells)
    return count >= 1 and right not in {"0", "1"} and (count >= 2 or len(right) > 2)


def gather(table: Table) -> Records:
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
            or is_signature(text)
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
        below = next((other for other in self._rows if other > row), None)
        if below is None:
            return False
        first = self._table.page.filled(below, self._table.left, self._table.right)[0]
        return below in self._table.joined or bool(CHOICE_LINE.match(self._table.page.cell(below, first)))

    def _is_part(self, text: str, column: int) -> bool:
        names = {n: name for name, n in self._table.columns.items()}
        name = names.get(column, "")
        if name.startswith(("choice", "answer", "blank", "explanation")):
            return True
        return bool(CHOICE_LINE.match(text) or ANSWER_LINE.match(text)) and self._now is not None

    def _is_instruction(self, row: int, texts: list[str]) -> bool:
        if row - self._table.start >= INSTRUCTED or self._found.items:
            return False
        count = sum(bool(INSTRUCTION.search(text)) for text in texts)
        answer, number = self._table.text(row, "answer"), self._table.text(row, "number")
        if number.isdigit() or (answer and not INSTRUCTION.search(answer) and looks_like_key(answer)):
            return False
        return count >= 2 and 2 * count >= min(len(texts), 4)

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
            columns = {column for name, column in table.columns.items()}
            choices = len(self._filled_choices(row)) > 1 or bool(table.text(row, "choices"))
            if answer and choices and (now.answer or any(now.choices)):
                return False  # an item whose stem is missing, or a picture
            return bool(set(filled) & columns) or bool(CHOICE_LINE.match(first) or ANSWER_LINE.match(first))
        if ANSWER_LINE.match(stem) or EXPLANATION_LINE.match(stem):
            return not answer or not now.answer
        if self._is_next_choice(stem) and all(
            CHOICE_LINE.match(table.page.cell(row, column)) for column in filled
        ):
            return True
        return self._several and not answer and leading_number(stem) is None

    def _is_next_choice(self, text: str) -> bool:
        match = CHOICE_LINE.match(text)
        if match is None or self._now is None:
            return False
        letter = next(group for group in match.groups() if group).upper()
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
            kind = self._carried
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
            elif match := ANSWER_LINE.match(text):
                item.answer = item.answer or match[1]
            elif match := EXPLANATION_LINE.match(text):
                item.explanation = f"{item.explanation}\n{match[1]}".strip()
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
