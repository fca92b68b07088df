"""Doubts about choices and keys.

Choices: the same one in many items, a key among them, a stem for the first, separators left. Keys: one letter for
most items, letters where nothing is to be chosen, verdicts kept as words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from cbt.interchange.documents.terms import letters, verdict
from cbt.interchange.doubts.doubt import CHOSEN, HEAD, WORDED, Doubt, DoubtedReading, Mend
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import normal, plain
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


_FEWEST_ANSWERS, _MOST_OF_ONE = 10, 0.8
_FEWEST_VERDICTS = 12
_LETTERS = re.compile(r"[A-H](?:[,，、;；/\s]*[A-H]){0,7}")
_RULE = re.compile(r"[-=_*—\s]{3,}")
_VERDICT_LINE = re.compile(
    r"[（(]?\s*(?:true|false|[TFAB√×对错])\s*[)）]?\s*[.．、:：]?\s*(\S{1,3})", re.IGNORECASE
)


def one_key(evidence: DoubtedReading) -> Doubt | None:
    """Doubt keys of which nearly all are one letter, or verdicts that are all the same."""
    singles = evidence.of(ItemType.SINGLE_CHOICE)
    truths = evidence.of(ItemType.TRUE_FALSE)
    for own, fewest, most in ((singles, _FEWEST_ANSWERS, _MOST_OF_ONE), (truths, _FEWEST_VERDICTS, 1.0)):
        counts = Counter(str(data["answer"]) for _place, data in own)
        if counts.total() < fewest:
            continue
        key, count = counts.most_common(1)[0]
        if count >= most * counts.total():
            concerned = tuple(place for place, data in own if str(data["answer"]) == key)
            shown = {"True": "√", "False": "×"}.get(key, key)
            params = {"key": shown, "total": counts.total()}
            return Doubt("one_key", concerned, evidence.stems(concerned), params=params)
    return None


def letters_alone(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the keys of 填空 and 简答 that are letters of choices: there are none to choose from."""
    concerned = tuple(
        place
        for place, data in evidence.of(*WORDED)
        if all(_LETTERS.fullmatch(plain(key)) for key in _spellings(data))
    )
    return Doubt("letters_alone", concerned, evidence.stems(concerned)) if concerned else None


def worded_verdicts(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the keys of 填空 and 简答 that say right or wrong, and verdicts left below a stem."""
    worded = [place for place, data in evidence.of(*WORDED) if _verdict(data) is not None and not _asks(data)]
    truths = [
        place for place, data in evidence.of(ItemType.TRUE_FALSE) if any(map(says_verdict, _below(data)))
    ]
    concerned = tuple(sorted([*worded, *truths]))
    mends = {"as_truth": _as_truth}
    return Doubt("worded_verdicts", concerned, evidence.stems(concerned), mends) if concerned else None


def _spellings(data: Mapping[str, Any]) -> Iterator[str]:
    answer = data["answer"]
    if isinstance(answer, bool):
        answer = "√" if answer else "×"
    yield from (one for row in answer for one in row) if isinstance(answer, list) else [str(answer)]


def _verdict(data: Mapping[str, Any]) -> bool | None:
    """Return what a key in words says by its first line, where nothing but a rule follows it."""
    keys = list(_spellings(data))
    lines = keys[0].split("\n") if len(keys) == 1 else []
    return verdict(lines[0]) if lines and all(_RULE.fullmatch(line) for line in lines[1:]) else None


def _asks(data: Mapping[str, Any]) -> bool:
    """Return whether a sentence goes on behind its blank: 对 may well be the word that is missing."""
    tail = str(data["stem"]).split("\n")[0].rpartition("{{1}}")
    return bool(tail[1]) and len(tail[2].strip(" 。.（()）")) > 2


def _as_truth(draft: ItemDraft) -> ItemDraft | None:
    truth = _verdict(draft.data)
    first = str(draft.data["stem"]).split("\n")[0]
    kept = [first, *(line for line in _below(draft.data) if not says_verdict(line))]
    stem = re.sub(r"[\s　]*(?:\{\{1\}\}|[（(][\s　]*[)）])[\s　]*(?=[。.]?$)", "", "\n".join(kept))
    data = {name: value for name, value in draft.data.items() if name not in {"limit", "word_bank"}}
    return draft.with_data({**data, "type": str(ItemType.TRUE_FALSE), "stem": stem, "answer": truth})


def _below(data: Mapping[str, Any]) -> list[str]:
    return str(data["stem"]).split("\n")[1:]


def says_verdict(line: str) -> bool:
    if len(line) > HEAD:
        return False
    match = _VERDICT_LINE.fullmatch(line.replace("{{1}}", "").strip())
    return _RULE.fullmatch(line) is not None or (match is not None and verdict(match[1]) is not None)
