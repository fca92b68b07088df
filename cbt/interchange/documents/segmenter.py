"""The segmenter: a walk that cuts the lines of a document into sections, questions and groups of keys.

It knows where numbers stand and what is under way. Nothing is decided about a question here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice, pairwise

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.parts import (
    FoundQuestion,
    FoundSection,
    KeyGroup,
    Parts,
    WrittenKey,
    bare_keys,
    broken_range,
    key_list,
    table_keys,
    table_numbers,
    text_entry,
)
from cbt.interchange.documents.structure import (
    NamedField,
    QuestionStart,
    SectionHeading,
    begins_again,
    begins_choice,
    fields_of,
    has_bullet,
    heading_of,
    last_letter,
    loose_letter,
    start_of,
    style_of,
    without_tag,
)
from cbt.interchange.documents.terms import keys_in_stem, named_type, verdict


class Walk:
    """The state of one walk; `parts` is what comes of it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = [line for line in lines if line.text or line.pictures or line.formulas]
        self._spaced = _after_blank(lines)
        self.headings = _above_keys(self.lines)
        self.styles = _styles(self.lines, self.headings)
        self.starts = [
            start_of(line.text, style) if style else None
            for line, style in zip(self.lines, self.styles, strict=True)
        ]
        self.starts = [None if self._is_choice(place) else start for place, start in enumerate(self.starts)]
        self._following = [place for place, start in enumerate(self.starts) if start]
        self._cursor = 0
        self.section = FoundSection("")
        self.parts = Parts([self.section], [])
        self.question: FoundQuestion | None = None
        self.group: KeyGroup | None = None
        self._open: list[Line] | None = None
        self._last = self._listed = 0
        self._kind = ""
        self._unclosed = False
        self._beside = ""
        self._alone_last = False
        self._material = ""
        self._style = ""
        self._short: list[Line] | None = None
        self._numbers: list[int] | None = None

    def _is_choice(self, place: int) -> bool:
        """Say whether what looks like a key before a number (`（D）1.5`) is a choice among its like."""
        start = self.starts[place]
        if start is None or not start.led:
            return False
        text = self.lines[place].text
        letter = begins_choice(text)
        for near, step, side in ((place - 1, -1, last_letter), (place + 1, 1, begins_choice)):
            if (
                letter
                and 0 <= near < len(self.lines)
                and side(self.lines[near].text) == chr(ord(letter) + step)
            ):
                beside = self.starts[near]
                counts_on = beside is not None and beside.number - step == start.number
                return not counts_on or text[start.at : start.at + 1].isdigit()
        return False

    def _after(self, place: int) -> Iterator[int]:
        while self._cursor < len(self._following) and self._following[self._cursor] <= place:
            self._cursor += 1
        for number in range(self._cursor, len(self._following)):
            if (start := self.starts[self._following[number]]) is not None:
                yield start.number

    def _end_question(self) -> None:
        self.question = self._open = None
        self._listed = 0


def _above_keys(lines: Sequence[Line]) -> list[SectionHeading | None]:
    """Return the headings of lines; 参考答案： that stands above the words of each 简答 is none, but a field."""
    headings = [heading_of(line) for line in lines]
    often = Counter(
        line.text for line, heading in zip(lines, headings, strict=True) if heading and heading.keys
    )
    kind = ""
    for place, heading in enumerate(headings[:-1]):
        if heading is None:
            continue
        if not heading.keys:
            kind = heading.kind or kind
        elif (
            kind == "short_answer"
            and not heading.kind
            and often[lines[place].text] > 1
            and headings[place + 1] is None
            and len(key_list(lines[place + 1]) or ()) < 2
        ):
            headings[place] = None
    return headings


def _after_blank(lines: Sequence[Line]) -> set[int]:
    """Return the places, among the lines that say something, of those after an empty one; none where few are."""
    numbers, count, empty = set(), 0, True
    for line in lines:
        if line.text or line.pictures or line.formulas:
            if empty:
                numbers.add(count)
            count, empty = count + 1, False
        else:
            empty = True
    return numbers if len(numbers) > 1 else set()


