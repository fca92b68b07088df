"""Sheets and their tables: a file as rows of text, and the field that each header means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from cbt.errors import InvalidInput
from cbt.interchange.picture_marks import PictureMarks
from cbt.interchange.tables.cells import clean, looks_like_key
from cbt.interchange.tables.pictured_reader import PicturedBook
from cbt.spreadsheets import intake
from cbt.spreadsheets.cells import SheetData
from cbt.spreadsheets.columns import Column, letter
from cbt.spreadsheets.findings import Place
from cbt.spreadsheets.intake import Merged

ALIASES = {
    "ref": "系统编号",
    "number": """
        序号 题号 编号 试题编号 题目编号 题目序号 试题序号 试题id 题目id id no no. qnumber
        questionno questionnumber number num qid questionid questionindex 题序 行号 no1 index # ＃
        顺序号 题库编号 题目id号 试题代码 题目代码
    """,
    "point": """
        鉴定点代码 认定点代码 鉴定点 认定点 知识点代码 知识点 考核点代码 考核点 考点 鉴定点名称
        知识点名称 所属知识点 鉴定要素 鉴定点编码 知识点编码 评价点 测评点 考评点 knowledgepoint
        point topic
    """,
    "type": """
        题目类型代码 题型代码 题目类型 题型 试题类型 试题题型 题目题型 题类 类型 题型名称 试题类别
        tx tixing 题目类别 题目种类 考题类型 试题类型代码 题型分类 类型名称 type questiontype qtype kind
        itemtype 题目分类 试题分类 题目性质
    """,
    "stem": """
        试题题干 试题 题干 题目内容 题目 试题内容 问题 题面 题文 考题 试题正文 题目正文 题目题干
        题干内容 题目描述 问题描述 问题内容 题目名称 试题名称 题目标题 试题描述 考题内容 试题标题
        题目文本 题干文本 内容 标题 tg tm tigan timu question questiontext questioncontent stem title content
        questiontitle questionstem questionbody prompt text 题干标题 试题题目 题目问题 陈述 判断内容
        陈述内容
    """,
    "choices": """
        选项 选项内容 备选项 备选答案 候选答案 候选项 可选项 可选答案 选择项 答案选项 全部选项
        所有选项 选项列表 试题选项 题目选项 选项集 options choices option choice optionlist answers
        选项信息 选项文本 供选答案 备选 选项用分隔
    """,
    "answer": """
        答案 正确答案 标准答案 参考答案 正确选项 正确项 试题答案 题目答案 答案内容 正确答案选项 正解
        选择答案 答 标答 正确 本题答案 标准答案选项 正确答案内容 答案项 答案代码 参考答案要点
        评分标准 answer correctanswer correct rightanswer key ans answerkey correctoption
        rightoption solution 题答案 key答案 参考 判断 判断结果 对错 正误 结果 题目正确答案
        试题正确答案 da daan 单选答案 多选答案 判断答案 正确答案编号 答案字母
    """,
    "difficulty": """
        难度代码 难度 难度等级 难度系数 难易度 难易程度 试题难度 题目难度 难度级别 难易 难度值
        难易等级 difficulty level difficultylevel 掌握程度 重要程度
    """,
    "consistency": """
        一致性代码 一致性
    """,
    "explanation": """
        解析 题目解析 整体解析 试题解析 答案解析 解释 详解 答案说明 解答 试题分析 题目分析 分析
        答题解析 解题思路 答案详解 解析说明 explanation analysis explain rationale feedback 说明解析
        解析内容 答案分析 jx jiexi
    """,
    "right": """
        是否正确项 是否正确 是否答案 是否为答案 是否正确答案 正确标志 是否为正确答案 是否正确选项
        iscorrect isanswer isright correctflag 是否为正确项
    """,
    "left_out": """
        题库名称 题库 所属题库 试卷id 试卷名称 题目图片 题目视频 选项解析 选项图片 图及位置 图 图片
        分数 分值 单空分数 标签 备注 等级 级别 目录 章节 出处 来源 依据 专业 工种 职业 岗位 部门
        科目 课程 章 节 模块 命题人 审核人 日期 时间 创建时间 更新时间 状态 题量 每题分数 得分
        每题分值 默认分值 试题分值 题目分值 题分 音频 视频 附件 关键词 关键字 标记 分类 类别 公司
        单位 使用次数 错误率 正确率 是否必考 必考 答题时间 选项数 选项个数 选项数量 空数 score
        points tags tag remark remarks note notes category chapter source image 命题依据 教材页码
        页码 题源 教材 法规依据 规程条款 标准依据 一级目录 二级目录 三级目录 一级分类 二级分类
        鉴定范围 认定范围 检查结果 check 一级知识点 二级知识点 三级知识点 知识点项目 领域 能力项
        考试类别 适用岗位 适用等级 用户答案 我的答案 考生答案 你的答案
    """,
}
"""By field, as `columns.plain_header` writes them."""


LETTERS = "ABCDEFGHIJKLMN"
CHOICES = tuple(f"choice_{letter}" for letter in LETTERS)
BLANKS = tuple(f"blank_{number}" for number in range(1, 13))
LEFT_OUT = "left_out"
"""A column whose meaning is known and that is not read."""
POSSIBLE = "possible"
"""答案1 and the like: choices beside a key, else the blanks of a 填空."""
LONGEST = 40

TEMPLATE = (
    Column("point", ("鉴定点代码",), required=True, width=16),
    Column("type", ("题目类型代码",), required=True, width=14),
    Column("stem", ("试题(题干)",), required=True, width=60),
    *(Column(f"choice_{letter}", (f"选项{letter}",), width=24) for letter in "ABCDE"),
    Column("answer", ("答案",), required=True, width=10),
    Column("difficulty", ("难度代码",), width=10),
    Column("consistency", ("一致性代码",), width=12),
)
"""The 国标 11 columns."""

_MEANINGS = {alias: field for field, aliases in ALIASES.items() for alias in aliases.casefold().split()}
_MARKS = re.compile(r"[\s*:：·/()（）_\-【】\[\]《》<>“”\"'、，,。.!！?？#＊★☆●|\\]+")
_BRACKETS = re.compile(r"[(（【\[][^()（）【】\[\]]*[)）】\]]|[(（【\[][^()（）【】\[\]]*$")
_ONE = r"[a-n]|[1-9]|1[0-2]|[一二三四五六七八九]"
_CHOICE = re.compile(
    rf"(?:试题|题目)?(?:选项|选择项|可选项|候选项|备选项|备选答案|备选|候选答案|答案选项|option|opt|op|xx|choice|选择|选支|备选选项|item|支)({_ONE})"
    r"(?:内容|项|描述|文本|text|content)?"
)
_CHOICE_BEFORE = re.compile(
    r"(?:试题|题目)?([a-n])(?:选项|项|项目|选择项|选择|option|choice|支|备选答案|答案)(?:内容|答案|描述)?"
)
_ORDINAL_CHOICE = re.compile(r"第?([1-9一二三四五六七八九])(?:个)?(?:选项|选择项)")
_BLANK = re.compile(r"(?:填空|空|空格|第|blank)([1-9]|1[0-2]|[一二三四五六七八九])(?:空|答案|空答案)?")
_POSSIBLE = re.compile(r"(?:答案|answer|ans)([a-n]|[1-9]|[一二三四五六七八九])")
_DIGITS = "一二三四五六七八九"
_TAILS = re.compile(r"(?:必填项?|选填|可选|可不填|非必填|可为空|不能为空|必须|列|栏)$")


@lru_cache(20_000)
def meant(header: str) -> str:
    """Return the field a header means, "" for none; `possible:A` for what only the other columns decide."""
    if not header or len(header) > LONGEST:
        return ""
    header = clean(header)
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", header))
    for text in (plain_header(header), plain_header(bare)):
        if not text:
            continue
        if field := _known(text) or _known(_TAILS.sub("", text)):
            return field
    return ""


def plain_header(header: str) -> str:
    """Return a header as it is compared: NFKC, case folded, without spaces and marks."""
    return _MARKS.sub("", unicodedata.normalize("NFKC", header).casefold())


def _known(text: str) -> str:
    if text in _MEANINGS:
        return _MEANINGS[text]
    for pattern in (_CHOICE, _CHOICE_BEFORE, _ORDINAL_CHOICE):
        if match := pattern.fullmatch(text):
            return f"choice_{LETTERS[place_of(match[1])]}"
    if (match := _BLANK.fullmatch(text)) and (text[0] != "第" or text.endswith("空")):
        return f"blank_{place_of(match[1]) + 1}"
    if match := _POSSIBLE.fullmatch(text):
        return f"{POSSIBLE}:{place_of(match[1])}"
    return ""


def place_of(text: str) -> int:
    """Return the place (from 0) that a letter or a number from 1 names."""
    if text in _DIGITS:
        return _DIGITS.index(text)
    return int(text) - 1 if text.isdigit() else ord(text.lower()) - ord("a")


def bare_place(cell: str) -> int | None:
    """Return the place that a cell names which is nothing but a letter or a number."""
    text = plain_header(cell)
    if re.fullmatch(r"[a-n]|[1-9]|[一二三四五六七八九]", text):
        return place_of(text)
    return None


# Sheets and their tables: a file as rows of text, cleaned, and the columns of each table.
#
# Sheets are held within what a bank may take.

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

    Raises InvalidInput("bank.not_workbook"), ("bank.workbook_too_big") for a file that takes too much to read,
    ("sheet.locked"), ("sheet.frames"), ("sheet.too_long") and ("sheet.too_wide") with the sheet.
    """
    return [_within(sheet) for sheet in intake.open_tables(content, _BOUNDS)]


