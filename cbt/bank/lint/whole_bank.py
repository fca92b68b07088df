"""Checks over a whole bank: stems that repeat or contradict, keys given away, shares of difficulty.

Of each text a sketch is kept: the smallest hash of its bigrams in each of some bins (MinHash by one
permutation). Two texts share a pair of neighbouring bins the likelier the more bigrams they share; only
those are compared, so the time grows with the number of texts and no faster. What an earlier lint found is
remembered by what it was found of: texts that are as they were are not looked at again.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from heapq import nsmallest
from itertools import islice
from typing import Any
from zlib import crc32

import msgspec

from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import normal
from cbt.items.taxonomy import Taxonomy
from cbt.items.types.editor import percent
from cbt.items.types.registry import AUTHORING, authoring_of
from cbt.rules.canonical import canonical_json
from cbt.rules.items.content import LETTERS, ItemType
from cbt.spreadsheets.findings import Finding, Place, Severity

MOST_RATIOS = 60_000
"""Pairs of texts that are kept: some megabytes."""

Remark = tuple[Severity, str, str, dict[str, Any]]
"""A finding about an item, without its place and whose it is: severity, code, value, params."""


class ItemRemarks(msgspec.Struct, frozen=True):
    """What is said of an item by itself; `data` is how it is put right, None for as it was."""

    remarks: list[Remark]
    data: dict[str, Any] | None = None


class KnownLint(msgspec.Struct, frozen=True):
    """Remarks by the digest of an item's content, and how alike two texts are by the digests of both.

    It holds for as long as `mark` is the same: that of the table of points and of the product.
    """

    mark: str = ""
    items: dict[str, ItemRemarks] = {}
    ratios: dict[str, float] = {}


class LintMemory:
    """What is known, and what of it was asked for or found out in this lint."""

    def __init__(self, known: KnownLint | None = None) -> None:
        self._known = known or KnownLint()
        self._items: dict[str, ItemRemarks] = {}
        self._ratios: dict[str, float] = {}

    def remarks_of(self, draft: ItemDraft) -> tuple[ItemDraft, list[Finding]] | None:
        """Return an item as it was put right and what was said of it; None for one that is new."""
        key = _digest(canonical_json(draft.data))
        found = self._known.items.get(key)
        if found is None:
            return None
        self._items[key] = found
        return (draft if found.data is None else draft.with_data(found.data)), list(_findings(draft, found))

    def keep(self, draft: ItemDraft, done: ItemDraft, findings: list[Finding]) -> None:
        """Keep what was said of an item, where that can be said again as it was."""
        remarks = [(found.severity, found.code, found.value, dict(found.params)) for found in findings]
        if all(_is_plain(value) for *_rest, params in remarks for value in params.values()):
            data = None if done.data == draft.data else dict(done.data)
            self._items[_digest(canonical_json(draft.data))] = ItemRemarks(remarks, data)

    def ratio(self, first: str, other: str) -> float | None:
        """Return how alike two texts are, None where nobody knows."""
        key = _digest(first) + _digest(other)
        ratio = self._known.ratios.get(key)
        if ratio is not None:
            self._ratios[key] = ratio
        return ratio

    def keep_ratio(self, first: str, other: str, ratio: float) -> None:
        """Keep how alike two texts are."""
        if len(self._ratios) < MOST_RATIOS:
            self._ratios[_digest(first) + _digest(other)] = ratio

    def fresh(self, mark: str) -> KnownLint:
        """Return what the next lint is to know."""
        return KnownLint(mark, self._items, self._ratios)


def _findings(draft: ItemDraft, found: ItemRemarks) -> Iterator[Finding]:
    for severity, code, value, params in found.remarks:
        named: Mapping[str, Any] = {name: given for name, given in params.items() if name != "field"}
        yield draft.find(severity, code, params["field"], value, **named)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    )


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


BINS = 32
"""With pairs of them, of two texts that share 60 % of their bigrams one in 1,000 is missed."""
FULLEST = 30
"""So many texts stay in one place: a stem that thousands share says nothing."""
COMPARED = 4
"""Of the texts that share most with one so many are compared with it."""
_SPREAD = 0x9E3779B1
_MASK = 0xFFFFFFFF

Sketch = tuple[int, ...]


def near_pairs(
    texts: Sequence[str], *, after: int, worth: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """Yield pairs of places (earlier, later) that are much alike, `later` from `after` on.

    `worth` says whether two are worth comparing.
    """
    hashes: dict[str, int] = {}
    shelves: defaultdict[tuple[int, int, int], list[int]] = defaultdict(list)
    for later, text in enumerate(texts):
        sketch = _sketch(text, hashes)
        places = [shelves[place, sketch[place], sketch[place + 1]] for place in range(0, len(sketch), 2)]
        if later >= after:
            met = Counter(earlier for shelf in places for earlier in shelf)
            likely = nsmallest(COMPARED, met, key=lambda earlier: (-met[earlier], earlier))
            yield from ((earlier, later) for earlier in likely if worth(earlier, later))
        for shelf in places:
            if len(shelf) < FULLEST:
                shelf.append(later)


def _sketch(text: str, hashes: dict[str, int]) -> Sketch:
    """Return the smallest hash of each bin; an empty bin borrows from the next one that is not."""
    least: dict[int, int] = {}
    for gram in {text[start : start + 2] for start in range(max(1, len(text) - 1))}:
        value = hashes.get(gram)
        if value is None:
            value = hashes[gram] = crc32(gram.encode()) * _SPREAD & _MASK
        place = value % BINS
        if value < least.get(place, _MASK + 1):
            least[place] = value
    lowest = []
    borrowed = least[min(least)]
    for place in reversed(range(BINS)):
        borrowed = least.get(place, borrowed)
        lowest.append(borrowed)
    return tuple(reversed(lowest))


# Items that give another's key away: whoever meets both on one paper reads the answer of one in the other.
#
# Texts are held against each other by their pairs of characters, rare pairs weighing more; only texts that
# share rare ones are looked at, so the work grows with the bank and not with its square.

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
class QuestionText:
    """A text that is asked for: where, what is asked, the key."""

    draft: ItemDraft
    prefix: str
    stem: str
    answer_key: str


class _Texts:
    """The texts of a bank, an item each; the first `found` are found by the rare pairs they hold."""

    def __init__(self, texts: Sequence[Pairs], searched: int) -> None:
        self.texts = texts
        spread = Counter(pair for own in texts for pair in own)
        self._rarity = {pair: math.log((1 + len(texts)) / count) for pair, count in spread.items()}
        self._holding: defaultdict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(texts[:searched]):
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
    pairs: set[frozenset[str]] = set()
    for finding in (*_spelled_out(drafts), *_same_matter(drafts)):
        pair = frozenset({finding.item, str(finding.params["other"])})
        if finding.code == "giveaway" or pair not in pairs:
            pairs.add(pair)
            yield finding


def _spelled_out(drafts: Sequence[ItemDraft]) -> Iterator[Finding]:
    bank = _Texts([_pairs(_text(draft)) for draft in drafts], len(drafts))
    for asked_text in (text for draft in drafts for text in _asked(draft)):
        own = _pairs(asked_text.answer_key) - _pairs(asked_text.stem)
        telling = (
            number for number in bank.near(own) if _spells_out(bank, number, drafts[number], asked_text)
        )
        for number in islice(telling, MOST_TELLERS):
            params = {"other": drafts[number].known_as, "key": asked_text.answer_key}
            yield asked_text.draft.find(
                Severity.HINT, "giveaway", f"{asked_text.prefix}stem", asked_text.stem, **params
            )


def _spells_out(bank: _Texts, number: int, tells: ItemDraft, question_text: QuestionText) -> bool:
    """Whether text `number`, that of `tells`, has the key and speaks of what is asked."""
    if tells is question_text.draft or enemies(tells, question_text.draft):
        return False
    subject = _pairs(question_text.stem)
    if bank.share(_pairs(question_text.answer_key) - subject, number) < SPELLED:
        return False
    return bank.share(subject, number) >= SUBJECT or _alone(question_text, tells)


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


def enemies(item_draft: ItemDraft, other: ItemDraft) -> bool:
    """Return whether two items never stand on one paper."""
    return other.ref in item_draft.data.get("enemies", ()) or item_draft.ref in other.data.get("enemies", ())


def _alone(question_text: QuestionText, tells: ItemDraft) -> bool:
    """Whether an item of the same point has the key as it is."""
    own = normal(question_text.answer_key)
    same = question_text.draft.data["point"] == tells.data["point"] and not question_text.prefix
    return same and len(own) >= ALONE and own in normal(str(tells.data.get("stem", "")))


def _asked(draft: ItemDraft) -> Iterator[QuestionText]:
    """Yield the texts an item asks for that are long enough to be known again."""
    for prefix, data in draft.parts():
        for stem, key in authoring_of(data["type"]).asked(data):
            if len(normal(key)) >= SHORTEST_KEY and not _NUMBER.search(key):
                yield QuestionText(draft, prefix, stem, key)


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


NEAR = 0.8
CONTRADICTS = 0.65
_KEYED = {ItemType.TRUE_FALSE, ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}
FEWEST = 20
"""Shares of fewer items than this say nothing."""
DIFFICULTY_SHARES = tuple(Fraction(share, 10) for share in (1, 2, 4, 2, 1))
DIFFICULTY_APART = Fraction(5, 100)
GRAM = 2
CANDIDATE = 0.5
"""Two texts are compared in full only when their bigrams overlap by this Dice coefficient."""
EVERY_PAIR = 1500
"""So many texts are all held against each other; of more that would take minutes."""


def check_whole(drafts: Sequence[ItemDraft], taxonomy: Taxonomy, where: Place) -> Iterator[Finding]:
    """Yield what is wrong with the bank although each item may be right; `where` is the bank's place."""
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    for kind, own in AUTHORING.items():
        some = [draft.data for draft in theory if draft.data["type"] == kind]
        if len(some) >= FEWEST:
            yield from own.shares(some, where)
    yield from _difficulty(theory, where)
    yield from _uncovered(theory, taxonomy, where)
    yield from check_giving(drafts)


