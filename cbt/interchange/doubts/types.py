"""Doubts about types: 多选 of one letter, headings that come again as numbers go on, sheets that ask nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.structure import NO_HEADING, heading_name, heading_of
from cbt.interchange.doubts.doubt import Doubt, DoubtedReading, number_of
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import normal
from cbt.rules.items.content import ItemType

_FEWEST, _MOST = 3, 0.5
_SHORT = 10
_ASKS = re.compile(r"[?？。！]|[（(][\s　]*[)）]|_{2,}|\{\{1\}\}|[：:]$")
_ASKED = (ItemType.TRUE_FALSE, ItemType.FILL_BLANK, ItemType.SHORT_ANSWER, ItemType.NUMERIC)


def multiple_of_one(evidence: DoubtedReading) -> Doubt | None:
    """Doubt 多选 of which most have one right choice."""
    many = evidence.of(ItemType.MULTIPLE_CHOICE)
    concerned = tuple(place for place, data in many if len(data["answer"]) == 1)
    if len(concerned) < max(_FEWEST, _MOST * len(many)):
        return None
    mends = {"as_single": _as_single}
    return Doubt("multiple_of_one", concerned, evidence.stems(concerned), mends, {"total": len(many)})


def _as_single(draft: ItemDraft) -> ItemDraft:
    return draft.with_data({**draft.data, "type": str(ItemType.SINGLE_CHOICE)})


def returning_heading(evidence: DoubtedReading) -> Doubt | None:
    """Doubt a heading that came before and after which numbers go on: a running head of its pages, no section."""
    seen: Counter[str] = Counter()
    last, heading, texts = 0, "", []
    for one in evidence.lines:
        found = heading_of(Line(one.text, one.place.line)) if len(one.text) <= 60 else None
        if found is not None and found.kind:
            seen[one.text] += 1
            heading = one.text
            continue
        number = number_of(one.text) if (one.place.file, one.place.line) in evidence.starts else 0
        if heading and number:
            if seen[heading] > 1 and number == last + 1 and number > 1:
                texts.append(heading)
            heading = ""
        last = number or last
    if not texts:
        return None
    text, count = Counter(texts).most_common(1)[0]
    params = {"text": text, "times": count + 1}
    return Doubt("returning_heading", (), [text], {NO_HEADING: _kept}, params, heading_name(text))


def _kept(draft: ItemDraft) -> ItemDraft:
    return draft


def nothing_asked(evidence: DoubtedReading) -> Doubt | None:
    """Doubt sheets most of whose stems are a few words that ask nothing: plans and lists."""
    sheets: defaultdict[str, list[int]] = defaultdict(list)
    for place, draft in enumerate(evidence.items if evidence.columns else ()):
        sheets[draft.place("").sheet].append(place)
    concerned: list[int] = []
    for places in sheets.values():
        silent = [place for place in places if _is_silent(evidence.items[place])]
        concerned += silent if len(silent) >= max(2, _MOST * len(places)) else []
    return Doubt("nothing_asked", tuple(concerned), evidence.stems(concerned)) if concerned else None


def _is_silent(draft: ItemDraft) -> bool:
    stem = str(draft.data.get("stem", ""))
    return draft.data.get("type") in _ASKED and len(normal(stem)) <= _SHORT and not _ASKS.search(stem[:-1])
