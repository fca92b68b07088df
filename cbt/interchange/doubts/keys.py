"""Doubts about keys: one letter for most items, letters where nothing is to be chosen, verdicts kept as words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cbt.interchange.documents.terms import verdict
from cbt.interchange.doubts.doubt import HEAD, WORDED, Doubt, DoubtedReading
from cbt.items.draft import ItemDraft
from cbt.items.exam_prose import plain
from cbt.rules.items.content import ItemType

_FEWEST, _MOST = 10, 0.8
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
    for own, fewest, most in ((singles, _FEWEST, _MOST), (truths, _FEWEST_VERDICTS, 1.0)):
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