def open_pictured(content: bytes) -> tuple[list[SheetData], PictureMarks]:
    """Return what `open_tables` does, and the pictures of the sheets; raise as that does.

    Of each in `shown` the part is the character that stands for it.
    """
    book = msgspec.msgpack.decode(intake.asked(_PICTURED, content, _BOUNDS), type=PicturedBook)
    sheets = intake.as_typed(content, book.sheets)
    return [_within(sheet) for sheet in sheets], PictureMarks(book.marks, book.bodies)


def _within(sheet: SheetData) -> SheetData:
    return replace(
        sheet,
        rows=[row[:MAX_COLUMNS] for row in sheet.rows],
        merged=[one for one in sheet.merged if one[1] < MAX_COLUMNS],
    )


def is_workbook(content: bytes) -> bool:
    """Say whether a file begins as workbooks do, and as other archives may."""
    return content.startswith(_KINDS)


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
        self.looks = {(row, column): look for row, column, look in data.looks}
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
        return any(name in self.columns for name in names)

    def of(self, prefix: str) -> list[str]:
        """Return the fields of a kind (`choice_`, `blank_`) in their order."""
        names = [name for name in self.columns if name.startswith(prefix)]
        return sorted(names, key=lambda name: (len(name), name))

    def values(self, column: int) -> Sequence[str]:
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
        split_tables = list(_side_by_side(page, row, fields, end, two=two))
        if len(split_tables) == len(tables) == 1 and split_tables[0].columns == tables[-1].columns:
            tables[-1].skipped |= {row, row + two}
            tables[-1].end = end  # the same headers again, as on every printed page
        else:
            tables += split_tables
    return tables


