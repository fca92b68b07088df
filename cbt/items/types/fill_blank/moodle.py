"""填空 in Moodle XML: a shortanswer for one blank, a cloze for several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cbt.interchange import raw_items, text
from cbt.interchange.moodle_question import (
    ALMOST_ALL,
    Fields,
    MoodleMapping,
    MoodleQuestion,
    answer,
)
from cbt.interchange.out_texts import OutTexts, blank_stem
from cbt.interchange.raw_items import LeftOut, sound_spellings, starred

_ONE, _SEVERAL = "shortanswer", "cloze"
_GAP = re.compile(r"\[\[(\d{1,3})\]\]")
_MEANS = re.compile(r"[}#\\~&<>\"]")


def _read(question: MoodleQuestion) -> dict[str, Any]:
    answers = question.graded("plain")
    if any(0 < one.worth < ALMOST_ALL for one in answers):
        question.found.hint("open_weights", question.name)
    if question.flag("usecase"):
        question.found.hint("open_case", question.name)
    full = [one.raw for one in answers if one.worth >= ALMOST_ALL]
    data = raw_items.fill(question.blank_stem, [sound_spellings(question.found, full)])
    return data | question.explanation(answers, letters=False)


def _gaps(question: MoodleQuestion) -> dict[str, Any]:
    """Gaps [[1]] to be filled with words: the places of the words are the key."""
    words = []
    for node in text.children(question.node, "selectoption", "dragbox"):
        words.append(text.words(text.child(node, "text")))
    stem, spellings = question.stem.replace("\\[", "["), []
    for place, number in enumerate(_GAP.findall(stem), 1):
        if not 1 <= int(number) <= len(words):
            raise LeftOut("open_key_unknown", f"[[{number}]]")
        stem = stem.replace(f"[[{number}]]", f"{{{{{place}}}}}", 1)
        spellings.append([words[int(number) - 1]])
    data = raw_items.fill(stem, spellings, list(dict.fromkeys(words)))
    return data | raw_items.explained(question.general, [])


def _kind(data: Fields) -> str:
    return _ONE if len(data["answer"]) == 1 else _SEVERAL


def _stem(data: Fields, texts: OutTexts) -> str:
    if _kind(data) == _ONE:
        return blank_stem(data, texts)
    return texts.block(str(data["stem"]), lambda number: _piece(data["answer"], number), hidden="{")


def _piece(spellings: list[list[str]], number: int) -> str:
    """Return one blank of a cloze, "" for a mark without a key."""
    if not 1 <= number <= len(spellings):
        return ""
    words = "~".join(f"={_key(starred(word))}" for word in spellings[number - 1])
    return f"{{1:SHORTANSWER:{words}}}"


def _key(word: str) -> str:
    """Return a key as Moodle scores it: it takes a stroke before `}` and `#` away, and reads entities."""
    return _MEANS.sub(lambda sign: f"\\{sign[0]}" if sign[0] in "}#" else f"&#{ord(sign[0])};", word)


def _answers(data: Fields, _texts: OutTexts) -> Iterator[str]:
    if _kind(data) == _ONE:
        yield "<usecase>0</usecase>"
        for spelling in data["answer"][0]:
            yield answer(starred(spelling), 100, "moodle_auto_format")


MAPPING = MoodleMapping(
    frozenset({"answer"}),
    _kind,
    _answers,
    {_ONE: _read, "gapselect": _gaps, "ddwtos": _gaps},
    _stem,
)
