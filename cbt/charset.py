"""The one decoder of texts that people bring: which charset a file was saved in, and whether that is sure.

A mark or valid UTF-8 says it. Whatever else decodes without an error is a guess: bytes of Big5 are mostly valid
GB 18030 as well, and come out as characters nobody writes. So every charset that fits is weighed by what it makes
of the bytes, and where no one of them is clearly meant, whoever brought the file is asked.
"""

from __future__ import annotations

import codecs
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

GB, BIG5, UTF8, UTF16_LE, UTF16_BE = "gb18030", "big5", "utf-8", "utf-16-le", "utf-16-be"
GUESSED = (GB, BIG5, UTF16_LE, UTF16_BE)
"""What a text without a mark may be saved in, beside UTF-8; GBK and GB 2312 are parts of GB 18030."""
LATIN = ("iso-8859-1", "windows-1252")
"""Any bytes make sense in these, so nobody guesses them, and a page that says one of them is not believed."""
_CODEC = {BIG5: "cp950"}
"""Big5 as Windows writes it."""
_MARKS = (
    (codecs.BOM_UTF8, UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, UTF16_LE),
    (codecs.BOM_UTF16_BE, UTF16_BE),
)
_ALIASES = {
    "gb2312": GB,
    "gbk": GB,
    "cp936": GB,
    "x-gbk": GB,
    "big5-hkscs": BIG5,
    "cp950": BIG5,
    "utf8": UTF8,
    "us-ascii": UTF8,
    "ascii": UTF8,
    "latin-1": LATIN[0],
}
_UTF8_NAME = 0x800
"""The bit of an archive's entry that says its name is UTF-8."""
_SAMPLE = 60_000
_LEAST_COMMON, _MOST_ODD, _CLEARLY = 0.55, 0.05, 0.35
_FEW = 4
"""Fewer characters than this tell nothing, where two charsets fit."""
_LEAST_SENSE = 0.6
_BROKEN = ("锟斤拷", "烫烫烫", "ï»¿", "â€", "Ã¥", "Ã¤", "å¤", "é¢")
"""What is left of a text that was decoded wrongly and saved again."""
_MOST_LOST = 200
"""A text is mended where one character of so many, or fewer, came out of broken bytes."""
_WRITTEN = (
    "姓名 性别 证件 身份 号码 电话 手机 单位 考生 准考 考点 考场 座位 职业 工种 等级 级别 科目 "
    "理论 技能 成绩 备注 学历 年龄 地址 日期 时间 编号 序号 代码 题干 题目 题型 题号 试题 选项 "
    "答案 解析 难度 分值 分数 正确 错误 下列 以下 关于 属于 选择 判断 单选 多选 填空 简答 应该 "
    "应当 可以 不是 什么 哪些 哪个 客户 服务 管理 工作 企业 公司 人员 要求 内容 问题 方法 情况 "
    "进行 使用 性別 證件 號碼 電話 手機 單位 考點 考場 職業 級別 理論 成績 備註 學歷 年齡 時間 "
    "編號 序號 代碼 題幹 題目 題型 題號 試題 選項 難度 分數 正確 錯誤 關於 屬於 選擇 判斷 單選 "
    "多選 簡答 應該 應當 什麼 哪個 客戶 服務 企業 人員 內容 問題 情況 進行 "
)
_WORDS = tuple(_WRITTEN.split())
"""Words of items and of lists of people, in both scripts: no wrong charset makes one of them by chance."""
_PUNCTUATION = frozenset("，。、；：？！“”‘’（）《》〈〉【】〔〕「」『』—…·～￥　①②③④⑤⑥⑦⑧⑨⑩×÷±℃°√％")
_CONTROL = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1a\x1c\x1d\x1e")
_ODD = (
    (0x80, 0x9F), (0x370, 0x1FFF), (0x2500, 0x257F), (0x3040, 0x31FF), (0x3400, 0x4DBF), (0xA000, 0xFAFF),
    (0xFE10, 0xFEFE), (0xFF5F, 0x10FFFF),
)  # fmt: skip
"""Scripts and areas no Chinese text is full of, but what the wrong charset makes of one is: kana, private use, …"""
_GREEK = (0x391, 0x3C9)

for _codec in (UTF8, "utf-32-le", UTF16_LE, UTF16_BE, GB, "cp950", "big5", "gb2312", *LATIN, "cp437"):
    codecs.lookup(_codec)  # codecs are modules, and none can be loaded once a child is confined


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, the charset it was read in, whether that is sure, and what else it could be, the likeliest first."""

    text: str
    charset: str
    sure: bool = True
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What one charset makes of the bytes: of `wide` characters beyond ASCII, which share is common, and odd."""

    charset: str
    text: str
    common: float
    odd: float
    wide: int
    worded: bool

    @property
    def plausible(self) -> bool:
        return (self.worded or self.common >= _LEAST_COMMON) and self.odd <= _MOST_ODD

    @property
    def weight(self) -> float:
        return self.common - self.odd + self.worded


