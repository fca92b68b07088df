"""Doubts about choices: the same one in many items, a key among them, a stem for the first, separators left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cbt.interchange.documents.terms import letters, verdict
from cbt.interchange.doubts.doubt import CHOSEN, HEAD, Doubt, DoubtedReading, Mend
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import normal
from cbt.rules.items.content import LETTERS, ItemType

_FEWEST, _MOST = 5, 0.8
_ASKING = 0.5
_USUAL = re.compile(r"[以上述前都均全各其他不无没有正确错误对是非皆可能选项答案描述说法ABCDEFG和与、]+")
"""What closes many an item: 以上都对, 其他, 无."""
_LEGEND = re.compile(
    r"[【\[（(]?\s*(?:正确|标准|参考|本题)?(?:答案|解析|选项)\s*[】\])）]?\s*[:：]|(?:correct\s+)?answer\s*:",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？]\s*$|[（(][\s　]*[)）]|_{2,}|(?:是|为|有|应)\s*[:：]$")
_SIGNS = "$#&|^~@"


def repeated_choice(evidence: DoubtedReading) -> Doubt | None:
    """Doubt a choice that stands in most items: a column, a legend or a page's foot."""
    chosen = evidence.of(*CHOSEN)
    legends = tuple(place for place, data in chosen if any(map(_is_legend, data["choices"])))
    if legends:
        mend: Mend = partial(_without, which=_is_legend)
        return Doubt("choice_is_key", legends, _texts(evidence, legends), {"drop_choice": mend})
    counts = Counter(text for _place, data in chosen for text in {normal(one) for one in data["choices"]})
    text, count = counts.most_common(1)[0] if counts else ("", 0)
    if count < _FEWEST or count < _MOST * len(chosen) or _USUAL.fullmatch(text) or verdict(text) is not None:
        return None
    if sum(other == count for other in counts.values()) > 1:  # the same scale everywhere is a way to ask
        return None
    concerned = tuple(place for place, data in chosen if text in map(normal, data["choices"]))
    mend = partial(_without, which=lambda one: normal(one) == text)
    params = {"choice": _like(evidence, concerned[0], text), "total": len(chosen)}
    return Doubt("repeated_choice", concerned, evidence.stems(concerned), {"drop_choice": mend}, params)


def asking_choice(evidence: DoubtedReading) -> Doubt | None:
    """Doubt first choices that ask: a stem in another language, and all keys one letter too early."""
    chosen = evidence.of(*CHOSEN)
    concerned = tuple(place for place, data in chosen if _ASKS.search(data["choices"][0]))
    if len(concerned) < max(2, _ASKING * len(chosen)):
        return None
    lettered = {place for place in concerned if _lettered(evidence, place)}
    by_letter = 2 * len(lettered) > len(concerned)
    mends = {
        "drop_first": partial(_without_first, by_letter=by_letter, joined=False),
        "join_first": partial(_without_first, by_letter=by_letter, joined=True),
    }
    return Doubt("asking_choice", concerned, _texts(evidence, concerned), mends)


def signs_left(evidence: DoubtedReading) -> Doubt | None:
    """Doubt texts that begin or end with a sign that parts choices or keys elsewhere (`a$`)."""
    concerned = []
    for place, draft in enumerate(evidence.items):
        parts = _parts(draft.data)
        signs = sum(len(text) > 1 and text.strip(_SIGNS) != text for text in parts)
        if len(parts) > 1 and signs >= len(parts) - 1:
            concerned.append(place)
    places = tuple(concerned)
    if not places:
        return None
    said = ["；".join(_parts(evidence.items[place].data)) for place in places]
    return Doubt("signs_left", places, said, {"strip_signs": _without_signs})


def _is_legend(text: str) -> bool:
    return _LEGEND.match(text[:HEAD]) is not None


def _like(evidence: DoubtedReading, place: int, text: str) -> str:
    return next(str(one) for one in evidence.items[place].data["choices"] if normal(one) == text)


def _texts(evidence: DoubtedReading, places: tuple[int, ...]) -> list[str]:
    return [" / ".join(evidence.items[place].data["choices"]) for place in places]


def _without(draft: ItemDraft, which: Callable[[str], bool]) -> ItemDraft | None:
    """Return an item without some of its choices, its key in the letters of those left."""
    choices = list(draft.data["choices"])
    left = [place for place, text in enumerate(choices) if not which(text)]
    key = [LETTERS.index(letter) for letter in draft.data["answer"]]
    if len(left) < 2 or not set(key) <= set(left):
        return None
    answer = "".join(LETTERS[left.index(place)] for place in key)
    return draft.with_data({**draft.data, "choices": [choices[place] for place in left], "answer": answer})


def _without_first(draft: ItemDraft, *, by_letter: bool, joined: bool) -> ItemDraft | None:
    """Return an item without its first choice; a key that its file gives in letters counts from the next."""
    first, *rest = draft.data["choices"]
    places = [LETTERS.index(letter) - (not by_letter) for letter in draft.data["answer"]]
    if len(rest) < 2 or min(places) < 0 or max(places) >= len(rest):
        return None
    stem = f"{draft.data['stem']}\n{first}" if joined else draft.data["stem"]
    answer = "".join(LETTERS[place] for place in places)
    return draft.with_data({**draft.data, "stem": stem, "choices": rest, "answer": answer})


def _lettered(evidence: DoubtedReading, place: int) -> bool:
    texts = evidence.beside[place].texts if place in evidence.beside else []
    return any(one.field == "answer" and letters(one.text) for one in texts)


def _parts(data: Mapping[str, Any]) -> list[str]:
    if data.get("type") == ItemType.FILL_BLANK:
        return [one for row in data["answer"] for one in row]
    return [str(one) for one in data.get("choices", ())]


def _without_signs(draft: ItemDraft) -> ItemDraft:
    data = dict(draft.data)
    if data.get("type") == ItemType.FILL_BLANK:
        data["answer"] = [[one.strip(_SIGNS) for one in row] for row in data["answer"]]
    else:
        data["choices"] = [str(one).strip(_SIGNS) for one in data["choices"]]
    return draft.with_data(data)