def check_repeats(
    drafts: Sequence[ItemDraft], beside: Mapping[str, str], memory: LintMemory | None = None
) -> Iterator[Finding]:
    """Yield the stems that contradict an earlier one, or repeat one or another of `beside` (label → stem).

    A stem is told once, with the one it is most like, the most alike first.
    """
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    labels = [*beside, *(draft.known_as for draft in theory)]
    stems = [*beside.values(), *(str(draft.data["stem"]) for draft in theory)]
    nearest: dict[int, tuple[float, int]] = {}
    for earlier, later, ratio in similar_pairs(stems, CONTRADICTS, after=len(beside), memory=memory):
        draft = theory[later - len(beside)]
        other = theory[earlier - len(beside)] if earlier >= len(beside) else None
        code = _contradiction(draft, other, ratio) if other is not None else ""
        if code:
            params = {"other": labels[earlier], "percent": int(ratio * 100)}
            yield draft.find(Severity.HINT, code, "stem", draft.data["stem"], **params)
        elif ratio >= NEAR:
            nearest[later] = max(nearest.get(later, (0.0, 0)), (ratio, -earlier))
    for later, (ratio, earlier) in sorted(nearest.items(), key=lambda pair: -pair[1][0]):
        draft = theory[later - len(beside)]
        params = {"other": labels[-earlier], "percent": int(ratio * 100)}
        yield draft.find(Severity.HINT, "near_duplicate", "stem", draft.data["stem"], **params)


