"""A text bank as plain JSON: for checks by other programs and for people who read it whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.items.types.registry import authoring_of
from cbt.rules.items.basis.authored import COMMON, number
from cbt.rules.items.registry import TYPES

_SAID_ELSEWHERE = {"point", "answer", "parts"}
"""Fields an author writes that are shown under another name."""


def shown_items(drafts: Iterable[ItemDraft]) -> list[dict[str, Any]]:
    """Return each item with its ref, type, texts, answer_key, points, knowledge_point and difficulty.

    Fields a type does not have are null or left out; a case has its `parts` in the same shape. Theory
    items have no points of their own: the blueprint's section gives them.
    """
    return [{"ref": draft.ref, **_shown(draft.data)} for draft in drafts]


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": data.get("type"),
        "stem": data.get("stem"),
        "stimulus": data.get("stimulus"),
        "choices": data.get("choices"),
        "answer_key": data.get(authoring_of(data.get("type")).key_field),
        "points": data.get("points"),
        "knowledge_point": data.get("point"),
        "difficulty": data.get("difficulty"),
        "explanation": data.get("explanation"),
        "enemies": data.get("enemies", []),
    }
    kind = TYPES.get(str(data.get("type")))
    own = (kind.fields if kind else COMMON) - _SAID_ELSEWHERE - shown.keys()
    shown |= {key: value for key, value in data.items() if key in own}
    if "parts" in data:
        shown["parts"] = [_shown(part) for part in data["parts"]]
        worths = [number(part["points"]) or Decimal(0) for part in shown["parts"]]
        shown["points"] = f"{sum(worths, Decimal(0)):f}"
    return shown
