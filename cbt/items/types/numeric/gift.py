"""计算 in GIFT: a number and how far one may be from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import ALL, Braces, GiftAnswer, GiftMapping, answers_in, shown
from cbt.interchange.out_texts import OutTexts
from cbt.interchange.raw_items import LeftOut

_CARRIED = frozenset({"answer", "tolerance", "decimals", "compute"})


def _claims(braces: Braces) -> bool:
    return braces.plain.startswith("#")


def _read(braces: Braces) -> dict[str, Any]:
    inner, stem = braces.plain[1:], braces.stem("{{1}}")
    answers = answers_in(inner) if inner.lstrip()[:1] in {"=", "~"} else [_whole(inner)]
    full = [answer for answer in answers if answer.worth >= ALL and answer.text.strip()]
    if len(full) != 1:
        raise LeftOut("open_numbers" if full else "open_no_key", shown(stem))
    number = _number(shown(full[0].text))
    if number is None:
        raise LeftOut("open_number", shown(full[0].text))
    if len([answer for answer in answers if answer.worth > 0]) > 1:
        braces.found.hint("open_weights", stem)
    feedback = [(shown(answer.text).strip(), braces.text(answer.feedback)) for answer in answers]
    return raw_items.numeric(braces.blank_stem(), *number) | raw_items.explained(braces.general, feedback)


def _whole(inner: str) -> GiftAnswer:
    text, _sign, feedback = inner.partition("#")
    return GiftAnswer("=", None, text, feedback)


def _number(text: str) -> tuple[Decimal, Decimal] | None:
    """Return a number and its tolerance: `3`, `3:0.5` or `1..5`."""
    low, dots, high = text.partition("..")
    ends = raw_items.number(low), raw_items.number(high)
    if dots:
        if ends[0] is None or ends[1] is None or ends[0] > ends[1]:
            return None
        return raw_items.between(ends[0], ends[1])
    value, _sign, width = text.partition(":")
    answer, tolerance = raw_items.number(value), raw_items.number(width or "0")
    if answer is None or tolerance is None or tolerance < 0:
        return None
    return answer, tolerance


def _answers(data: Mapping[str, Any], _texts: OutTexts) -> str:
    return f"#{data['answer']}:{data.get('tolerance', 0)}"


MAPPING = GiftMapping(_CARRIED, _claims, _read, _answers, gap=True)
