"""Checks of a bank as a whole: shares, coverage, items that repeat, contradict or answer each other."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from fractions import Fraction
from functools import lru_cache

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import AUTHORING
from cbt.bank.lint.alike import COMPARED, near_pairs
from cbt.bank.lint.giving import check_giving, enemies
from cbt.bank.lint.shares import percent
from cbt.bank.lint.words import normal
from cbt.bank.taxonomy import Taxonomy
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Place, Severity

NEAR = 0.8
CONTRADICTS = 0.65
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


def check_repeats(drafts: Sequence[ItemDraft], beside: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the stems that repeat or contradict an earlier one, or one of `beside` (label → stem)."""
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    labels = [*beside, *(draft.known_as for draft in theory)]
    stems = [*beside.values(), *(str(draft.data["stem"]) for draft in theory)]
    for earlier, later, ratio in similar_pairs(stems, CONTRADICTS, after=len(beside)):
        draft = theory[later - len(beside)]
        other = theory[earlier - len(beside)] if earlier >= len(beside) else None
        params = {"other": labels[earlier], "percent": int(ratio * 100)}
        if ratio >= NEAR:
            yield draft.find(Severity.HINT, "near_duplicate", "stem", draft.data["stem"], **params)
        elif other is not None and _contradict(draft, other) and not enemies(draft, other):
            yield draft.find(Severity.HINT, "contradiction", "stem", draft.data["stem"], **params)


def _contradict(one: ItemDraft, other: ItemDraft) -> bool:
    kinds = {one.data["type"], other.data["type"]}
    return kinds == {ItemType.TRUE_FALSE} and one.data["answer"] != other.data["answer"]


def _difficulty(theory: Sequence[ItemDraft], where: Place) -> Iterator[Finding]:
    if len(theory) < FEWEST:
        return
    found = Counter(draft.data.get("difficulty", 3) for draft in theory)
    shares = [Fraction(found[level], len(theory)) for level in range(1, 6)]
    if any(abs(have - want) > DIFFICULTY_APART for have, want in zip(shares, DIFFICULTY_SHARES, strict=True)):
        said = ":".join(percent(share) for share in shares)
        yield Finding(Severity.HINT, "difficulty_mix", where, params={"shares": said})


def _uncovered(theory: Sequence[ItemDraft], taxonomy: Taxonomy, where: Place) -> Iterator[Finding]:
    asked = {draft.data["point"] for draft in theory}
    for point in taxonomy.points:
        if point.code not in asked:
            params = {"code": point.code, "name": point.name}
            yield Finding(Severity.HINT, "point_empty", where, point.code, params=params)


def similar_pairs(texts: Sequence[str], least: float, *, after: int = 0) -> Iterator[tuple[int, int, float]]:
    """Yield the pairs of places (earlier, later) whose similarity is `least` or more, `later` from `after` on.

    It is the share of characters that two texts have in common in the same order, punctuation aside. Of more
    than `EVERY_PAIR` texts each is held against the few that are most like it.
    """
    plain = [normal(text) for text in texts]
    if len(plain) <= EVERY_PAIR:
        found = _every_pair(plain)
    else:
        grams = lru_cache(maxsize=COMPARED)(lambda place: _grams(plain[place]))
        found = near_pairs(
            plain, after=after, worth=lambda one, other: _dice(grams(one), grams(other)) >= CANDIDATE
        )
    for earlier, later in found:
        if later >= after and (ratio := _ratio(plain[earlier], plain[later])) >= least:
            yield earlier, later, ratio


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


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _grams(text: str) -> frozenset[tuple[str, int]]:
    """The bigrams of a text, each with its occurrence, so that a set counts repeats."""
    seen: Counter[str] = Counter()
    found = set()
    for start in range(max(1, len(text) - GRAM + 1)):
        gram = text[start : start + GRAM]
        seen[gram] += 1
        found.add((gram, seen[gram]))
    return frozenset(found)


def _dice(one: frozenset[tuple[str, int]], other: frozenset[tuple[str, int]]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


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