def _styles(lines: Sequence[Line], headings: Sequence[SectionHeading | None]) -> list[str]:
    """Return for each line the way its section numbers questions, "" where it does not."""
    usual = style_of(lines)
    cuts = [0, *(place for place, heading in enumerate(headings) if heading and place), len(lines)]
    styles: list[str] = []
    for start, end in pairwise(cuts):
        styles += [style_of(lines[start:end], usual=usual) or usual] * (end - start)
    return styles


_LISTED = re.compile(
    r"(?P<head>\D{1,40}?)[\s　:：]*(?P<keys>[（(]?\d{1,4}\s*(?:[-—–~～―至到]|[)）]?\s*[.、．:：]?)\s*.*)"
)


EXPLANATION = "explanation"
_COUNTED = re.compile(r"[（(]?[一二三四五六七八九十]{1,3}[)）]?\s*[、.．:：]\s*")


def _named(entry: WrittenKey | None) -> WrittenKey | None:
    """Return an entry without the word 答案 before its key, of the fields after it only what explains it."""
    if entry is None:
        return None
    before, fields = fields_of(entry.line)
    explanations = tuple(one.line for one in fields if one.name == EXPLANATION and one.line.text)
    if before.text:
        return WrittenKey(entry.number, before.text, before, explanations) if fields else entry
    key = next((one.line for one in fields if one.name == "key"), None)
    return WrittenKey(entry.number, key.text, key, explanations) if key is not None else entry


class KeyWalk(Walk):
    """A walk that takes lists of keys."""

    def _as_keys(self, place: int, line: Line) -> bool:
        if self._ordinal(line):
            return True
        numbers, self._numbers = self._numbers, None
        if numbers and (entries := table_keys(line, numbers)):
            return self._keep(place, entries)
        if (row_numbers := table_numbers(line.text)) and self._next_holds(place, row_numbers):
            self._numbers = row_numbers
            return True
        if entries := key_list(line):
            certain = (
                len(entries) > 1 or self.group is not None or not self.starts[place] or self._alone(line)
            )
            return certain and self._keep(place, entries)
        if broken_range(line.text):
            self._group(place).broken.append(line)
            return True
        listed = _LISTED.fullmatch(line.text) if len(line.text) < 2000 else None
        if listed and ("答案" in listed["head"] or named_type(listed["head"])):
            tail = line.cut(listed.start("keys"))
            if (entries := key_list(tail)) and (len(entries) > 1 or "答案" in listed["head"] or self.group):
                self._end_question()
                self.group = None
                self._group(
                    place, SectionHeading(listed["head"], named_type(listed["head"]) or "", keys=True)
                )
                return self._keep(place, entries)
        if self.group is not None and self.question is None and (bare := bare_keys(line)):
            self.group.bare += bare
            return True
        return False

    def _ordinal(self, line: Line) -> bool:
        """Take `一、1.A 2.B` where keys stand together: another group, for the next section."""
        match = _COUNTED.match(line.text) if self.group is not None else None
        rest = line.cut(match.end()) if match else line
        entries = (
            (key_list(rest) or [entry for entry in [_named(text_entry(rest))] if entry]) if match else None
        )
        if not match or not entries:
            return False
        self._group(0, SectionHeading("", "", keys=True)).entries += entries
        return True

    def _alone(self, line: Line) -> bool:
        return len(line.text) < 12

    def _next_holds(self, place: int, numbers: list[int]) -> bool:
        following = self.lines[place + 1] if place + 1 < len(self.lines) else None
        return following is not None and table_keys(following, numbers) is not None

    def _keep(self, place: int, entries: list[WrittenKey]) -> bool:
        group = self._group(place)
        if group.entries and entries[0].number <= group.entries[-1].number and entries[0].number == 1:
            group = self._group(place, SectionHeading("", "", keys=True))
        group.entries += entries
        self._beside, self._alone_last = "", len(entries) == 1
        return True

    def _group(self, place: int, heading: SectionHeading | None = None) -> KeyGroup:
        """Return the group that takes keys now, a new one under a heading."""
        if self.group is None or heading is not None:
            after = len(self.parts.sections)
            self.group = KeyGroup(heading.title if heading else "", heading.kind if heading else "", after)
            self.parts.groups.append(self.group)
        self._end_question()
        return self.group

    def _key_text(self, line: Line) -> None:
        assert self.group is not None
        entry = _named(text_entry(line))
        if entry is not None:
            self._beside, self._alone_last = "", True
        if entry and (not self.group.entries or entry.number >= self.group.entries[-1].number):
            self.group.entries.append(entry)
        elif entry and entry.number == 1:
            self._group(0, SectionHeading("", "", keys=True)).entries.append(entry)
        elif self.group.entries:
            fields = fields_of(line)[1]
            if fields and fields[0].name != "key":
                self._beside, line = fields[0].name, fields[0].line
            if self._beside:
                self._explain(line)
                return
            if not line.bare and not line.text.endswith(("。", "；", ";", "，", "：")):
                self.parts.joined.append(line)
            last = self.group.entries[-1]
            self.group.entries[-1] = replace(last, token=f"{last.token}\n{line.text}")
        else:
            self.parts.loose.append(line)

    def _explain(self, line: Line) -> None:
        """Take a line below a key that explains it; what stands beside it else is not read."""
        assert self.group is not None
        if self._beside == EXPLANATION and self._alone_last and line.text:
            last = self.group.entries[-1]
            self.group.entries[-1] = replace(last, told=(*last.told, line))


