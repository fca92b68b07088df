"""Cuts the lines of a document into sections, questions and groups of keys.

Nothing is decided about a question here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from cbt.bank.formats.reading.choices import begins_choice, has_bullet, loose_letter
from cbt.bank.formats.reading.cutting.fields import NamedField, fields_of
from cbt.bank.formats.reading.cutting.headings import SectionHeading
from cbt.bank.formats.reading.cutting.keys import (
    bare_keys,
    key_list,
    table_numbers,
    text_entry,
)
from cbt.bank.formats.reading.cutting.numbers import QuestionStart, start_of
from cbt.bank.formats.reading.cutting.parts import FoundQuestion, FoundSection, Parts
from cbt.bank.formats.reading.cutting.starting import WITHOUT_CHOICES, StartWalk
from cbt.bank.formats.reading.cutting.tags import without_tag
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import keys_in_stem, named_type, verdict

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
        for one in fields:
            if one.name == "stem" or one.name == "choices":
                self.question.add(one.line)
            elif one.name == "kind":
                self.question.kind = self.question.kind or named_type(one.line.text) or ""
            else:
                again = one.name == "key" and bool(self.question.fields.get("key"))
                if self.question.fields.get(one.name) and one.name not in {"other", "mine"}:
                    self.question.absorbed.append(one.line)
                self._open = self.question.fields.setdefault("again" if again else one.name, [])
                self._short = self._open if one.name in {"difficulty", "point"} else None
                if one.line.text:
                    self._open.append(one.line)
                    listed = start_of(one.line.text, self._style) if self._style else None
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
