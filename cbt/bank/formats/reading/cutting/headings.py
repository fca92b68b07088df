"""Headings of sections: 一、单选题（每题 1 分）, 判断题, 第二章, 题型：多选题, 参考答案."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cbt.bank.foreign.marks import without
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import named_type

LONGEST = 160
_CN = r"[一二三四五六七八九十百]{1,4}"
_COUNTED = re.compile(
    rf"(?:第\s*{_CN}\s*(?:大题|部分)|第\s*[1-9]\s*(?:大题|部分)"
    rf"|[（(]\s*{_CN}\s*[)）]|{_CN}\s*[、.．,，:：)）]|{_CN}[ 　]+|Part\s*\w+)"
    r"\s*[、.．:：]?\s*",
    re.IGNORECASE,
)
_CHAPTER = re.compile(
    rf"(?:第\s*(?:{_CN}|\d{{1,3}})\s*[章节篇编单元模块项目任务]+|(?:模块|项目|任务|单元|专题)\s*(?:{_CN}|\d{{1,3}})(?!\d))(?![题])\s*"
)
_TYPE = re.compile(
    r"(?:题型|分类|类型|试题类型|题目类型|题类)\s*[:：]\s*(?P<word>\S.{0,40})|[【\[〖]?(?P<bare>(?:单项|多项|不定项|单选|多选|单|多|是非|正误|对错|判断|选择|填空"
    r"|简答|问答|论述|计算|名词解释|案例分析|综合分析|综合|主观|判断改错|解答|分析){1,3})(?:选择)?(?:试?题|解释)?"
    r"(?P<key>(?:参考|标准)?答案)?[】\]〗]?(?:[部]分|集|库)?\s*(?P<tail>[（(【\[:：,，、\d共每].{0,120})?"
)
_KEYS = re.compile(
    r"(?:附[:：、]?|附件\d*[:：、]?|\d{1,2}[.、])?.{0,40}?(?:参考|标准|正确|试题|试卷|习题|题库)?答案(?:及解析|与解析|及评分标准|与评分标准|和解析|汇总|部分|解析|页)?"
    r"(?:如下)?\s*[:：]?"
)
_KEYS_AT_END = re.compile(r"(?:参考|标准)?答案\s*[）)]?\s*[:：]?$")
_NUMBER = re.compile(r"(?:第\s*)?[（(]?\d{1,4}\s*(?:[题.．、)）]|\s)\s*")
"""The number of a question: a heading of that kind is one only where nothing but a type follows."""
_ASKS = re.compile(r"[（(][\s　]*[A-H√×对错]{0,6}[\s　]*[)）]|[?？]|_{2,}")


@dataclass(frozen=True, slots=True)
class SectionHeading:
    """A heading: the type it names ("" for none), whether keys follow, whether a chapter begins anew."""

    title: str
    kind: str
    keys: bool = False
    chapter: bool = False


def heading_of(line: Line) -> SectionHeading | None:
    """Return the heading a line is, or None."""
    text = without(line.text).strip()
    if not text or len(text) > LONGEST:
        return None
    named = _TYPE.fullmatch(text)
    tail = (named["tail"] or "") if named else ""
    asks = tail[:1] not in {"（", "("} and _ASKS.search(tail) is not None
    if named and not asks and (kind := named_type(named["word"] or named["bare"] or "")):
        return SectionHeading(_title(text), kind, keys=bool(named["key"]))
    chapter = _CHAPTER.match(text)
    counted = chapter or _COUNTED.match(text)
    rest = text[counted.end() :] if counted else text
    numbered = _NUMBER.match(text) if line.heading else None
    if numbered:
        inner = _TYPE.fullmatch(text[numbered.end() :])
        kind = named_type(inner["bare"] or "") if inner and not _ASKS.search(text) else None
        return SectionHeading(_title(text), kind) if kind else None
    if counted or line.heading:
        return _counted(text, rest, chapter=chapter is not None, whole=line.heading)
    if len(text) <= 40 and _KEYS.fullmatch(text) and not _ASKS.search(text):
        return SectionHeading(text, named_type(text) or "", keys=True)
    return None


def _counted(text: str, rest: str, *, chapter: bool, whole: bool) -> SectionHeading | None:
    head = re.split(r"[（(:：。，,；;]", rest, maxsplit=1)[0][:24]
    kind = named_type(head)
    if kind is None and (found := re.match(r"[^（(]{0,24}[（(]([^）)]{0,24})", rest)):
        kind = named_type(found[1])
    keys = "答案" in head or _KEYS_AT_END.search(rest) is not None
    if kind is None and not keys and (_ASKS.search(rest) or len(rest) > 40):
        return None
    if kind is None and not keys and rest.endswith(("。", "；", "，")):
        return None
    if whole and kind is None and not keys and re.match(r"\d", text):
        return None
    return SectionHeading(_title(text), kind or "", keys=keys, chapter=chapter)


def _title(text: str) -> str:
    return re.split(r"[（(【\[:：。]", text, maxsplit=1)[0].strip()[:40] or text[:40]
