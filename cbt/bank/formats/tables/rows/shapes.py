"""What rows look like that are no items: headings, page headers, instructions, lines of choices and keys."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cbt.bank.formats.tables.cells.columns import meant

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
    """Return whether a text begins as a choice does that stands in a row of its own."""
    return CHOICE_LINE.match(text) is not None


def says_headers(texts: Sequence[str]) -> bool:
    """Return whether the texts of a row are headers, as on top of every printed page."""
    fields = [field for text in texts if len(text) <= 30 and (field := meant(text))]
    return len(fields) >= 3 and len(fields) >= 0.8 * len(texts) and "stem" in fields
