"""What a candidate's browsers were sent, searched for what they may never have (R-44)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from cbt.items import markup
from cbt.rules.items.content import ItemType
from tests.journeys.answers import Place
from tests.journeys.centre import Centre, Sent

WORDS = ("answer_key", "difficulty", "consistency", "explanation", "enemies", "knowledge_point", "tolerance")
_NOT_TEXT = re.compile(r"<[^>]*>|[\s*_`|{}\d]")


def assert_nothing_leaked(
    centre: Centre, record: str, places: Sequence[Place], *, opened_at: Mapping[int, datetime]
) -> None:
    """Hold every response of a journey, headers too, against the candidate's form.

    None holds an explanation, a word of the bank's inside, or a place that tells a key; none holds text of
    a unit before `opened_at` says it was opened.
    """
    sent = centre.sent_to(record)
    assert any(one.path.endswith("/start") and one.status.startswith("200") for one in sent)
    for one in sent:
        if one.path.startswith("/static/"):
            continue
        where = f"{one.path} ({one.status})"
        text = one.text
        plain = _plain(text)
        for word in WORDS:
            assert word not in text, f"{where} says {word}"
        for place in places:
            explanation = _plain(place.content.explanation)
            assert not explanation or explanation not in plain, f"{where} explains position {place.position}"
        for unit, instant in opened_at.items():
            if one.at < instant:
                _assert_unopened(plain, where, unit, places)
        for item in _items(one):
            _assert_order_hidden(item, places[item["position"] - 1], where)


def _assert_unopened(plain: str, where: str, unit: int, places: Sequence[Place]) -> None:
    for place in places:
        if place.unit == unit:
            for secret in (place.content.stem, place.case.stimulus, place.case.title):
                shown = _plain(secret)
                assert not shown or shown not in plain, f"{where} shows unit {unit} before it was opened"


def _assert_order_hidden(item: Mapping[str, Any], place: Place, where: str) -> None:
    """Matching and ordering come shuffled, and an item carries nothing but what is shown."""
    known = {
        "position",
        "type",
        "points",
        "section",
        "unit",
        "stem",
        "choices",
        "blanks",
        "limit",
        "picture",
        "size",
        "alt",
        "spots",
        "marks",
        "word_bank",
        "lefts",
    }
    assert set(item) <= known | {"options", "steps"}, f"{where} sends more than is shown: {sorted(item)}"
    if place.type is ItemType.ORDERING:
        right = [markup.inline(step) for step in place.content.steps]
        assert item["steps"] != right, f"{where} sends the steps in order"
    if place.type is ItemType.MATCHING:
        key: Any = place.content.answer_key
        pairs = {
            markup.inline(left): markup.inline(place.content.options[key[at]])
            for at, left in enumerate(place.content.lefts)
        }
        beside = [pairs[left] for left in item["lefts"]]
        assert item["options"][: len(beside)] != beside, f"{where} sends the pairs side by side"


def _items(one: Sent) -> Iterator[Mapping[str, Any]]:
    """Every item in a JSON response."""
    if b'"items"' in one.body:
        paper = json.loads(one.body).get("paper")
        yield from (paper or {}).get("items", ())


def _plain(text: str) -> str:
    """Letters only: without markup, escapes, figures and spaces, so that no spelling hides a text."""
    unescaped = text.encode().decode("unicode_escape", "ignore") if "\\u" in text and text.isascii() else text
    return _NOT_TEXT.sub("", html.unescape(unescaped))
