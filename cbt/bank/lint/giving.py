"""Items that give another's key away: whoever meets both on one paper reads the answer of one in the other.

Texts are held against each other by their pairs of characters, rare pairs weighing more; only texts that share
rare ones are looked at, so the work grows with the bank and not with its square.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import authoring_of
from cbt.bank.lint.words import normal
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Severity

SHORTEST_KEY = 4
"""A key of fewer characters turns up in other texts by chance, and so does a number."""
SPELLED, SUBJECT = 0.75, 0.25
"""So much of a key and of what is asked must stand in the other text."""
ALONE = 5
"""A key of so many characters tells in an item of the same point whatever else that says."""
SAME_MATTER = 0.28
"""An item of which so much stands in a case speaks of the same."""
LEAST_SHARED = 6
COMMON = 60
"""A pair in more texts than this leads nowhere: texts that tell share rarer ones."""
CANDIDATES = 8
MOST_TELLERS = 3
"""So many texts are named for one key: where more spell it out, it is no secret of these."""
_NUMBER = re.compile(r"\d")

Pairs = frozenset[str]


@dataclass(frozen=True, slots=True)
class AskedText:
    """A text that is asked for: where, what is asked, the key."""

    draft: ItemDraft
    prefix: str
    stem: str
    answer_key: str


class _Texts:
    """The texts of a bank, an item each; the first `found` are found by the rare pairs they hold."""

    def __init__(self, texts: Sequence[Pairs], found: int) -> None:
        self.texts = texts
        spread = Counter(pair for own in texts for pair in own)
        self._rarity = {pair: math.log((1 + len(texts)) / count) for pair, count in spread.items()}
        self._holding: defaultdict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(texts[:found]):
            for pair in own:
                if spread[pair] <= COMMON:
                    self._holding[pair].append(number)

    def near(self, pairs: Pairs) -> list[int]:
        """Return the texts that share most of the rare pairs."""
        met: defaultdict[int, float] = defaultdict(float)
        for pair in sorted(pairs & self._holding.keys()):
            for number in self._holding[pair]:
                met[number] += self._rarity[pair]
        return sorted(met, key=lambda number: (-met[number], number))[:CANDIDATES]

    def share(self, pairs: Pairs, number: int) -> float:
        """Return how much of `pairs` stands in a text, rare ones weighing more."""
        never = math.log(1 + len(self.texts))
        total = math.fsum(self._rarity.get(pair, never) for pair in pairs)
        return math.fsum(self._rarity[pair] for pair in pairs & self.texts[number]) / total if total else 0.0


def check_giving(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    """Yield what spells out another's key, and the theory items that speak of the same matter as a case."""
    told: set[frozenset[str]] = set()
    for found in (*_spelled_out(drafts), *_same_matter(drafts)):
        pair = frozenset({found.item, str(found.params["other"])})
        if found.code == "giveaway" or pair not in told:
            told.add(pair)
            yield found


def _spelled_out(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    bank = _Texts([_pairs(_text(draft)) for draft in drafts], len(drafts))
    for asked in (text for draft in drafts for text in _asked(draft)):
        own = _pairs(asked.answer_key) - _pairs(asked.stem)
        telling = (number for number in bank.near(own) if _spells_out(bank, number, drafts[number], asked))
        for number in islice(telling, MOST_TELLERS):
            params = {"other": drafts[number].known_as, "key": asked.answer_key}
            yield asked.draft.find(Severity.HINT, "giveaway", f"{asked.prefix}stem", asked.stem, **params)


def _spells_out(bank: _Texts, number: int, tells: ItemDraft, asked: AskedText) -> bool:
    """Whether text `number`, that of `tells`, has the key and speaks of what is asked."""
    if tells is asked.draft or enemies(tells, asked.draft):
        return False
    subject = _pairs(asked.stem)
    if bank.share(_pairs(asked.answer_key) - subject, number) < SPELLED:
        return False
    return bank.share(subject, number) >= SUBJECT or _alone(asked, tells)


def _same_matter(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    cases = [draft for draft in drafts if draft.data["type"] == ItemType.CASE]
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    bank = _Texts([_pairs(_text(draft)) for draft in (*cases, *theory)], len(cases))
    for number, draft in enumerate(theory, len(cases)):
        own = bank.texts[number]
        for other in bank.near(own):
            share = bank.share(own, other)
            if share < SAME_MATTER or len(own & bank.texts[other]) < LEAST_SHARED:
                continue
            if not enemies(draft, cases[other]):
                params = {"other": cases[other].known_as, "percent": int(100 * share)}
                yield draft.find(Severity.HINT, "same_matter", "stem", draft.data["stem"], **params)


def enemies(one: ItemDraft, other: ItemDraft) -> bool:
    """Return whether two items never stand on one paper."""
    return other.ref in one.data.get("enemies", ()) or one.ref in other.data.get("enemies", ())


def _alone(asked: AskedText, tells: ItemDraft) -> bool:
    """Whether an item of the same point has the key as it is."""
    own = normal(asked.answer_key)
    same = asked.draft.data["point"] == tells.data["point"] and not asked.prefix
    return same and len(own) >= ALONE and own in normal(str(tells.data.get("stem", "")))


def _asked(draft: ItemDraft) -> Iterator[AskedText]:
    """Yield the texts an item asks for that are long enough to be known again."""
    for prefix, data in draft.parts():
        for stem, key in authoring_of(data["type"]).asked(data):
            if len(normal(key)) >= SHORTEST_KEY and not _NUMBER.search(key):
                yield AskedText(draft, prefix, stem, key)


def _text(draft: ItemDraft) -> str:
    """What an item says that is so: its texts with its keys, without the distractors."""
    texts = [str(draft.data.get("stimulus", ""))]
    for _prefix, data in draft.parts():
        texts.append(str(data["stem"]))
        texts += authoring_of(data["type"]).says(data)
    return "\n".join(texts)


def _pairs(text: str) -> Pairs:
    """The pairs of characters of a text, line by line, without numbers."""
    return frozenset(
        line[start : start + 2]
        for line in map(normal, text.split("\n"))
        for start in range(len(line) - 1)
        if not _NUMBER.search(line[start : start + 2])
    )
