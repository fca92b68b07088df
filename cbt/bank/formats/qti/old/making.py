"""A QTI 1.2 item as one of ours."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import plain, questions
from cbt.bank.foreign.raw import Gleaning, LeftOut
from cbt.bank.formats.qti.old.conditions import Conditions
from cbt.bank.formats.qti.old.presentation import Presentation, Response
from cbt.bank.items.types.true_false.qti_reading import truths

_TEXTS = frozenset({"response_str", "response_num"})


def make(found: Gleaning, title: str, shown: Presentation, rules: Conditions) -> dict[str, Any]:
    """Return the item; raise LeftOut for what none of our types asks."""
    asked = shown.asked
    if rules.shares:
        found.hint("open_weights", title)
    odd = next((one.kind for one in asked if one.kind not in {"response_lid", *_TEXTS}), "")
    if odd:
        raise LeftOut("open_type", odd, name=title)
    if len(asked) == 1:
        return _one(title, shown, asked[0], rules)
    if all(one.kind in _TEXTS and not one.long and not one.numeric for one in asked):
        return questions.fill(shown.blanks(), [rules.right(one.name) for one in asked])
    if all(one.kind == "response_lid" for one in asked):
        return _several(title, shown, rules)
    raise LeftOut("open_two", title, kinds=", ".join(sorted({one.kind for one in asked})))


def _one(title: str, shown: Presentation, asked: Response, rules: Conditions) -> dict[str, Any]:
    stem = plain.tidy("\n\n".join(text for text in (shown.stem, asked.own) if text))
    if asked.kind == "response_lid":
        return _choices(title, stem, asked, rules.right(asked.name))
    numbers = rules.numbers(asked.name)
    right = rules.right(asked.name)
    if asked.long or not (numbers or right):
        return questions.short_answer(stem, "\n".join(right))
    blank = shown.blanks() if not shown.blanks().endswith("{{1}}") else questions.with_blank(stem)
    if asked.numeric or (numbers and not right) or any(width for _value, width in numbers):
        if len(numbers) != 1:
            raise LeftOut("open_numbers", title)
        return questions.numeric(blank, *numbers[0])
    return questions.fill(blank, [right])


def _choices(title: str, stem: str, asked: Response, right: list[str]) -> dict[str, Any]:
    if not right:
        raise LeftOut("open_no_key", title)
    if not set(right) <= asked.texts.keys():
        raise LeftOut("open_key_unknown", ", ".join(right))
    if asked.ordered:
        if len(right) != len(asked.texts):
            raise LeftOut("open_key_unknown", ", ".join(right))
        return questions.ordering(stem, [asked.texts[name] for name in right])
    truth = truths(asked.texts) if len(asked.texts) == 2 and not asked.several else None
    if truth and len(right) == 1:
        return questions.true_false(stem, truth[right[0]])
    pairs = [(text, name in right) for name, text in asked.texts.items()]
    return questions.choice(stem, pairs, multiple=asked.several, fixed=asked.fixed)


def _several(title: str, shown: Presentation, rules: Conditions) -> dict[str, Any]:
    """Return a 匹配 where each list has its own words and all offer the same, a 填空 of [names] in the text."""
    asked = shown.asked
    keys = [rules.right(one.name) for one in asked]
    if not all(keys):
        raise LeftOut("open_no_key", title)
    offered = [set(one.texts.values()) for one in asked]
    named = [one.own.strip() for one in asked]
    places = [f"[{plain.literal(name)}]" for name in named]
    if all(name and shown.stem.count(place) == 1 for name, place in zip(named, places, strict=True)):
        return _in_the_text(title, shown.stem, asked, places, keys)
    if all(named) and all(one == offered[0] for one in offered) and all(len(key) == 1 for key in keys):
        pairs = [(one.own, one.texts.get(key[0], "")) for one, key in zip(asked, keys, strict=True)]
        if not all(right for _left, right in pairs):
            raise LeftOut("open_key_unknown", title)
        return questions.matching(shown.stem, pairs, asked[0].texts.values())
    raise LeftOut("open_two", title, kinds="response_lid")


def _in_the_text(
    title: str, stem: str, asked: list[Response], places: list[str], keys: list[list[str]]
) -> dict[str, Any]:
    """Return the 填空 of a text with [names]: what is offered for each are the spellings that are right."""
    if any(len(key) != len(one.texts) for one, key in zip(asked, keys, strict=True)):
        raise LeftOut("open_two", title, kinds="dropdowns")
    order = sorted(range(len(asked)), key=lambda one: stem.index(places[one]))
    answer = []
    for number, place in enumerate(order, 1):
        stem = stem.replace(places[place], f"{{{{{number}}}}}")
        answer.append([asked[place].texts[name] for name in keys[place] if name in asked[place].texts])
    return questions.fill(stem, answer)
