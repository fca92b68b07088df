"""匹配 in Moodle XML."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

from cbt.interchange import markdown, raw_items, text
from cbt.interchange.markdown import FORMATTING
from cbt.interchange.moodle_question import Fields, MoodleMapping, MoodleQuestion, text_element
from cbt.interchange.out_texts import OutTexts
from cbt.items.media import in_words

_KIND = "matching"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    pairs = []
    for node in text.children(question.node, "subquestion"):
        left = question.formatted(node, "html", line=True)
        right = text.child(node, "answer")
        held = text.child(right, "text") if right is not None else None
        pairs.append((left, option(text.words(held))))
    extras = [right for left, right in pairs if not left and right]
    data = raw_items.matching(question.stem, [pair for pair in pairs if pair[0]], extras)
    return data | raw_items.explained(question.general, [])


def option(shown: str) -> str:
    """Return what a list to choose from shows, where entities are characters."""
    return markdown.with_formulas(html.unescape(shown), lambda text: markdown.literal(text, line=True))


def _answers(data: Fields, texts: OutTexts) -> Iterator[str]:
    yield "<shuffleanswers>1</shuffleanswers>"
    for left, right in [*data["pairs"], *(["", extra] for extra in data.get("extra_options", ()))]:
        inner = f"{text_element(texts.line(left))}<answer>{text_element(texts.option(right))}</answer>"
        yield f'<subquestion format="html">{inner}</subquestion>'


def prepared(data: Fields, texts: OutTexts) -> Fields:
    """Return it with its options as the list shows them that they are chosen from: words alone."""
    pairs = [[left, _shown(right, texts)] for left, right in data["pairs"]]
    extras = [_shown(text, texts) for text in data.get("extra_options", ())]
    return {**data, "pairs": pairs, **({"extra_options": extras} if extras else {})}


def _shown(text: str, texts: OutTexts) -> str:
    return option(texts.option(in_words(text)))


def unshown(data: Fields, texts: OutTexts) -> list[str]:
    """Name the formulas of options, which a list shows as their sources."""
    options = [*(right for _left, right in data["pairs"]), *data.get("extra_options", ())]
    return [FORMATTING] if any(markdown.has_formula(texts.option(text)) for text in options) else []


MAPPING = MoodleMapping(
    frozenset({"pairs", "extra_options"}),
    lambda _data: _KIND,
    _answers,
    {_KIND: _read, "ddmatch": _read},
    prepared=prepared,
    unshown=unshown,
)
