"""Headers of columns: the field that each means, and places given as letters or numbers."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from cbt.interchange.tables.cell_text import clean
from cbt.spreadsheets.columns import Column

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
        题目类别 题目种类 考题类型 试题类型代码 题型分类 类型名称 type questiontype qtype kind
        itemtype 题目分类 试题分类 题目性质
    """,
    "stem": """
        试题题干 试题 题干 题目内容 题目 试题内容 问题 题面 题文 考题 试题正文 题目正文 题目题干
        题干内容 题目描述 问题描述 问题内容 题目名称 试题名称 题目标题 试题描述 考题内容 试题标题
        题目文本 题干文本 内容 标题 question questiontext questioncontent stem title content
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
        试题正确答案 单选答案 多选答案 判断答案 正确答案编号 答案字母
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
        解析内容 答案分析
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
    rf"(?:试题|题目)?(?:选项|选择项|可选项|候选项|备选项|备选答案|备选|候选答案|答案选项|option|opt|choice|选择|选支|备选选项|item|支)({_ONE})"
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
        if found := pattern.fullmatch(text):
            return f"choice_{LETTERS[place_of(found[1])]}"
    if (found := _BLANK.fullmatch(text)) and (text[0] != "第" or text.endswith("空")):
        return f"blank_{place_of(found[1]) + 1}"
    if found := _POSSIBLE.fullmatch(text):
        return f"{POSSIBLE}:{place_of(found[1])}"
    return ""


def place_of(said: str) -> int:
    """Return the place (from 0) that a letter or a number from 1 names."""
    if said in _DIGITS:
        return _DIGITS.index(said)
    return int(said) - 1 if said.isdigit() else ord(said.lower()) - ord("a")


def bare_place(cell: str) -> int | None:
    """Return the place that a cell names which is nothing but a letter or a number."""
    text = plain_header(cell)
    if re.fullmatch(r"[a-n]|[1-9]|[一二三四五六七八九]", text):
        return place_of(text)
    return None
