"""A doubt: what speaks against a reading, asked as one question of its file, with what each answer does."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cbt.interchange.picture_marks import texts_in
from cbt.items.draft import ItemDraft, Reading, SourceText
from cbt.items.exam_prose import normal
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Severity

Mend = Callable[[ItemDraft], ItemDraft | None]
"""Makes of a doubted item what an answer says it is; None leaves it out."""
KEEP, LEAVE_OUT = "keep", "leave_out"
CHOSEN = (ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE)
WORDED = (ItemType.FILL_BLANK, ItemType.SHORT_ANSWER)
HEAD = 60
"""So much of a text is looked at for what it begins with: patterns take no longer for long ones."""
_NUMBER = re.compile(
    r"^[√*★☆▲\s]*(?:[（(\[【][A-Ha-h√×对错正误确\s　]{0,12}[)）\]】]\s*)?"
    r"(?:第\s*|[（(\[【]\s*|(?:题目|试题|问题|题号|[单多判填简]\S{0,2}题|Q|No\.?)\s*[:：#]?\s*)?(\d{1,4})(?!\d|[.．]\d|\s*[页年月日%％])",
    re.IGNORECASE,
)


def _as_it_is(draft: ItemDraft) -> ItemDraft:
    return draft


def _leave_out(_draft: ItemDraft) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Doubt:
    """One question about a reading.

    `concerned` are the places of the items in doubt, `mends` what may be done with them beside keeping them and
    leaving them out. `said` are passages its author can judge by. `name` is what an answer is sent under where the
    reader itself follows it, else "".
    """

    code: str
    concerned: tuple[int, ...]
    said: Sequence[str]
    mends: Mapping[str, Mend] = field(default_factory=dict)
    params: Mapping[str, object] = field(default_factory=dict)
    name: str = ""

    @property
    def answers(self) -> dict[str, Mend]:
        """Return what may be answered, in the order in which it is offered."""
        own = {**self.mends, KEEP: _as_it_is}
        return {**own, LEAVE_OUT: _leave_out} if self.concerned and not self.name else own


@dataclass(slots=True)
class SourcePart:
    """What a file says from where items (`owners`) begin to where the next ones do, which may have been refused."""

    owners: list[int] = field(default_factory=list)
    texts: list[SourceText] = field(default_factory=list)
    refused: bool = False


class DoubtedReading:
    """A reading, and for each of its items what its file says there."""

    def __init__(self, reading: Reading) -> None:
        self.items, self.source, self.findings = reading.items, reading.source, reading.findings
        self.columns = reading.columns

    def of(self, *kinds: ItemType) -> list[tuple[int, Mapping[str, Any]]]:
        """Return the places and contents of the items of some types."""
        return [(place, one.data) for place, one in enumerate(self.items) if one.data.get("type") in kinds]

    @cached_property
    def stretches(self) -> list[SourcePart]:
        """The stretches of the file in its order; what stands before the first item of a sheet belongs to none."""
        begun: defaultdict[tuple[str, str], dict[int, SourcePart]] = defaultdict(dict)
        for place, draft in enumerate(self.items):
            at = draft.place("")
            begun[at.file, at.sheet].setdefault(at.line, SourcePart()).owners.append(place)
        for found in self.findings:
            if found.severity is Severity.ERROR and found.place.line:
                own = begun[found.place.file, found.place.sheet].setdefault(found.place.line, SourcePart())
                own.refused = True
        starts = {part: sorted(own) for part, own in begun.items()}
        for text in self.source:
            part = (text.place.file, text.place.sheet)
            before = bisect_right(starts.get(part, ()), text.place.line)
            if before:
                begun[part][starts[part][before - 1]].texts.append(text)
        return [begun[part][line] for part in begun for line in starts[part]]

    @cached_property
    def beside(self) -> dict[int, SourcePart]:
        """The stretch of each item by its place."""
        return {owner: stretch for stretch in self.stretches for owner in stretch.owners}

    @cached_property
    def starts(self) -> dict[tuple[str, int], int]:
        """The lines of texts in which items begin, with their places; -1 where that item was refused."""
        begun = [one.place("") for one in self.items]
        items = {(at.file, at.line): place for place, at in enumerate(begun)}
        errors = [one.place for one in self.findings if one.severity is Severity.ERROR]
        return {(error.file, error.line): -1 for error in errors} | items

    @property
    def lines(self) -> list[SourceText]:
        """The lines of a text; sheets have cells, and JSON has fields."""
        return [one for one in self.source if not (one.place.sheet or one.place.column)]

    def stems(self, places: Sequence[int]) -> list[str]:
        """Return how some items begin: what a person knows them by."""
        return [str(self.items[place].data.get("stem", "")) for place in places]


def number_of(text: str) -> int:
    match = _NUMBER.match(text[:HEAD])
    return int(match[1]) if match else 0


def words_of(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text of a content, numbers and verdicts as they would be written."""
    yield from texts_in(dict(data))
    answer = data.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        yield str(answer)


def read_text(data: Mapping[str, Any]) -> str:
    """Return all a content says, for finding in it what stands in its file."""
    return "\0".join(normal(text) for text in words_of(data))
