"""The types of a Moodle question that our items can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cbt.bank.foreign import questions, tree
from cbt.bank.foreign.raw import LeftOut
from cbt.bank.formats.moodle.texts import MoodleQuestion

NO_QUESTION = frozenset({"description"})
_ALMOST_ALL = Decimal(99)
_GAP = re.compile(r"\[\[(\d{1,3})\]\]")


def _multichoice(asked: MoodleQuestion) -> dict[str, Any]:
    answers = asked.answers()
    single = asked.flag("single") is not False
    if single and any(0 < one.worth < _ALMOST_ALL for one in answers):
        asked.found.hint("open_weights", asked.name)
    right = [one.worth >= _ALMOST_ALL if single else one.worth > 0 for one in answers]
    choices = [(one.text, sound) for one, sound in zip(answers, right, strict=True)]
    fixed = asked.flag("shuffleanswers") is False
    data = questions.choice(asked.stem, choices, multiple=not single, fixed=fixed)
    return data | asked.explanation(answers, letters=True)


def _truefalse(asked: MoodleQuestion) -> dict[str, Any]:
    answers = asked.answers("moodle_auto_format")
    right = [one.raw.lower() for one in answers if one.worth >= _ALMOST_ALL]
    if len(right) != 1 or right[0] not in {"true", "false"}:
        raise LeftOut("open_no_key", asked.name)
    said = [(one.raw.upper()[:1], one.feedback) for one in answers]
    return questions.true_false(asked.stem, right[0] == "true") | questions.explained(asked.general, said)


def _shortanswer(asked: MoodleQuestion) -> dict[str, Any]:
    answers = asked.answers("plain")
    if any(0 < one.worth < _ALMOST_ALL for one in answers):
        asked.found.hint("open_weights", asked.name)
    if asked.flag("usecase"):
        asked.found.hint("open_case", asked.name)
    full = [one.raw for one in answers if one.worth >= _ALMOST_ALL]
    data = questions.fill(questions.with_blank(asked.stem), [sound_spellings(asked, full)])
    return data | asked.explanation(answers, letters=False)


def sound_spellings(asked: MoodleQuestion, spellings: list[str]) -> list[str]:
    """Return spellings without those that stand for many: `*` is any text there, and `\\*` a star."""
    wild = [one for one in spellings if re.search(r"(?<!\\)\*", one)]
    if wild and len(wild) == len(spellings):
        raise LeftOut("open_wildcard", wild[0])
    for one in wild:
        asked.found.hint("open_wildcard_left", one)
    return [one.replace("\\*", "*") for one in spellings if one not in wild and one]


def _numerical(asked: MoodleQuestion) -> dict[str, Any]:
    answers = [one for one in asked.answers("plain") if one.raw != "*"]
    full = [one for one in answers if one.worth >= _ALMOST_ALL]
    if len(full) != 1:
        raise LeftOut("open_numbers" if full else "open_no_key", asked.name)
    if any(one is not full[0] and one.worth > 0 for one in answers):
        asked.found.hint("open_weights", asked.name)
    answer = questions.number(full[0].raw)
    tolerance = questions.number(tree.words(tree.child(full[0].node, "tolerance")) or "0")
    if answer is None or tolerance is None or tolerance < 0:
        raise LeftOut("open_number", full[0].raw)
    if tree.child(asked.node, "units") is not None and list(tree.descendants(asked.node, "unit")):
        asked.found.hint("open_units", asked.name)
    data = questions.numeric(questions.with_blank(asked.stem), answer, tolerance)
    return data | asked.explanation(answers, letters=False)


def _matching(asked: MoodleQuestion) -> dict[str, Any]:
    pairs = []
    for node in tree.children(asked.node, "subquestion"):
        left = asked.formatted(node, "html")
        right = tree.child(node, "answer")
        pairs.append((left, asked.formatted(right, "plain") if right is not None else ""))
    extras = [right for left, right in pairs if not left and right]
    data = questions.matching(asked.stem, [pair for pair in pairs if pair[0]], extras)
    return data | questions.explained(asked.general, [])


def _essay(asked: MoodleQuestion) -> dict[str, Any]:
    answer = asked.text(asked.node, "graderinfo")
    return questions.short_answer(asked.stem, answer) | questions.explained(asked.general, [])


def _ordering(asked: MoodleQuestion) -> dict[str, Any]:
    answers = asked.answers()
    ranked = sorted(answers, key=lambda one: one.worth)
    steps = [one.text for one in (ranked if len({one.worth for one in answers}) == len(answers) else answers)]
    return questions.ordering(asked.stem, steps) | questions.explained(asked.general, [])


def _gaps(asked: MoodleQuestion) -> dict[str, Any]:
    """Gaps [[1]] to be filled with words: the places of the words are the key."""
    words = []
    for node in tree.children(asked.node, "selectoption", "dragbox"):
        words.append(tree.words(tree.child(node, "text")))
    stem, answer = asked.stem.replace("\\[", "["), []
    for place, number in enumerate(_GAP.findall(stem), 1):
        if not 1 <= int(number) <= len(words):
            raise LeftOut("open_key_unknown", f"[[{number}]]")
        stem = stem.replace(f"[[{number}]]", f"{{{{{place}}}}}", 1)
        answer.append([words[int(number) - 1]])
    data = questions.fill(stem, answer, list(dict.fromkeys(words)))
    return data | questions.explained(asked.general, [])


KINDS: Mapping[str, Callable[[MoodleQuestion], dict[str, Any]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "ddmatch": _matching,
    "essay": _essay,
    "ordering": _ordering,
    "gapselect": _gaps,
    "ddwtos": _gaps,
}
"""By the name Moodle gives a type."""
