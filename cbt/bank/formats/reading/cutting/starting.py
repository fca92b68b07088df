"""Which numbered lines begin a question, and which are lines of a list within one."""

from __future__ import annotations

import re
from itertools import chain, islice

from cbt.bank.formats.reading.choices import begins_choice
from cbt.bank.formats.reading.cutting.apart import KeyWalk
from cbt.bank.formats.reading.cutting.fields import fields_of
from cbt.bank.formats.reading.cutting.numbers import QuestionStart, begins_again
from cbt.bank.formats.reading.cutting.tags import without_tag

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