MOST_GAP = 50
WITHOUT_CHOICES = {"true_false", "fill_blank", "short_answer"}
_SHAPE = re.compile(
    r"[（(][\s　]*[A-La-l√×✓✗对错正确误是否]{0,8}[\s　]*[)）]|_{2,}"
    r"|(?<![A-Za-z])[A-B]\s*[.．、:：)）]|[A-B][ 　]"
)


class StartWalk(KeyWalk):
    """A walk that knows where questions begin."""

    def _start(self, place: int) -> QuestionStart | None:
        """Return how a line begins a question, None where it is a line of the one before."""
        start = self.starts[place]
        if start is None:
            return None
        number, last = start.number, self._last
        current = self.question
        if self.group is not None and current is None and not self._asks_here(place):
            return None
        following = list(islice(self._after(place), 1))
        if current is None or not self.section.questions:
            fits = (
                number == 1 or not following or following[0] in (number + 1, number + 2) or number <= MOST_GAP
            )
            return start if fits or not current else None
        complete = current.complete or self.section.kind in WITHOUT_CHOICES
        if self._open is not None and number in (1, self._listed + 1) and not self._shaped(place):
            taken = False
        elif number == last + 1:
            again = self._listed and following[:1] == [number]
            listed = self._listed == number - 1 and self._listed > 0 and not complete
            taken = not again and not listed
        elif number == 1:
            taken = complete and begins_again(chain([number], self._after(place)), last)
        elif number <= last:
            taken = (
                complete
                and self._listed != number - 1
                and following[:1] in ([number + 1], [last + 1], [last + 2], [])
            )
        else:
            taken = (
                complete
                and number - last <= MOST_GAP
                and (not following or following[0] in (1, number, number + 1, number + 2))
            )
        if taken:
            self._listed = 0
            return start
        self._listed = number if number in (1, self._listed + 1) else self._listed
        return None

    def _shaped(self, place: int) -> bool:
        """Say whether what follows a number, up to the next, has choices, a blank or a key: else it is a list."""
        start = self.starts[place]
        if start is not None and (
            (start.led and start.token) or without_tag(self.lines[place].text[start.at :])[1]
        ):
            return True
        ahead = self._following[self._cursor] if self._cursor < len(self._following) else len(self.lines)
        for line in self.lines[place : min(ahead, place + 40)]:
            names = {one.name for one in fields_of(line)[1]}
            if "key" in names or (self.section.kind != "short_answer" and _SHAPE.search(line.text)):
                return True
        return False

    def _asks_here(self, place: int) -> bool:
        return any(begins_choice(line.text) in {"A", "B"} for line in self.lines[place + 1 : place + 4])


