"""排序 in GIFT, as Moodle writes it: `{>6 RANDOM VERTICAL …}` and a step in each line; it reads ids of none."""

from __future__ import annotations

import re
from typing import Any

from cbt.interchange import raw_items
from cbt.interchange.gift_answer import Braces, GiftMapping

_HEAD = re.compile(
    r">\s*(\d{1,3})\s*((?:[A-Z_]{2,40}|none|123|abc|iii)?(?:[ \t]+(?:[A-Z_]{2,40}|none|123|abc|iii))*)[ \t]*(?=\n)"
)


def _claims(braces: Braces) -> bool:
    return _HEAD.match(braces.plain) is not None


def _read(braces: Braces) -> dict[str, Any]:
    head = _HEAD.match(braces.plain)
    assert head is not None
    lines = [line for line in braces.plain[head.end() :].split("\n") if line.strip()]
    if not {"ALL", "EXACT"} & set(head[2].split()) and 0 < int(head[1]) < len(lines):
        braces.found.hint("open_subset", braces.stem(" "))
    data = raw_items.ordering(braces.stem(" "), [braces.text(line, line=True) for line in lines])
    return data | raw_items.explained(braces.general, [])


MAPPING = GiftMapping(frozenset({"steps"}), _claims, _read, lambda _data, _texts: None)
