"""What an officer says of a brought roster: how people are spread, what sittings take, what is imported."""

from __future__ import annotations

import msgspec

from cbt.candidates.roster.reading.hands import HandMapping
from cbt.rules.planning.places import Fill, SpreadOptions, Units


class RosterTerms(msgspec.Struct, frozen=True):
    """How a roster is read and spread.

    `sitting` is the one it is for, "" for any of the batch; `closed` names what sittings do not take; `halves` puts
    theory into mornings and skills into afternoons. `partial` leaves out the lines that cannot be registered.
    `hands` says what columns are, by the digest of their headings; `locale` is the language a copy is marked in.
    """

    locale: str = "zh"
    sitting: str = ""
    level_together: bool = True
    units: Units = Units.ANY
    fill: Fill = Fill.IN_ORDER
    halves: bool = False
    closed: list[str] = []
    partial: bool = False
    hands: dict[str, HandMapping] = {}

    @property
    def options(self) -> SpreadOptions:
        """How people are spread, as the rule takes it."""
        return SpreadOptions(self.level_together, self.units, self.fill)


def written(asked: RosterTerms) -> str:
    """Return it as it is stored."""
    return msgspec.json.encode(asked).decode()


def terms_of(text: str) -> RosterTerms:
    """Return what was stored."""
    return msgspec.json.decode(text, type=RosterTerms)
