"""The lines of keys that stand apart from their questions, as a walk meets them."""

from __future__ import annotations

import re

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


class KeyWalk(Walk):
    """A walk that takes lists of keys."""

    def _as_keys(self, place: int, line: Line) -> bool:
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
        entry = text_entry(line)
        if entry and (not self.group.entries or entry.number >= self.group.entries[-1].number):
            self.group.entries.append(entry)
        elif entry and entry.number == 1:
            self._group(0, SectionHeading("", "", keys=True)).entries.append(entry)
        elif self.group.entries:
            last = self.group.entries[-1]
            self.group.entries[-1] = WrittenKey(last.number, f"{last.token}\n{line.text}", last.line)
        else:
            self.parts.loose.append(line)
