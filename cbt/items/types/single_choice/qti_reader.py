"""Choices in QTI: a 判断, a 单选 or a 多选."""

from __future__ import annotations

from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.qti import interactions
from cbt.interchange.qti.interactions import TOOL, Asking, QtiReading
from cbt.interchange.raw_items import LeftOut
from cbt.items.types.true_false.qti_reader import truths


def _choice(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    return _choices(asking, asking.stem(block, nodes[0]), nodes[0], "simpleChoice")


def _inline_choice(asking: Asking, block: Any, nodes: list[Any]) -> dict[str, Any]:
    stem = asking.text_around(block, nodes[0], raw_items.BLANK)
    return _choices(asking, stem, nodes[0], "inlineChoice")


def _choices(asking: Asking, stem: str, node: Any, name: str) -> dict[str, Any]:
    key, texts = asking.key(node), asking.texts(node, name)
    right = key.right()
    if any(one not in texts for one in right):
        raise LeftOut("open_key_unknown", ", ".join(right))
    several = key.cardinality == "multiple"
    ours = asking.root.get("toolName") == TOOL and set(texts) != {"true", "false"}
    if len(texts) == 2 and not (several or ours) and (truth := truths(texts)) and len(right) == 1:
        return raw_items.true_false(stem, truth[right[0]])
    fixed = node.get("shuffle") == "false"
    pairs = [(text, name in right) for name, text in texts.items()]
    data = raw_items.choice(stem, pairs, multiple=several, fixed=fixed)
    feedback = [interactions.inline_feedback(asking.found, one) for one in text.descendants(node, name)]
    return data | {"feedback": list(zip(raw_items.LETTERS, feedback, strict=False))}


MAPPING = QtiReading({"choiceInteraction": _choice, "inlineChoiceInteraction": _inline_choice})
