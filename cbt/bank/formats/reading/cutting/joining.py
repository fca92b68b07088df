"""Gives keys that stand apart to the questions they belong to: by section and number, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cbt.bank.formats.reading.cutting.keys import WrittenKey
from cbt.bank.formats.reading.cutting.parts import FoundQuestion, FoundSection, KeyGroup, Parts
from cbt.bank.formats.reading.words import folded, named_type

_KINDS = {"choice": {"choice", "single_choice", "multiple_choice", ""}}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Keys that could not be given to anybody: the code of why, of which group, what it says."""

    code: str
    group: KeyGroup
    params: dict[str, object]


def give_keys(parts: Parts) -> list[Misfit]:
    """Give every key of the groups to its question; return what does not fit. A key is never given twice."""
    found: list[Misfit] = []
    done: set[int] = set()
    for after in sorted({group.after for group in parts.groups}):
        batch = [one for one in parts.groups if one.after == after and (one.entries or one.bare)]
        sections = [
            one
            for one in parts.sections
            if id(one) not in done and any(_bare(question) for question in one.questions)
        ]
        before = _until(parts, after)
        sections = [one for one in sections if id(one) in before]
        for group, chosen in _pairs(batch, sections):
            found += _give(group, chosen)
            done |= {id(one) for one in chosen}
    for group in parts.groups:
        found += [Misfit("text_keys_count", group, {"text": line.text}) for line in group.broken]
    return found


def _until(parts: Parts, after: int) -> set[int]:
    return {id(one) for one in parts.sections if one.order <= after}


def _bare(question: FoundQuestion) -> bool:
    return not question.keyed and question.entry is None


def _pairs(
    batch: Sequence[KeyGroup], sections: Sequence[FoundSection]
) -> Iterator[tuple[KeyGroup, list[FoundSection]]]:
    """Yield each group with the sections it is for: those of its type and title, else the next of its numbers."""
    left = list(sections)
    for group in batch:
        chosen = _fitting(group, left, alone=len(batch) == 1)
        left = [one for one in left if one not in chosen]
        yield group, chosen


def _fitting(group: KeyGroup, sections: Sequence[FoundSection], *, alone: bool) -> list[FoundSection]:
    numbers = {entry.number for entry in group.entries}
    if alone and len(sections) > 1 and _unique(sections) and numbers & _all(sections):
        whole = [one for one in sections if set(one.numbers) & numbers]
        if numbers <= _all(sections) or len(numbers & _all(sections)) * 10 >= 9 * len(numbers):
            return whole
    named = [one for one in sections if group.title and _name(one.title) == _name(group.title)]
    kinds = _KINDS.get(group.kind, {group.kind})
    typed = [one for one in sections if group.kind and one.kind in kinds]
    for among in (named, typed, sections if not group.kind else []):
        exact = [
            one
            for one in among
            if set(one.numbers) == numbers or (group.bare and len(one.questions) == len(group.bare))
        ]
        if exact:
            return exact[:1]
    for among in (named, typed):
        if len(among) == 1:
            return list(among)
    if len(sections) == 1 and not (group.kind and sections[0].kind and sections[0].kind not in kinds):
        return list(sections)
    return []


def _name(title: str) -> str:
    kind = named_type(title)
    return kind or folded(title)


def _all(sections: Sequence[FoundSection]) -> set[int]:
    return {number for one in sections for number in one.numbers}


def _unique(sections: Sequence[FoundSection]) -> bool:
    counts = Counter(number for one in sections for number in one.numbers)
    return 0 not in counts and max(counts.values(), default=0) == 1


def _give(group: KeyGroup, sections: Sequence[FoundSection]) -> Iterator[Misfit]:
    questions = [question for one in sections for question in one.questions]
    if not questions:
        yield Misfit(
            "text_keys_nowhere",
            group,
            {"title": group.title or "—", "count": len(group.entries) or len(group.bare)},
        )
        return
    if group.bare:
        yield from _in_order(group, questions)
        return
    counts = Counter(entry.number for entry in group.entries)
    asked = Counter(question.number for question in questions)
    keys = {entry.number: entry for entry in group.entries}
    for question in questions:
        if counts[question.number] == 1 and asked[question.number] == 1:
            question.entry = keys[question.number]
    twice = sorted(number for number, count in counts.items() if count > 1)
    beyond = sorted(number for number in counts if number not in asked)
    if twice:
        yield Misfit("text_keys_twice", group, {"numbers": _listed(twice)})
    if beyond:
        yield Misfit("text_keys_beyond", group, {"numbers": _listed(beyond)})


def _in_order(group: KeyGroup, questions: Sequence[FoundQuestion]) -> Iterator[Misfit]:
    if len(group.bare) != len(questions):
        yield Misfit("text_keys_count", group, {"text": "".join(group.bare)[:60]})
        return
    for question, token in zip(questions, group.bare, strict=True):
        question.entry = WrittenKey(question.number, token, question.line)


def _listed(numbers: Sequence[int]) -> str:
    said = "、".join(str(one) for one in numbers[:12])
    return said + ("…" if len(numbers) > 12 else "")
