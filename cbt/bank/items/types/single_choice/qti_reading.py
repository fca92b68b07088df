"""Choices in QTI: a 判断, a 单选 or a 多选."""

from __future__ import annotations

from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.raw import LeftOut
from cbt.bank.formats.qti import words
from cbt.bank.formats.qti.asking import TOOL, Asking, QtiReading
from cbt.bank.items.types.true_false.qti_reading import truths


def _choice(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    return _choices(asking, asking.stem(block, asked[0]), asked[0], "simpleChoice")


def _inline_choice(asking: Asking, block: Any, asked: list[Any]) -> dict[str, Any]:
    stem = asking.text_around(block, asked[0], questions.BLANK)
    return _choices(asking, stem, asked[0], "inlineChoice")


def _choices(asking: Asking, stem: str, node: Any, name: str) -> dict[str, Any]:
    key, texts = asking.key(node), asking.texts(node, name)
    right = key.right()
    if any(one not in texts for one in right):
        raise LeftOut("open_key_unknown", ", ".join(right))
    several = key.cardinality == "multiple"
    ours = asking.root.get("toolName") == TOOL and set(texts) != {"true", "false"}
    if len(texts) == 2 and not (several or ours) and (truth := truths(texts)) and len(right) == 1:
        return questions.true_false(stem, truth[right[0]])
    fixed = node.get("shuffle") == "false"
    pairs = [(text, name in right) for name, text in texts.items()]
    data = questions.choice(stem, pairs, multiple=several, fixed=fixed)
    said = [words.inline_feedback(asking.found, one) for one in tree.descendants(node, name)]
    return data | {"feedback": list(zip(questions.LETTERS, said, strict=False))}


MAPPING = QtiReading({"choiceInteraction": _choice, "inlineChoiceInteraction": _inline_choice})
