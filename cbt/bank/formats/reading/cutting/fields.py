"""Named fields beside a question: 答案, 解析, 难度, 知识点, several of them in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import letters, verdict

_MINE = r"(?P<mine{n}>(?:我|你|您|考生|学生|学员|本人)的?(?:答案|作答|选择)|已选(?:答案|选项)?|作答)"
_KEY = (
    r"(?P<key{n}>(?:参考|正确|标准|本题|试题|题目|考题|最佳|的)*答案(?:选项|是|为)?|正确选项|正确答案为"
    r"|Correct\s*Answer|Answer|Ans|Key)"
)
_EXPLANATION = (
    r"(?P<explanation{n}>(?:参考|答案|试题|题目|本题|整体|考点|答题)?(?:解析|详解|解释)|Explanation|Analysis)"
)
_DIFFICULTY = (
    r"(?P<difficulty{n}>(?:试题|题目)?(?:难度(?:系数|等级|程度|代码|级别)?|难易(?:程度|度)?)|Difficulty)"
)
_POINT = r"(?P<point{n}>(?:所属|考查)?(?:知识点|考点|考核点|鉴定点|认定点|考查点)(?:代码|名称)?)"
_FIRST = (
    r"|(?P<kind>题型(?:代码)?|试题类型|题目类型|题目类别|分类|题类)|(?P<stem>题干|题目内容|试题内容|题目|试题|问题|Question)"
    r"|(?P<answer>答)|(?P<choices>备选项|备选答案|选项)"
    r"|(?P<other>分值|分数|得分|本题得分|本题分数|章节|目录|标签|来源|出处|年份|依据|法规依据|编号|题号|序号|ID|教材|页码|答题时间|正确率|易错项"
    r"|一致性(?:代码)?|考试要求|认知层次|等级|Points?|Score|Category|Tags?)"
)
_ANY = "|".join((_MINE, _KEY, _EXPLANATION, _DIFFICULTY, _POINT))
_COLON = r"\s*[:：]\s*"
_FIELD = re.compile(
    rf"[【\[〖「](?:{_ANY.format(n='1')}|(?P<analysis>分析|点评|点拨|说明|评析|思路))[】\]〗」]\s*[:：]?\s*"
    rf"|(?P<key3>(?:正确|参考|标准)答案){_COLON}"
    rf"|(?:^|(?<=[\s　。；;，,、.)）(（】\]\|｜]))(?:{_ANY.format(n='2')}){_COLON}",
    re.IGNORECASE,
)
_LINE_FIRST = re.compile(
    rf"(?:[【\[〖「])?(?:{_FIRST[1:]})(?:[】\]〗」]\s*[:：]?|{_COLON})\s*", re.IGNORECASE
)
_BARE_KEY = re.compile(r"(?:参考|正确|标准)?答案(?:是|为|选)?[\s　]*(?P<rest>\S.{0,40})")
NOISE = re.compile(
    r"[\s（(]*\d+(?:\.\d+)?\s*分[\s）)]*|AI\s*讲解|纠错|收藏|查看解析|未作答|回答(?:正确|错误)|展开|收起|上一题|下一题|返回|提交"
    r"|答案解析[:：]?\s*(?:无|暂无|略)?|(?:正确|错误)率?\s*[:：]\s*\d.*"
)
"""What a saved page says between its questions."""


@dataclass(frozen=True, slots=True)
class NamedField:
    """A named value within a line."""

    name: str
    line: Line


def fields_of(line: Line) -> tuple[Line, list[NamedField]]:
    """Return what stands before the first field of a line, and its fields in order."""
    text = line.text
    if NOISE.fullmatch(text):
        return line.cut(0, 0), [NamedField("other", line)]
    marks = [(found.start(), found.end(), _name(found)) for found in _FIELD.finditer(text)]
    first = _LINE_FIRST.match(text)
    if first and not (marks and marks[0][0] == 0):
        marks = [(0, first.end(), _name(first)), *(one for one in marks if one[0] >= first.end())]
    if not marks:
        bare = _BARE_KEY.fullmatch(text)
        spaced = bare is not None and text[: bare.start("rest")].endswith((" ", "\u3000"))
        if bare and (spaced or letters(bare["rest"]) or verdict(bare["rest"]) is not None):
            return line.cut(0, 0), [NamedField("key", line.cut(bare.start("rest")))]
        return line, []
    ends = [*(start for start, _end, _name_of in marks[1:]), len(text)]
    found = [
        NamedField(name, line.cut(end, stop)) for (_start, end, name), stop in zip(marks, ends, strict=True)
    ]
    before = line.cut(0, marks[0][0])
    if text[: marks[0][0]].endswith(("（", "(", "【", "[")) and found[-1].line.text.endswith(
        ("）", ")", "】", "]")
    ):
        last = found[-1].line
        found[-1] = NamedField(found[-1].name, last.cut(0, len(last.text) - 1))
    return before.cut(0, len(before.text.rstrip(" 　(（【[|｜"))), found


def _name(found: re.Match[str]) -> str:
    name = next(name for name, value in found.groupdict().items() if value)
    name = name.rstrip("123")
    return {"answer": "key", "analysis": "explanation"}.get(name, name)
