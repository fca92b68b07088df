"""Parts of a document: sections, questions and lists of keys, and each key given to its question.

A list of keys is `1-5 ABCDA`, `1.A 2.BC 3、√`, a row of a table, or `1. 对`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.structure import TICKED, begins_choice, has_bullet, loose_letter, split_body
from cbt.interchange.documents.terms import folded, keys_in_stem, letters, named_type, verdict

_MARK = (
    r"[√×✓✗✔✘☑☒]|正确|错误|不对|對|錯|对|错|[是否](?=[是否]|[^\u4e00-\u9fff]|$)|True|False"
    r"|[TFtf](?![A-EG-SU-Za-eg-su-z])"
)
_TOKEN = rf"[A-LＡ-Ｌ](?:[ 　]?[,，、][ 　]?[A-LＡ-Ｌ]|[A-LＡ-Ｌ])*|[a-l]+(?![a-z])|{_MARK}"
_RANGE = re.compile(
    r"[（(\[【第]?\s*(?P<from>\d{1,4})\s*[-~～—–－―─至到]+\s*(?P<to>\d{1,4})\s*[题]?\s*[)）\]】]?\s*[.．、:：题]?\s*"
    rf"(?P<keys>(?:[（(\[]?(?:[A-LＡ-Ｌa-l]|{_MARK})[\s　,，、;；|/.．。)）\]]*)+)"
)
_PAIR = re.compile(
    r"(?:第\s*)?[（(\[【]?\s*(?P<n>\d{1,4})\s*(?:[)）\]】]\s*[.．、:：]?|[.．、:：题]+|[-—–－=]|\s|\t|(?=[A-LＡ-Ｌ√×✓✗对错正是否（(\[【]))\s*[:：]?\s*"
    rf"[（(\[【]?\s*(?:答案\s*[:：]?)?\s*(?P<key>{_TOKEN})\s*[)）\]】]?"
    r"(?=[\s　,，、;；|/.．。\d第（(\[【]|$)[\s　,，、;；|/.．。]*"
)
_ONE = re.compile(rf"[A-LＡ-Ｌa-l]|{_MARK}")
_NUMBERS = re.compile(
    r"(?:题号|序号|题目|题)[\s　:：]*(?P<all>\d{1,4}(?:[\s　|]+\d{1,4})+)|(?P<bare>\d{1,4}(?:[\s　|]+\d{1,4}){2,})"
)
_ANSWERS = re.compile(r"(?:参考|正确|标准)?答\s*案?[\s　:：|]*(?P<all>\S.*)")
_TEXT = re.compile(
    r"(?:第\s*)?[（(]?\s*(?P<n>\d{1,4})\s*(?:[)）]\s*[.．、:：]?|[.．、:：题]+|\s)\s*(?P<text>\S.*)"
)


@dataclass(frozen=True, slots=True)
class WrittenKey:
    """The key of one number, as it is written, and the lines that explain it."""

    number: int
    token: str
    line: Line
    told: tuple[Line, ...] = ()


def key_list(line: Line) -> list[WrittenKey] | None:
    """Return the keys of a line that holds nothing else; None when it is no such line, or its counts differ."""
    text, keys, here = line.text, [], 0
    while here < len(text):
        span = _RANGE.match(text, here)
        if span:
            tokens = _tokens(span["keys"], int(span["to"]) - int(span["from"]) + 1)
            if tokens is None:
                return None
            keys += [
                WrittenKey(number, token, line) for number, token in enumerate(tokens, int(span["from"]))
            ]
            here = span.end()
            continue
        pair = _PAIR.match(text, here)
        if pair is None:
            return None
        keys.append(WrittenKey(int(pair["n"]), pair["key"], line))
        here = pair.end()
    return keys or None


def broken_range(text: str) -> bool:
    """Say whether a line is a range of keys whose count is another than its numbers say."""
    span = _RANGE.match(text)
    if span is None or span.end() < len(text):
        return False
    return _tokens(span["keys"], int(span["to"]) - int(span["from"]) + 1) is None


def _tokens(text: str, count: int) -> list[str] | None:
    if not 0 < count <= 1000:
        return None
    groups = [one for one in re.split(r"[\s　,，、;；|/.．。()（）\[\]]+", text) if one]
    if len(groups) == count and all(letters(one) or verdict(one) is not None for one in groups):
        return groups
    ones = _ONE.findall(text)
    return ones if len(ones) == count else None


def table_numbers(text: str) -> list[int] | None:
    """Return the numbers of a row such as `题号 1 2 3`, or None."""
    match = _NUMBERS.fullmatch(text)
    if match is None:
        return None
    return [int(one) for one in re.findall(r"\d+", match["all"] or match["bare"])]


def table_keys(line: Line, numbers: list[int]) -> list[WrittenKey] | None:
    """Return the keys of a row below such numbers (`答案 A B C`), or None when their counts differ."""
    named = _ANSWERS.fullmatch(line.text)
    tokens = _tokens(named["all"] if named else line.text, len(numbers))
    if tokens is None:
        return None
    return [WrittenKey(number, token, line) for number, token in zip(numbers, tokens, strict=True)]


def text_entry(line: Line) -> WrittenKey | None:
    """Return a number with whatever stands behind it: the key of a 填空 or 简答, or a key with words after it."""
    match = _TEXT.fullmatch(line.text)
    return WrittenKey(int(match["n"]), match["text"], line.cut(match.start("text"))) if match else None


def bare_keys(line: Line) -> list[str] | None:
    """Return the keys of a line that gives no numbers (`ABCDA BCDAB`, `√×√`), or None."""
    text = line.text
    if not re.fullmatch(rf"(?:(?:[A-LＡ-Ｌ]|{_MARK})[\s　,，、;；|/.．。]*)+", text):
        return None
    return _ONE.findall(text)


@dataclass(slots=True, eq=False)
class FoundSection:
    """A run of questions under one heading, or of one count: its title, the type it names, its questions."""

    title: str
    kind: str = ""
    order: int = 1
    """How many sections there are up to this one."""
    questions: list[FoundQuestion] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        """The numbers of its questions, 0 for one that has none."""
        return [one.number for one in self.questions]


@dataclass(slots=True, eq=False)
class FoundQuestion:
    """One question before its type and key are known."""

    section: FoundSection
    line: Line
    number: int = 0
    token: str = ""
    led: bool = False
    """Whether an answer bracket stands before its number; `token` is what it holds."""
    kind: str = ""
    body: list[Line] = field(default_factory=list)
    fields: dict[str, list[Line]] = field(default_factory=dict)
    entry: WrittenKey | None = None
    material: str = ""
    """The line before some questions that says they belong to one text."""
    absorbed: list[Line] = field(default_factory=list)
    """Lines that look like the begin of another question and were taken as part of this one."""

    chosen: bool = False
    """Whether choices are there already."""

    def add(self, line: Line) -> None:
        """Take another line of stem or choices."""
        if not (line.text or line.pictures or line.formulas):
            return
        if not self.chosen:
            letter = begins_choice(line.text) or loose_letter(line.text)
            self.chosen = (letter == "B" and bool(self.body)) or bool(split_body([line]).choices)
            self.chosen |= has_bullet(line) and len(self.body) > 1 and has_bullet(self.body[-1])
            self.chosen |= bool(self.body) and TICKED.search(line.text) is not None
        self.body.append(line)

    @property
    def keyed(self) -> bool:
        if self.token or "key" in self.fields:
            return True
        text = self.body[0].text if self.body else ""
        return any(one.last and verdict(one.token) is not None for one in keys_in_stem(text[-80:]))

    @property
    def complete(self) -> bool:
        """Whether another question may follow."""
        return self.keyed or bool(self.fields) or self.chosen


@dataclass(slots=True)
class KeyGroup:
    """Keys that stand together: the heading above them, the type it names, how many sections stood before."""

    title: str
    kind: str
    after: int
    entries: list[WrittenKey] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    """Keys without numbers, in order."""
    broken: list[Line] = field(default_factory=list)
    """Lines of keys whose count is another than their numbers say."""


@dataclass(slots=True)
class Parts:
    """A whole document in pieces; `loose` are lines that belong to nothing."""

    sections: list[FoundSection]
    groups: list[KeyGroup]
    loose: list[Line] = field(default_factory=list)
    joined: list[Line] = field(default_factory=list)
    """Lines taken as going on with a key in words."""
    begun: int = 0
    """The line of the first heading or question: what stands before it is a title."""


_KINDS = {"choice": {"choice", "single_choice", "multiple_choice", ""}}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Keys that could not be given to anybody: the code of why, of which group, what it says."""

    code: str
    group: KeyGroup
    params: dict[str, object]


