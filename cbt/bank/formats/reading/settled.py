"""What a question becomes, and those whose key is words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbt.bank.formats.cells import blank_marks
from cbt.bank.formats.reading.answers import after_key
from cbt.bank.formats.reading.question import WordedQuestion, joined
from cbt.bank.formats.reading.words import EMPTY, letters
from cbt.rules.items.values import ItemType

TEXTS = {ItemType.FILL_BLANK, ItemType.SHORT_ANSWER}
_MOST = 5_000
_USUAL = 500


@dataclass(slots=True)
class Settled:
    """What became of a question: its content, or the codes of why there is none; what was only understood."""

    data: dict[str, Any]
    errors: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    hints: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)
    """Codes of what its file does not say: `type`, `mark`, `text_key`, `truth_letters`."""

    def wrong(self, code: str, name: str, **params: object) -> None:
        """Note why the question stays out."""
        self.errors.append((code, name, {"field": name, **params}))


def settle_text(one: WordedQuestion, kind: str, done: Settled) -> None:
    """Settle a question whose key is words: 填空, or 简答 and its like."""
    written, blanks = _unwrapped(one.stated), len(EMPTY.findall(one.stem))
    if not any(one.isalnum() for one in written):
        written = ""
    if not kind and not written:
        done.wrong("text_no_key", "answer")
        return
    if not kind and letters(written):
        done.wrong("text_no_choices", "choices")
        return
    if not kind:
        done.inferred.append("type")
    if one.choices and not kind:
        done.wrong("text_no_choices", "choices")
        return
    stem = one.stem if not one.choices else joined(one.source.body, 0)
    if kind == ItemType.FILL_BLANK or (not kind and blanks and _blanks(written, blanks)):
        keys = _blanks(written, blanks) if written else None
        if not written and not blanks and (inside := _INSIDE.findall(stem)):
            done.inferred.append("fill_inside")
            stem, keys, blanks = (
                _INSIDE.sub("（　　）", stem),
                [["".join(one)] for one in inside],
                len(inside),
            )
        if keys is None:
            done.wrong("answer_blanks" if written else "text_no_key", "answer", count=blanks)
            return
        marked, _count = blank_marks(stem, EMPTY)
        done.data |= {"type": str(ItemType.FILL_BLANK), "stem": marked, "answer": keys}
        return
    if not written:
        done.wrong("text_no_key", "answer")
        return
    if len(written) > _MOST:
        done.wrong("text_answer_long", "answer", limit=_MOST)
        return
    limit: Mapping[str, int] = {} if len(written) <= _USUAL else {"limit": _MOST}
    done.data |= {"type": str(ItemType.SHORT_ANSWER), "stem": stem, "answer": written, **limit}


_INSIDE = re.compile(r"[（(]\s*([^（()）]{1,60}?)\s*[)）]|(?<!_)_+\s*([^_（()）]{1,60}?)\s*_+")


def _unwrapped(text: str) -> str:
    """Return a key without the brackets around all of it."""
    if text.endswith(("）", ")")) and not any(one in text for one in "（("):
        return text[:-1].rstrip()
    depth, inner = 0, text[1:-1]
    if text[:1] not in set("（(【[") or text[-1:] not in set("）)】]"):
        return text
    for one in inner:
        depth += (one in "（(【[") - (one in "）)】]")
        if depth < 0:
            return text
    return inner.strip()


def _blanks(written: str, count: int) -> list[list[str]] | None:
    """Return the words of each blank, separated in the first way that gives as many as there are blanks."""
    if count == 1:
        return [[written.strip()]]
    numbered = [one.strip(" 　;；,，。") for one in re.split(r"[①-⑳]|[（(]\d{1,2}[)）]", written)[1:]]
    if count > 1 and len(numbered) == count and all(numbered):
        return [[one] for one in numbered]
    for between in (r"[;；\n]+", r"[|｜]+", r"[，,]+", r"、+", r"[\s　]+", r"[\s　]{2,}"):
        parts = [re.sub(r"^[（(]?\d{1,2}[)）.、]\s*", "", one.strip()) for one in re.split(between, written)]
        parts = [one for one in parts if one]
        if count and len(parts) == count:
            return [[one] for one in parts]
    return None


_LEVELS = {
    "易": 1,
    "容易": 1,
    "简单": 1,
    "较易": 2,
    "中": 3,
    "中等": 3,
    "一般": 3,
    "适中": 3,
    "较难": 4,
    "难": 5,
    "困难": 5,
}


def beside(one: WordedQuestion, done: Settled) -> None:
    """Take what stands beside a question: explanation, difficulty, the code of its point."""
    fields = one.source.fields
    explanation = "\n".join(line.text for line in fields.get("explanation", ())).strip()
    if not explanation and done.data.get("type") not in {*map(str, TEXTS), None}:
        explanation = after_key(one.stated)
    if explanation and explanation not in {"无", "略", "暂无"}:
        done.data["explanation"] = explanation
    said = "".join(line.text for line in fields.get("difficulty", ())).strip(" 。.;；）)")
    level = int(said) if said in {"1", "2", "3", "4", "5"} else _LEVELS.get(said)
    if level:
        done.data["difficulty"] = level
    agreed = "".join(line.text for line in fields.get("consistency", ()))
    if agreed in {"1", "2", "3", "4", "5"}:
        done.data["consistency"] = int(agreed)
    point = "".join(line.text for line in fields.get("point", ())).strip()
    if re.fullmatch(r"[A-Za-z](?:\s*[-－—]\s*[A-Za-z])*\s*[-－—]\s*\d{1,3}", point):
        done.data["point"] = point
