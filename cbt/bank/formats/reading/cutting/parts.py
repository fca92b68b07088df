"""What a document is cut into before anything is decided: sections, questions, groups of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cbt.bank.formats.reading.choices import TICKED, begins_choice, has_bullet, loose_letter, split_body
from cbt.bank.formats.reading.cutting.keys import WrittenKey
from cbt.bank.formats.reading.lines import Line
from cbt.bank.formats.reading.words import keys_in_stem, verdict


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
        """Whether its key is there already."""
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
    gone: Sequence[Line] = ()