def give_keys(parts: Parts) -> list[Misfit]:
    """Give every key of the groups to its question; return what does not fit. A key is never given twice."""
    misfits: list[Misfit] = []
    done: set[int] = set()
    for after in sorted({group.after for group in parts.groups}):
        batch = [one for one in parts.groups if one.after == after and (one.entries or one.bare)]
        sections = [
            one
            for one in parts.sections
            if id(one) not in done and any(_bare(question) for question in one.questions)
        ]
        before = _until(parts, after)
        sections = [one for one in sections if id(one) in before]
        for group, chosen in _pairs(batch, sections):
            misfits += _give(group, chosen)
            done |= {id(one) for one in chosen}
    for group in parts.groups:
        misfits += [Misfit("text_keys_count", group, {"text": line.text}) for line in group.broken]
    return misfits


def _until(parts: Parts, after: int) -> set[int]:
    return {id(one) for one in parts.sections if one.order <= after}


def _bare(question: FoundQuestion) -> bool:
    return not question.keyed and question.entry is None


def _pairs(
    batch: Sequence[KeyGroup], sections: Sequence[FoundSection]
) -> Iterator[tuple[KeyGroup, list[FoundSection]]]:
    """Yield each group with the sections it is for.

    One group whose numbers go on through all sections is for all of them. Else groups and sections of one name are
    paired in their order, where there are as many of each; where there are not, only what fits no other.
    """
    if len(batch) == 1 and (whole := _whole(batch[0], sections)):
        yield batch[0], whole
        return
    left = list(sections)
    for name in dict.fromkeys(_name_of(group) for group in batch):
        groups = [group for group in batch if _name_of(group) == name]
        among = [one for one in left if not name or _is_called(one, name)]
        chosen = _in_order_of(groups, among)
        for group, section in zip(groups, chosen, strict=True):
            left = [one for one in left if one is not section]
            yield group, [section] if section else []