def _contradiction(item_draft: ItemDraft, other: ItemDraft, ratio: float) -> str:
    """Return how two items contradict each other: with one statement, or with two that are alike; "" for not."""
    if ratio == 1 and _asked_alike(item_draft.data, other.data):
        return "opposite_keys"
    kinds = {item_draft.data["type"], other.data["type"]}
    opposite = kinds == {ItemType.TRUE_FALSE} and item_draft.data["answer"] != other.data["answer"]
    return "contradiction" if opposite and ratio < NEAR and not enemies(item_draft, other) else ""


def _asked_alike(data: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two items ask the same of the same choices and have other keys."""
    if data["type"] != other["type"] or data["type"] not in _KEYED:
        return False
    choices, others = [[normal(text) for text in one.get("choices", ())] for one in (data, other)]
    if sorted(choices) != sorted(others):
        return False
    if not choices:
        return bool(data["answer"] != other["answer"])
    return {choices[LETTERS.index(letter)] for letter in data["answer"]} != {
        others[LETTERS.index(letter)] for letter in other["answer"]
    }


def _difficulty(theory: Sequence[ItemDraft], where: Place) -> Iterator[Finding]:
    if len(theory) < FEWEST:
        return
    counts = Counter(draft.data.get("difficulty", 3) for draft in theory)
    shares = [Fraction(counts[level], len(theory)) for level in range(1, 6)]
    if any(abs(have - want) > DIFFICULTY_APART for have, want in zip(shares, DIFFICULTY_SHARES, strict=True)):
        ratio = ":".join(percent(share) for share in shares)
        yield Finding(Severity.HINT, "difficulty_mix", where, params={"shares": ratio})


def _uncovered(theory: Sequence[ItemDraft], taxonomy: Taxonomy, where: Place) -> Iterator[Finding]:
    covered = {draft.data["point"] for draft in theory}
    for point in taxonomy.points:
        if point.code not in covered:
            params = {"code": point.code, "name": point.name}
            yield Finding(Severity.HINT, "point_empty", where, point.code, params=params)


def similar_pairs(
    texts: Sequence[str], least: float, *, after: int = 0, memory: LintMemory | None = None
) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of places (earlier, later) whose similarity is `least` or more, `later` from `after` on.

    It is the share of characters that two texts have in common in the same order, punctuation aside. Of more
    than `EVERY_PAIR` texts each is held against the few that are most like it.
    """
    plain = [normal(text) for text in texts]
    if len(plain) <= EVERY_PAIR:
        pairs = _every_pair(plain)
    else:
        grams = lru_cache(maxsize=COMPARED)(lambda place: _grams(plain[place]))
        pairs = near_pairs(
            plain, after=after, worth=lambda one, other: _dice(grams(one), grams(other)) >= CANDIDATE
        )
    for earlier, later in pairs:
        if later >= after and (ratio := _remembered(plain[earlier], plain[later], memory)) >= least:
            yield earlier, later, ratio


def _remembered(first: str, other: str, memory: LintMemory | None) -> float:
    if memory is None:
        return _ratio(first, other)
    ratio = memory.ratio(first, other)
    if ratio is None:
        ratio = _ratio(first, other)
        memory.keep_ratio(first, other, ratio)
    return ratio


def _every_pair(plain: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield every pair that is worth comparing.

    A pair is looked at only if it shares one of each text's rarest bigrams: with a Dice coefficient of
    `CANDIDATE` or more it must, so nothing that alike is missed.
    """
    grams = [_grams(text) for text in plain]
    spread = Counter(gram for own in grams for gram in own)
    rarest = [sorted(own, key=lambda gram: (spread[gram], gram)) for own in grams]
    index: dict[tuple[str, int], list[int]] = defaultdict(list)
    bound = CANDIDATE / (2 - CANDIDATE)
    for later, own in enumerate(rarest):
        prefix = own[: len(own) - math.ceil(len(own) * bound) + 1]
        met: set[int] = set()
        for gram in prefix:
            met.update(index[gram])
            index[gram].append(later)
        for earlier in sorted(met):
            if _dice(grams[earlier], grams[later]) >= CANDIDATE:
                yield earlier, later


def _ratio(first: str, other: str) -> float:
    return SequenceMatcher(None, first, other, autojunk=False).ratio()


def _grams(text: str) -> frozenset[tuple[str, int]]:
    """The bigrams of a text, each with its occurrence, so that a set counts repeats."""
    seen: Counter[str] = Counter()
    grams = set()
    for start in range(max(1, len(text) - GRAM + 1)):
        gram = text[start : start + GRAM]
        seen[gram] += 1
        grams.add((gram, seen[gram]))
    return frozenset(grams)


def _dice(first: frozenset[tuple[str, int]], other: frozenset[tuple[str, int]]) -> float:
    return 2 * len(first & other) / (len(first) + len(other))


def across_levels(banks: Sequence[Sequence[ItemDraft]]) -> list[Finding]:
    """Return the stems of each bank that nearly repeat one of a bank before it."""
    findings: list[Finding] = []
    before: dict[str, str] = {}
    for own in banks:
        if before:
            within = {found.item for found in check_repeats(own, {})}
            findings += [found for found in check_repeats(own, before) if found.item not in within]
        theory = (draft for draft in own if draft.data["type"] != ItemType.CASE)
        before |= {str(draft.place("")): str(draft.data["stem"]) for draft in theory}
    return findings