def decode(content: bytes, label: str = "") -> Decoded | None:
    """Return the text of a file; None where no charset makes sense of it, or more is broken than can be mended.

    `label` is the charset that the file itself or its author names: it is taken where the bytes are valid in it.
    """
    for mark, charset in _MARKS:
        if content.startswith(mark):
            text = _strict(content[len(mark) :], charset)
            return None if text is None else Decoded(text, charset)
    named = _named(label)
    if b"\0" not in content:
        if (text := _strict(content, UTF8)) is not None:
            return None if _is_binary(text) else Decoded(text, UTF8)
        charsets: tuple[str, ...] = GUESSED
    else:
        charsets = (UTF16_LE, UTF16_BE)
    if named in GUESSED and (text := _strict(content, named)) is not None and not _is_binary(text):
        return Decoded(text, named)
    fitting = sorted(_fitting(content, charsets), key=lambda one: one.weight, reverse=True)
    if not fitting:
        return None if charsets[0] == UTF16_LE else _mended(content)
    best, *rest = fitting
    if not best.plausible:
        return None
    enough = best.wide >= _FEW or best.worded or not rest
    sure = enough and all(best.weight - one.weight >= _CLEARLY for one in rest)
    return Decoded(best.text, best.charset, sure, tuple(one.charset for one in rest))


def declared(content: bytes, label: str) -> Decoded | None:
    """Return the text of a file of XML that says its charset, "" for one that does not; None as `decode` does.

    None, too, for a charset that no Chinese or Western program saves such files in.
    """
    named = _named(label)
    if named in LATIN and not content.startswith(tuple(mark for mark, _charset in _MARKS)):
        text = _strict(content, named)
        return None if text is None else Decoded(text, named)
    names = {"", UTF8, "utf-16", "utf-16le", "utf-16be", *GUESSED}
    return decode(content, named) if named in names else None


def entry_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the names of an archive's entries as people wrote them.

    Programs of a Chinese Windows write GBK without saying so. The names without a word on their charset are in one:
    UTF-8 where all are valid in it, else GB 18030, unless Big5 makes clearly more sense of them.
    """
    silent = [
        one.orig_filename.encode("cp437", "replace") for one in entries if not one.flag_bits & _UTF8_NAME
    ]
    charset = _charset_of_names(b"\n".join(silent))
    names = iter([name.decode(charset, "replace") for name in silent])
    return [one.orig_filename if one.flag_bits & _UTF8_NAME else next(names) for one in entries]


def _charset_of_names(lines: bytes) -> str:
    if _strict(lines, UTF8) is not None:
        return UTF8
    weights = {one.charset: one.weight for one in _fitting(lines, (GB, BIG5))}
    if GB in weights and weights.get(BIG5, 0.0) - weights[GB] < _CLEARLY:
        return GB
    return _CODEC[BIG5] if BIG5 in weights else GB


def _named(label: str) -> str:
    return _ALIASES.get(label.lower(), label.lower())


def _fitting(content: bytes, charsets: tuple[str, ...]) -> Iterator[_Weighed]:
    for charset in charsets:
        text = _strict(content, charset)
        if text is not None and not _is_binary(text):
            yield _weighed(charset, text)


def _strict(content: bytes, charset: str) -> str | None:
    try:
        return content.decode(_CODEC.get(charset, charset))
    except UnicodeDecodeError:
        return None


def _mended(content: bytes) -> Decoded | None:
    """Return a text of which few bytes are broken, with U+FFFD in their place; what came out of it is a finding."""
    guesses = []
    for charset in (UTF8, GB, BIG5):
        text = content.decode(_CODEC.get(charset, charset), "replace")
        if text.count("\ufffd") * _MOST_LOST <= len(text) and not _is_binary(text):
            guesses.append(_weighed(charset, text))
    plausible = [one for one in guesses if one.plausible]
    if len(plausible) != 1:
        return None
    return Decoded(plausible[0].text, plausible[0].charset)


def _is_binary(text: str) -> bool:
    head = text[:_SAMPLE]
    return sum(one in _CONTROL for one in head) * 100 > len(head)


def _weighed(charset: str, text: str) -> _Weighed:
    wide = [one for one in text[:_SAMPLE] if one > "\x7f"]
    if not wide:
        return _Weighed(charset, text, 1.0, 0.0, _FEW, worded=False)  # all of it ASCII
    sets = {GB: (_common("gb2312"),), BIG5: (_common("big5"),)}.get(
        charset, (_common("gb2312"), _common("big5"))
    )
    common = max(sum(one in known for one in wide) for known in sets)
    odd, worded = sum(map(_is_odd, wide)), any(word in text for word in _WORDS)
    return _Weighed(charset, text, common / len(wide), odd / len(wide), len(wide), worded)


def is_nonsense(text: str) -> bool:
    """Say whether a text came out of the wrong charset before it was saved: most of its ideographs are rare."""
    head = text[:_SAMPLE]
    if any(one in head for one in _BROKEN[:2]) or sum(map(head.count, _BROKEN[2:])) * 50 > len(head):
        return True
    wide = [one for one in head if "\u3400" <= one <= "\u9fff" or "\ue000" <= one <= "\uf8ff"]
    common = max(sum(one in _common(known) for one in wide) for known in ("gb2312", "big5"))
    return len(wide) >= 8 and common < _LEAST_SENSE * len(wide)


def _is_odd(sign: str) -> bool:
    number = ord(sign)
    if _GREEK[0] <= number <= _GREEK[1] or sign in _PUNCTUATION:
        return False
    return any(first <= number <= last for first, last in _ODD)


@cache
def _common(charset: str) -> frozenset[str]:
    """Return the first level of a charset, the characters people write, with punctuation and wide forms."""
    leads, trails = {
        "gb2312": (range(0xB0, 0xD8), range(0xA1, 0xFF)),
        "big5": (range(0xA4, 0xC7), (*range(0x40, 0x7F), *range(0xA1, 0xFF))),
    }[charset]
    characters = (bytes((lead, trail)).decode(charset, "ignore") for lead in leads for trail in trails)
    wide = (chr(number) for number in range(0xFF01, 0xFF5F))
    return _PUNCTUATION.union(filter(None, characters), wide)
