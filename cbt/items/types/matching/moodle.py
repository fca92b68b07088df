"""匹配 in Moodle XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.moodle_question import Fields, MoodleMapping, MoodleQuestion, text_element
from cbt.items.media import in_words

_KIND = "matching"


def _read(question: MoodleQuestion) -> dict[str, Any]:
    pairs = []
    for node in text.children(question.node, "subquestion"):
        left = question.formatted(node, "html")
        right = text.child(node, "answer")
        pairs.append((left, question.formatted(right, "plain") if right is not None else ""))
    extras = [right for left, right in pairs if not left and right]
    data = raw_items.matching(question.stem, [pair for pair in pairs if pair[0]], extras)
    return data | raw_items.explained(question.general, [])


def _answers(data: Fields) -> Iterator[str]:
    yield "<shuffleanswers>1</shuffleanswers>"
    for left, right in [*data["pairs"], *(["", extra] for extra in data.get("extra_options", ()))]:
        inner = f"{text_element(left)}<answer>{text_element(right)}</answer>"
        yield f'<subquestion format="markdown">{inner}</subquestion>'


def _prepared(data: Fields) -> Fields:
    """Return it with words for the pictures of its options: the list they are chosen from holds none."""
    pairs = [[left, in_words(right)] for left, right in data["pairs"]]
    extras = [in_words(text) for text in data.get("extra_options", ())]
    return {**data, "pairs": pairs, **({"extra_options": extras} if extras else {})}


MAPPING = MoodleMapping(
    frozenset({"pairs", "extra_options"}),
    lambda _data: _KIND,
    _answers,
    {_KIND: _read, "ddmatch": _read},
    prepared=_prepared,
)