def _whole(group: KeyGroup, sections: Sequence[FoundSection]) -> list[FoundSection]:
    numbers = {entry.number for entry in group.entries}
    numbered = _all(sections)
    if (
        len(sections) < 2
        or not numbers
        or not _unique(sections)
        or len(numbers & numbered) * 10 < 9 * len(numbers)
    ):
        return []
    return [one for one in sections if set(one.numbers) & numbers]


def _in_order_of(groups: Sequence[KeyGroup], sections: Sequence[FoundSection]) -> list[FoundSection | None]:
    if len(groups) == len(sections):
        return list(sections)
    found_sections: list[FoundSection | None] = []
    for group in groups:
        fitting = [one for one in sections if _fits(group, one)]
        alike = [one for one in groups if any(_fits(one, section) for section in fitting)]
        found_sections.append(fitting[0] if len(fitting) == len(alike) == 1 else None)
    return found_sections


def _fits(group: KeyGroup, section: FoundSection) -> bool:
    if group.bare:
        return len(group.bare) == len(section.questions)
    return {entry.number for entry in group.entries} == set(section.numbers)


def _name_of(group: KeyGroup) -> str:
    return group.kind or _name(group.title)


def _is_called(section: FoundSection, name: str) -> bool:
    kind = section.kind or _name(section.title)
    return kind in _KINDS.get(name, {name}) or _name(section.title) == name


def _name(title: str) -> str:
    return named_type(title) or ("" if "答案" in title else folded(title))


def _all(sections: Sequence[FoundSection]) -> set[int]:
    return {number for one in sections for number in one.numbers}


def _unique(sections: Sequence[FoundSection]) -> bool:
    counts = Counter(number for one in sections for number in one.numbers)
    return 0 not in counts and max(counts.values(), default=0) == 1


def _give(group: KeyGroup, sections: Sequence[FoundSection]) -> Iterator[Misfit]:
    questions = [question for one in sections for question in one.questions]
    if not questions:
        yield Misfit(
            "text_keys_nowhere",
            group,
            {"title": group.title or "—", "count": len(group.entries) or len(group.bare)},
        )
        return
    if group.bare:
        yield from _in_order(group, questions)
        return
    counts = Counter(entry.number for entry in group.entries)
    wanted_numbers = Counter(question.number for question in questions)
    keys = {entry.number: entry for entry in group.entries}
    for question in questions:
        if counts[question.number] == 1 and wanted_numbers[question.number] == 1:
            question.entry = keys[question.number]
            if question.entry.told and "explanation" not in question.fields:
                question.fields["explanation"] = list(question.entry.told)
    twice = sorted(number for number, count in counts.items() if count > 1)
    beyond = sorted(number for number in counts if number not in wanted_numbers)
    if twice:
        yield Misfit("text_keys_twice", group, {"numbers": _listed(twice)})
    if beyond:
        yield Misfit("text_keys_beyond", group, {"numbers": _listed(beyond)})


def _in_order(group: KeyGroup, questions: Sequence[FoundQuestion]) -> Iterator[Misfit]:
    if len(group.bare) != len(questions):
        yield Misfit("text_keys_count", group, {"text": "".join(group.bare)[:60]})
        return
    for question, token in zip(questions, group.bare, strict=True):
        question.entry = WrittenKey(question.number, token, question.line)


def _listed(numbers: Sequence[int]) -> str:
    text = "、".join(str(one) for one in numbers[:12])
    return text + ("…" if len(numbers) > 12 else "")