MOST_LINES = 300
"""Lines of one question; what follows belongs to nothing."""
_TITLE = re.compile(
    r"[^（(？?。]{0,40}(?:题库|试卷|试题|习题|练习题?|考试|复习题?|测试题?|资料|大全|汇总|题集|真题|模拟题)(?:[（(][^（()）]{0,30}[)）]|[一二三四五六七八九十A-Z\d]{0,3})?"
)
_INSTRUCTION = re.compile(
    r"每[小]?题|共\s*\d+\s*[题分]|填入|填写在|请将|请在|备选答案"
    r"|只有一个|[两二]个以上|打[“\"√×]|答题要求|注意事项"
)
"""What stands below a heading and is no question."""
_MATERIAL = re.compile(
    r"(?:[（(]?[一二三四五六七八九十]{1,2}[)）、.．]\s*)?(?:(?:请?根据|请?阅读|依据|结合).{0,30}(?:材料|案例|资料|信息|图表?|情境).{0,20}"
    r"(?:回答|完成|分析|作答)|(?:案例|材料|资料|情境|背景)(?:资料|材料|分析)?\s*[一二三四五六七八九十\d]{0,3}\s*[:：]|共用题干"
    r"|[（(]?\s*\d+\s*[-~～—–至到]\s*\d+\s*题.{0,12}(?:材料|案例|题干|共用))"
)


