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
    """Yield each group with the sections it is for.

    One group whose numbers go on through all sections is for all of them. Else groups and sections of one name are
    paired in their order, where there are as many of each; where there are not, only what fits no other.
    """
    if len(batch) == 1 and (whole := _whole(batch[0], sections)):
        yield batch[0], whole
        return
    left = list(sections)
    for name in dict.fromkeys(_name_of(group) for group in batch):
        groups = [group for group in batch if _name_of(group) == name]
        among = [one for one in left if not name or _is_called(one, name)]
        chosen = _in_order_of(groups, among)
        for group, found in zip(groups, chosen, strict=True):
            left = [one for one in left if one is not found]
            yield group, [found] if found else []


def _whole(group: KeyGroup, sections: Sequence[FoundSection]) -> list[FoundSection]:
    numbers = {entry.number for entry in group.entries}
    known = _all(sections)
    if (
        len(sections) < 2
        or not numbers
        or not _unique(sections)
        or len(numbers & known) * 10 < 9 * len(numbers)
    ):
        return []
    return [one for one in sections if set(one.numbers) & numbers]


def _in_order_of(groups: Sequence[KeyGroup], sections: Sequence[FoundSection]) -> list[FoundSection | None]:
    if len(groups) == len(sections):
        return list(sections)
    found: list[FoundSection | None] = []
    for group in groups:
        fitting = [one for one in sections if _fits(group, one)]
        alike = [one for one in groups if any(_fits(one, section) for section in fitting)]
        found.append(fitting[0] if len(fitting) == len(alike) == 1 else None)
    return found


def _fits(group: KeyGroup, section: FoundSection) -> bool:
    if group.bare:
        return len(group.bare) == len(section.questions)
    return {entry.number for entry in group.entries} == set(section.numbers)


def _name_of(group: KeyGroup) -> str:
    return group.kind or _name(group.title)


def _is_called(section: FoundSection, name: str) -> bool:
    kind = section.kind or _name(section.title)
    return kind in _KINDS.get(name, {name}) or _name(section.title) == name


def _name(title: str) -> str:
    return named_type(title) or ("" if "答案" in title else folded(title))


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
            if question.entry.told and "explanation" not in question.fields:
                question.fields["explanation"] = list(question.entry.told)
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