def whole(page: Page) -> Table:
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
    fields = {column: field for column, cell in enumerate(cells) if cell and (field := meant(cell))}
    if "stem" in fields.values() or "answer" in fields.values():
        bare = {
            c: place
            for c, cell in enumerate(cells)
            if cell.isalnum() and (place := bare_place(cell)) is not None
        }
        first = min(bare, default=0)
        if len(bare) > 1 and all(bare.get(first + n) == n for n in range(len(bare))):
            fields |= {column: CHOICES[place] for column, place in bare.items()}
    return fields


def _may_begin(page: Page, row: int) -> bool:
    return any(meant(cell) for cell in page.rows[row][:WIDEST] if len(cell) <= 30)


def _two_rows(page: Page, row: int) -> Fields:
    """Return the fields that a row and the one below name together; none when the lower holds anything else."""
    if row + 1 >= len(page.rows):
        return {}
    upper, lower = page.rows[row], page.rows[row + 1]
    if any(len(cell) > 30 for cell in (*upper[:WIDEST], *lower[:WIDEST])):
        return {}
    fields: Fields = {}
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
            fields[column] = field
    return fields


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
            cells = [page.cell(row + k, column) for k in range(2 if two else 1)]
            table.headers[column] = " ".join(text for text in cells if text)
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