class Segmenter(StartWalk):
    """One walk over the lines; `parts` is what comes of it."""

    def run(self) -> Parts:
        """Walk to the end and return the pieces, without sections that stayed empty."""
        for place, line in enumerate(self.lines):
            self._take(place, line)
        self.parts.sections = [one for one in self.parts.sections if one.questions]
        return self.parts

    def _take(self, place: int, line: Line) -> None:
        self._style = self.styles[place]
        if self._as_keys(place, line):
            return
        heading = self.headings[place]
        if heading and not self._inside(place, heading):
            self._begin_section(place, heading)
            return
        start = self._start(place)
        if start is None and self._begins_material(line):
            return
        if start is not None:
            self._begin(line, start)
            return
        before, fields = fields_of(line)
        if self.group is not None and self.question is None:
            self._key_text(line)
            return
        if fields:
            self._take_fields(place, line, before, fields)
        elif self._opens(place, line):
            self._begin(line, QuestionStart(0, 0))
        else:
            self._continue(place, line)

    def _begins_material(self, line: Line) -> bool:
        """Say whether a line begins a text that the questions after it belong to; they are told so."""
        done = self.question is None or self.question.complete
        if not done or self.group is not None or not _MATERIAL.match(line.text):
            return False
        self._end_question()
        self._material = line.text
        self.parts.loose.append(line)
        return True

    def _inside(self, place: int, heading: SectionHeading) -> bool:
        """Say whether what looks like a heading is a line of the question before it."""
        if self.starts[place] and not (heading.kind or heading.keys):
            return True
        if heading.kind or heading.keys or heading.chapter or self.lines[place].heading:
            return False
        if self.question is None:
            return False
        following = place + 1
        if following >= len(self.lines):
            return True
        return not (self.headings[following] or self.starts[following])

    def _begin_section(self, place: int, heading: SectionHeading) -> None:
        self._end_question()
        text = self.lines[place].text
        self._unclosed = sum(text.count(one) for one in "（(") > sum(text.count(one) for one in "）)")
        keys = heading.keys or (self.group is not None and not self._asks(place + 1))
        if keys and heading.keys and self._asks(place + 1):
            keys = False  # 试题及答案 is the title of a bank, its questions follow
        if keys:
            self._group(place, heading)
            return
        self.group = None
        self._material = ""
        if heading.kind:
            self.parts.begun = self.parts.begun or self.lines[place].number
        kind = heading.kind or ("" if heading.chapter else self.section.kind)
        self.section = FoundSection(heading.title, kind, len(self.parts.sections) + 1)
        self.parts.sections.append(self.section)
        self._last = self._listed = 0

    def _asks(self, place: int) -> bool:
        """Say whether questions follow, up to the next heading with a type: choices, empty brackets, fields."""
        for line, heading in islice(
            zip(self.lines[place : place + 40], self.headings[place : place + 40], strict=True), 40
        ):
            if heading and heading.keys:
                return False
            if heading:
                continue
            if key_list(line) or bare_keys(line) or table_numbers(line.text):
                return False
            if begins_choice(line.text) or re.search(r"[（(][\s　]*[)）]|_{2,}", line.text):
                return True
            if any(verdict(one.token) is not None or one.last for one in keys_in_stem(line.text[-200:])):
                return True
            if any(one.name == "key" for one in fields_of(line)[1]):
                entry = text_entry(line)
                return entry is None or fields_of(entry.line)[0].text != ""
        return False

    def _begin(self, line: Line, start: QuestionStart) -> None:
        if start.number == 1 and self.section.questions and self._last:
            self.section = FoundSection(self.section.title, self.section.kind, len(self.parts.sections) + 1)
            self.parts.sections.append(self.section)
        self.parts.begun = self.parts.begun or line.number
        self.group = None
        self._open = None
        self._last = start.number or self._last
        self.question = FoundQuestion(self.section, line, start.number, start.token, start.led, self._kind)
        self.question.material = self._material
        self._kind = ""
        self.section.questions.append(self.question)
        rest = line.cut(start.at)
        before, fields = fields_of(rest)
        self.question.add(replace(before, pictures=line.pictures, formulas=line.formulas))
        self._store(fields)

    def _opens(self, place: int, line: Line) -> bool:
        """Say whether a line without a number begins a question, where none has one."""
        if self.styles[place] or begins_choice(line.text) or has_bullet(line) or line.bare:
            return False
        if without_tag(line.text)[1] and (self.question is None or self.question.complete):
            return True
        if self.question is None:
            titled = not any(one.questions for one in self.parts.sections) and _TITLE.fullmatch(line.text)
            return not titled and len(line.text) > 3 and (self.section.kind != "" or self._asks_after(place))
        apart = place in self._spaced
        if not self.question.complete:
            return apart and self.section.kind in WITHOUT_CHOICES
        if self.question.chosen and loose_letter(line.text) in set("BCDEFGH"):
            return False
        return apart or not (self._open and self._spaced)

    def _asks_after(self, place: int) -> bool:
        near = self.lines[place : place + 8]
        return any(
            begins_choice(one.text) or loose_letter(one.text) == "A" or has_bullet(one) or fields_of(one)[1]
            for one in near[1:]
        ) or any(one.last for one in keys_in_stem(near[0].text[-80:]))

    def _take_fields(self, place: int, line: Line, before: Line, fields: list[NamedField]) -> None:
        names = [one.name for one in fields]
        if names[0] == "kind" and (self.question is None or self.question.complete):
            self._kind = named_type(fields[0].line.text) or ""
            self._end_question()
            fields = fields[1:]
        elif names[0] == "stem" and (self.question is None or self.question.complete or self.question.body):
            self._begin(fields[0].line, QuestionStart(0, 0))
            fields = fields[1:]
        elif before.text and self._opens(place, before):
            self._begin(before, QuestionStart(0, 0))
        elif before.text:
            self._continue(place, before)
        self._store(fields)

    def _store(self, fields: list[NamedField]) -> None:
        if self.question is None:
            self.parts.loose += [one.line for one in fields if one.name in {"key", "stem"} and one.line.text]
            return
        for field in fields:
            if field.name == "stem" or field.name == "choices":
                self.question.add(field.line)
            elif field.name == "kind":
                self.question.kind = self.question.kind or named_type(field.line.text) or ""
            else:
                again = field.name == "key" and bool(self.question.fields.get("key"))
                if self.question.fields.get(field.name) and field.name not in {"other", "mine"}:
                    self.question.absorbed.append(field.line)
                self._open = self.question.fields.setdefault("again" if again else field.name, [])
                self._short = self._open if field.name in {"difficulty", "point"} else None
                if field.line.text:
                    self._open.append(field.line)
                    listed = start_of(field.line.text, self._style) if self._style else None
                    self._listed = listed.number if listed else 0

    def _continue(self, place: int, line: Line) -> None:
        if self.question is None:
            if self._unclosed:
                self._unclosed = "）" not in line.text and ")" not in line.text
            elif not _INSTRUCTION.search(line.text) or begins_choice(line.text):
                self.parts.loose.append(line)
            return
        start = self.starts[place]
        counts_on = start is not None and (self._open is None or start.number in (1, self._last + 1))
        trailing = self._open is not None and self._open is self._short
        if counts_on or (trailing and not line.bare) or (line.doubtful and not begins_choice(line.text)):
            self.question.absorbed.append(line)
        if self._open is not None and not begins_choice(line.text) and not (trailing and line.bare):
            self._open.append(line)
        elif len(self.question.body) < MOST_LINES:
            self.question.add(line)
        else:
            self.parts.loose.append(line)
