"""Corrections of answer keys after an exam: 改答案, 多答案, 送分, 作废."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from cbt.rules.items.basis.content import ItemContent
from cbt.rules.items.values import AnswerKey

ItemPart = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class KeyRevision:
    """What changes for one item, or one part of a case (0-based).

    `answer_key` replaces the key (改答案), `accept` lists further right answers (多答案), `give_all` gives
    everybody the points (送分), `void` takes the position out, so that the others of its section or unit
    share its points (作废). Keys are in authored places, as in `ItemContent`.

    Source: R-54.
    """

    item_ref: str
    part: int | None = None
    answer_key: AnswerKey | None = None
    accept: tuple[AnswerKey, ...] = ()
    give_all: bool = False
    void: bool = False


@dataclass(frozen=True, slots=True)
class KeyRevisions:
    """All corrections in force for a paper, one for each item or part."""

    by_part: dict[ItemPart, KeyRevision] = field(default_factory=dict)

    @classmethod
    def of(cls, revisions: Iterable[KeyRevision]) -> KeyRevisions:
        """Join corrections in the order they were made; later ones add to earlier ones of the same part."""
        joined: dict[ItemPart, KeyRevision] = {}
        for later in revisions:
            place = (later.item_ref, later.part)
            earlier = joined.get(place)
            joined[place] = later if earlier is None else _join(earlier, later)
        return cls(joined)

    def find(self, item_ref: str, part: int | None) -> KeyRevision | None:
        """Return the correction of an item or part, if there is one."""
        return self.by_part.get((item_ref, part))


NO_REVISIONS = KeyRevisions()


def keys_in_force(content: ItemContent, revision: KeyRevision | None) -> tuple[AnswerKey, ...]:
    """Return every answer that counts as right. Source: R-54."""
    own = content.answer_key
    if revision is None:
        return () if own is None else (own,)
    first = own if revision.answer_key is None else revision.answer_key
    return (*(() if first is None else (first,)), *revision.accept)


def _join(earlier: KeyRevision, later: KeyRevision) -> KeyRevision:
    return replace(
        earlier,
        answer_key=earlier.answer_key if later.answer_key is None else later.answer_key,
        accept=earlier.accept + later.accept,
        give_all=earlier.give_all or later.give_all,
        void=earlier.void or later.void,
    )
