"""The lines of keys that stand apart from their questions, as a walk meets them."""

from __future__ import annotations

import re
from dataclasses import replace

from cbt.bank.formats.reading.cutting.fields import fields_of
from cbt.bank.formats.reading.cutting.headings import SectionHeading
from cbt.bank.formats.reading.cutting.keys import (
    WrittenKey,
    bare_keys,
    broken_range,
    key_list,
    table_keys,
    table_numbers,
    text_entry,
)
from cbt.bank.formats.reading.cutting.parts import KeyGroup
from cbt.bank.formats.reading.cutting.walk import Walk
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import named_type

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
    told = tuple(one.line for one in fields if one.name == EXPLANATION and one.line.text)
    if before.text:
        return WrittenKey(entry.number, before.text, before, told) if fields else entry
    key = next((one.line for one in fields if one.name == "key"), None)
    return WrittenKey(entry.number, key.text, key, told) if key is not None else entry


class KeyWalk(Walk):
    """A walk that takes lists of keys."""

    def _as_keys(self, place: int, line: Line) -> bool:
        if self._ordinal(line):
            return True
        numbers, self._numbers = self._numbers, None
        if numbers and (entries := table_keys(line, numbers)):
            return self._keep(place, entries)
        if (found := table_numbers(line.text)) and self._next_holds(place, found):
            self._numbers = found
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
        found = _COUNTED.match(line.text) if self.group is not None else None
        rest = line.cut(found.end()) if found else line
        entries = (
            (key_list(rest) or [entry for entry in [_named(text_entry(rest))] if entry]) if found else None
        )
        if not found or not entries:
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
