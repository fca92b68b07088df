"""Checks of a bank as a whole: shares, coverage, items that repeat, contradict or answer each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.imports.findings import Finding, Place, Severity
from cbt.bank.lint.similar import similar_pairs
from cbt.bank.lint.words import is_negative, normal
from cbt.bank.taxonomy import Taxonomy
from cbt.rules.items.values import LETTERS, ItemType

NEAR = 0.8
CONTRADICTS = 0.65
FEWEST = 20
"""Shares of fewer items than this say nothing."""
TRUE_SHARE = (Fraction(45, 100), Fraction(55, 100))
LETTER_SHARE = (Fraction(20, 100), Fraction(30, 100))
TELLTALE_SHARE = Fraction(35, 100)
NEGATIVE_SHARE = Fraction(10, 100)
DIFFICULTY_SHARES = tuple(Fraction(share, 10) for share in (1, 2, 4, 2, 1))
DIFFICULTY_APART = Fraction(5, 100)
GIVEAWAY = 5
"""A key shorter than this many characters turns up in other stems by chance."""


def check_whole(drafts: Sequence[ItemDraft], taxonomy: Taxonomy, where: Place) -> Iterator[Finding]:
    """Yield what is wrong with the bank although each item may be right; `where` is the bank's place."""
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    yield from _shares(theory, where)
    yield from _difficulty(theory, where)
    yield from _uncovered(theory, taxonomy, where)
    yield from _giveaways(theory)


def check_repeats(drafts: Sequence[ItemDraft], beside: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the stems that repeat or contradict an earlier one, or one of `beside` (label → stem)."""
    theory = [draft for draft in drafts if draft.data["type"] != ItemType.CASE]
    labels = [*beside, *(draft.known_as for draft in theory)]
    stems = [*beside.values(), *(str(draft.data["stem"]) for draft in theory)]
    for earlier, later, ratio in similar_pairs(stems, CONTRADICTS):
        if later < len(beside):
            continue
        draft = theory[later - len(beside)]
        other = theory[earlier - len(beside)] if earlier >= len(beside) else None
        params = {"other": labels[earlier], "percent": int(ratio * 100)}
        if ratio >= NEAR:
            yield draft.find(Severity.HINT, "near_duplicate", "stem", draft.data["stem"], **params)
        elif other is not None and _contradict(draft, other) and not _enemies(draft, other):
            yield draft.find(Severity.HINT, "contradiction", "stem", draft.data["stem"], **params)


def _contradict(one: ItemDraft, other: ItemDraft) -> bool:
    kinds = {one.data["type"], other.data["type"]}
    return kinds == {ItemType.TRUE_FALSE} and one.data["answer"] != other.data["answer"]


def _enemies(one: ItemDraft, other: ItemDraft) -> bool:
    return other.ref in one.data.get("enemies", ()) or one.ref in other.data.get("enemies", ())


def _shares(theory: Sequence[ItemDraft], where: Place) -> Iterator[Finding]:
    truths = [draft.data["answer"] for draft in theory if draft.data["type"] == ItemType.TRUE_FALSE]
    singles = [draft.data for draft in theory if draft.data["type"] == ItemType.SINGLE_CHOICE]
    if len(truths) >= FEWEST:
        yield from _outside(Fraction(sum(truths), len(truths)), TRUE_SHARE, "true_share", where)
    if len(singles) < FEWEST:
        return
    letters = Counter(data["answer"] for data in singles)
    for letter in LETTERS[:4]:
        share = Fraction(letters[letter], len(singles))
        yield from _outside(share, LETTER_SHARE, "letter_share", where, letter=letter)
    for code, sign in (("key_longest", 1), ("key_shortest", -1)):
        telling = Fraction(sum(_stands_out(data, sign) for data in singles), len(singles))
        yield from _outside(telling, (Fraction(0), TELLTALE_SHARE), code, where)
    negative = Fraction(sum(is_negative(data["stem"]) for data in singles), len(singles))
    yield from _outside(negative, (Fraction(0), NEGATIVE_SHARE), "negative_share", where)


def _stands_out(data: Mapping[str, Any], sign: int) -> bool:
    """Return whether the key is strictly the longest (1) or the shortest (-1) choice."""
    lengths = [sign * len(text) for text in data["choices"]]
    key = lengths.pop(LETTERS.index(data["answer"]))
    return key > max(lengths)


def _outside(
    share: Fraction, bounds: tuple[Fraction, Fraction], code: str, where: Place, **params: object
) -> Iterator[Finding]:
    if not bounds[0] <= share <= bounds[1]:
        shown = {"percent": _percent(share), "low": _percent(bounds[0]), "high": _percent(bounds[1])}
        yield Finding(Severity.HINT, code, where, params=shown | params)


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):.3g}"


def _difficulty(theory: Sequence[ItemDraft], where: Place) -> Iterator[Finding]:
    if len(theory) < FEWEST:
        return
    found = Counter(draft.data.get("difficulty", 3) for draft in theory)
    shares = [Fraction(found[level], len(theory)) for level in range(1, 6)]
    if any(abs(have - want) > DIFFICULTY_APART for have, want in zip(shares, DIFFICULTY_SHARES, strict=True)):
        said = ":".join(_percent(share) for share in shares)
        yield Finding(Severity.HINT, "difficulty_mix", where, params={"shares": said})


def _uncovered(theory: Sequence[ItemDraft], taxonomy: Taxonomy, where: Place) -> Iterator[Finding]:
    asked = {draft.data["point"] for draft in theory}
    for point in taxonomy.points:
        if point.code not in asked:
            params = {"code": point.code, "name": point.name}
            yield Finding(Severity.HINT, "point_empty", where, point.code, params=params)


def _giveaways(theory: Sequence[ItemDraft]) -> Iterator[Finding]:
    """A true 判断 or a stem of the same point that spells out another item's key, both too much alike."""
    by_point: defaultdict[str, list[ItemDraft]] = defaultdict(list)
    for draft in theory:
        by_point[draft.data["point"]].append(draft)
    for own in by_point.values():
        for asks in own:
            if asks.data["type"] != ItemType.SINGLE_CHOICE:
                continue
            key = normal(asks.data["choices"][LETTERS.index(asks.data["answer"])])
            for tells in own:
                if tells is not asks and _gives_away(key, tells, asks):
                    value = asks.data["stem"]
                    yield asks.find(Severity.HINT, "giveaway", "stem", value, other=tells.known_as, key=key)


def _gives_away(key: str, tells: ItemDraft, asks: ItemDraft) -> bool:
    return len(key) >= GIVEAWAY and key in normal(tells.data["stem"]) and not _enemies(tells, asks)
