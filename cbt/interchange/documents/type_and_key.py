"""The type and key of a question: its content as an item, or the codes of why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cbt.interchange.documents.question import (
    WordedQuestion,
    after_key,
    give_back,
    joined,
    letters_among,
    same_choices,
    verdict_among,
)
from cbt.interchange.documents.structure import without_tag
from cbt.interchange.documents.terms import (
    BLANK,
    EMPTY,
    LETTERS,
    folded,
    letters,
    verdict,
    without_last_blank,
)
from cbt.items.exam_prose import blank_marks
from cbt.rules.items.content import ItemType

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


CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Habits:
    """What holds for a whole file: whether keys stand in stems, by which mark, which letter means right."""

    inside: bool
    leading: bool = False
    """Whether a bracket with the key leads stems that have an empty one, too."""
    mark: str = ""
    right_letter: str = "A"
    many: str = ""
    """The type of questions whose heading says 选择 or nothing, "" by the letters of their keys."""


def settle(one: WordedQuestion, habits: Habits) -> Settled:
    """Return type, stem, choices and key of a question."""
    done = Settled({})
    for code, value in one.faults:
        done.wrong(code, "choices", text=value, first="", second="")
    if not one.stem:
        done.wrong("missing", "stem")
    kind = one.kind
    if len(one.choices) >= 2 and kind not in TEXTS:
        if kind == ItemType.TRUE_FALSE or (not kind and _verdicts(one.choices)):
            _truth_by_choices(one, habits, done)
        else:
            _choice(one, kind, habits, done)
    elif kind in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE, CHOICE}:
        done.wrong("text_no_choices", "choices")
    elif kind == ItemType.TRUE_FALSE or (not kind and _reads_as_truth(one)):
        _truth(one, habits, done)
    else:
        settle_text(one, kind, done)
    beside(one, done)
    give_back(done.data, one.tail, one.told)
    if not done.errors and not str(done.data.get("stem", "")).strip():
        done.wrong("missing", "stem")
    return done


def _verdicts(choices: list[str]) -> bool:
    return len(choices) == 2 and {verdict(one) for one in choices} == {True, False}


def _choice(one: WordedQuestion, kind: str, habits: Habits, done: Settled) -> None:
    stem, key = _key_of_choice(one, habits, done)
    if same_choices(one.choices):
        done.wrong("text_choices_same", "choices")
    if key is None:
        return
    beyond = [letter for letter in key if LETTERS.index(letter) >= len(one.choices)]
    if beyond:
        done.wrong("answer_no_choice", "answer", letter=beyond[0], last=LETTERS[len(one.choices) - 1])
        return
    if kind == ItemType.SINGLE_CHOICE and len(key) > 1:
        done.wrong("answer_one_letter", "answer")
        return
    if kind not in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}:
        done.inferred.append("type")
        kind = habits.many or (ItemType.MULTIPLE_CHOICE if len(key) > 1 else ItemType.SINGLE_CHOICE)
        if kind == ItemType.SINGLE_CHOICE and len(key) > 1:
            done.wrong("answer_one_letter", "answer")
    if kind == ItemType.MULTIPLE_CHOICE and len(key) == 1:
        done.hints.append(("text_key_single_of_many", "answer", {}))
    done.data |= {"type": str(kind), "stem": stem, "choices": one.choices, "answer": key}


def _key_of_choice(one: WordedQuestion, habits: Habits, done: Settled) -> tuple[str, str | None]:
    """Return the stem without its key and the key; None, with a finding, where none or more than one is written."""
    inside = [(letters(found.token), found) for found in one.inside]
    inside = [(key, found) for key, found in inside if key]
    stated = letters_among(one.stated, one.choices) if one.stated else None
    if one.stated and stated is None:
        done.wrong("answer_letters", "answer")
        return one.stem, None
    if one.ticked and stated and stated != one.ticked:
        done.wrong("text_keys_differ", "answer", first=stated, second=one.ticked)
        return one.stem, None
    stated = stated or one.ticked or None
    if len(inside) == 1 and not one.empty_blank:
        key, found = inside[0]
        if stated is None or stated == key:
            return found.stem, key
        if habits.inside:
            done.wrong("text_keys_differ", "answer", first=stated, second=key or "")
            return one.stem, None
        done.hints.append(("text_bracket_kept", "stem", {"text": found.token}))
        return one.stem, stated
    if stated is not None:
        return one.stem, stated
    if habits.leading and len(inside) == 1 and inside[0][1].stem.startswith(BLANK):
        return without_tag(inside[0][1].stem.removeprefix(BLANK).lstrip())[0], inside[0][0]
    if len(inside) > 1:
        done.wrong("text_keys_differ", "answer", first=inside[0][0] or "", second=inside[1][0] or "")
        return one.stem, None
    if found_text := _text_inside(one):
        done.inferred.append("text_key")
        return found_text
    if habits.mark and one.marks.get(habits.mark):
        done.inferred.append("mark")
        return one.stem, one.marks[habits.mark]
    done.wrong("text_no_key", "answer")
    return one.stem, None


_BRACKETS = re.compile(r"[（(]([^（()）]{1,60})[)）]")


def _text_inside(one: WordedQuestion) -> tuple[str, str] | None:
    """Return the stem and the letter where the only bracket of a stem holds the text of one choice."""
    places = {folded(text): letter for letter, text in zip(LETTERS, one.choices, strict=False)}
    found = [match for match in _BRACKETS.finditer(one.stem) if folded(match[1]) in places]
    if len(found) != 1 or one.empty_blank:
        return None
    match = found[0]
    return f"{one.stem[: match.start()]}{BLANK}{one.stem[match.end() :]}", places[folded(match[1])]


def _truth_by_choices(one: WordedQuestion, habits: Habits, done: Settled) -> None:
    """Read the key of a 判断 through its choices: A may be 错."""
    said = [verdict(text) for text in one.choices]
    if not _verdicts(one.choices):
        done.wrong("text_truth_choices", "choices")
        return
    written = one.stated or one.ticked or next((found.token for found in one.inside if found.last), "")
    if not written and (written := one.marks.get(habits.mark, "")):
        done.inferred.append("mark")
    key = letters(written)
    truth: bool | None
    if key and len(key) == 1 and LETTERS.index(key) < 2 and verdict(written) is None:
        truth = said[LETTERS.index(key)]
    elif key_text := letters_among(written, one.choices) if written else None:
        truth = said[LETTERS.index(key_text)] if len(key_text) == 1 and key_text in "AB" else None
    else:
        truth = verdict_among(written)
    if truth is None:
        done.wrong("answer_truth" if written else "text_no_key", "answer")
        return
    if not one.kind:
        done.inferred.append("type")
    stem = next((found.stem for found in one.inside if found.last), one.stem)
    done.data |= {"type": str(ItemType.TRUE_FALSE), "stem": without_last_blank(stem), "answer": truth}


def _reads_as_truth(one: WordedQuestion) -> bool:
    if one.stated:
        return verdict_among(one.stated) is not None and len(one.stated) < 40
    if any(found.last and verdict(found.token) is not None for found in one.inside):
        return True
    return _TAIL.search(one.stem[-8:]) is not None


def _truth(one: WordedQuestion, habits: Habits, done: Settled) -> None:
    inside = [found for found in one.inside if found.last and _verdict(found.token, habits) is not None]
    if one.stated or len(inside) > 1:  # （A） may be an ampere where a key is written elsewhere
        inside = [found for found in inside if verdict(found.token) is not None]
    stated = verdict_among(one.stated) if one.stated else None
    if one.stated and stated is None and (key := letters(one.stated)) in {"A", "B"}:
        stated = key == habits.right_letter
        done.inferred.append("truth_letters")
    if one.stated and stated is None:
        done.wrong("answer_truth", "answer")
        return
    stem, truth = one.stem, stated
    if len(inside) == 1:
        within = _verdict(inside[0].token, habits)
        if stated is not None and within != stated:
            done.wrong("text_keys_differ", "answer", first=one.stated, second=inside[0].token)
            return
        if letters(inside[0].token) and verdict(inside[0].token) is None:
            done.inferred.append("truth_letters")
        stem, truth = inside[0].stem, within
    if truth is None:
        bare = _TAIL.search(stem[-8:])
        if bare and not inside:
            truth, stem = verdict(bare[1]), stem[: len(stem) - len(bare[0])].rstrip()
    if truth is None or len(inside) > 1:
        done.wrong("text_no_key" if len(inside) < 2 else "text_keys_differ", "answer", first="", second="")
        return
    if not one.kind:
        done.inferred.append("type")
    done.data |= {"type": str(ItemType.TRUE_FALSE), "stem": without_last_blank(stem), "answer": truth}


_TAIL = re.compile(r"[\s　]*([√×✓✗✔✘])[\s　。.]*$")


def _verdict(token: str, habits: Habits) -> bool | None:
    said = verdict(token)
    if said is None and (key := letters(token)) in {"A", "B"}:
        return key == habits.right_letter
    return said
